//! Warns of settings that are legal and probably not meant.

use crate::{
    Config,
    diagnostics::{Finding, Findings},
    plan::ProgramPlan,
    setting::{Options, names},
    source_map::Path,
    suggest::nearest,
};

mod lock;
mod stack;

pub use lock::Lock;

/// The variables that are ours begin so.
pub(crate) const PREFIX: &str = "WATCHFIRE_";

/// Our variables besides those of the environment form.
const OWN: [&str; 2] = ["WATCHFIRE_CONFIG", "WATCHFIRE_DEBUG"];

/// Warns of what works and is probably not meant; `plans` are those of all services.
pub(crate) fn lint(
    config: &Config,
    plans: &[(Option<&str>, ProgramPlan)],
    known: Option<&Lock>,
    findings: &mut Findings,
) {
    let (options, source_map) = (config.options(), config.source_map());
    let mut warn = |path: Path, reason: &str, hint: &str| {
        let finding = Finding::new(&path, reason).at(source_map.key(&path)).warning();
        findings.add(finding.hint(Some(hint)));
    };
    for name in names(options, "handlers") {
        if !plans.iter().any(|(_, plan)| plan.handlers.iter().any(|handler| handler.name == name)) {
            let reason = "no logger and no service names it, so it receives nothing";
            warn(Path::of(["handlers", name]), reason, "name it in `handlers` of `root` or of a logger");
        }
    }
    let written = options.to_string();
    for section in ["filters", "formatters"] {
        for name in names(options, section) {
            // Its own header, and at least one that names it.
            let quoted = format!("\"{name}\"");
            if !written.contains(&quoted) {
                warn(Path::of([section, name]), "is used nowhere", "remove it, or name it where it is meant");
            }
        }
    }
    for (_, plan) in plans {
        for logger in &plan.loggers {
            if logger.target.is_empty() && !logger.rules.is_empty() {
                let reason = "filters of the root see only events logged at the root itself, as in Python";
                warn(Path::of(["root", "filters"]), reason, "put them on the handlers");
            }
        }
    }
    if options.table("handlers").is_none_or(Options::is_empty)
        && plans.iter().all(|(_, plan)| plan.handlers.is_empty())
    {
        warn(
            Path::of(["handlers"]),
            "there is none, so no event goes anywhere",
            "add one, such as [handlers.file]",
        );
    }
    stack::lint(config, plans, findings);
    if let Some(known) = known {
        lock::lint(options, source_map, config.text(), known, findings);
    }
}

/// Warns of variables that look like ours and are not. What `text` refers to is meant.
pub(crate) fn variables(set: &[String], text: &str, findings: &mut Findings) {
    let known = || crate::env_form::VARIABLES.iter().chain(&OWN).copied();
    let rest = |name: &str| name.strip_prefix(PREFIX).unwrap_or(name).to_owned();
    // Kubernetes sets such for each service of a namespace.
    let is_of_kubernetes = |name: &str| name.contains("_SERVICE_") || name.contains("_PORT");
    for name in set {
        if known().any(|known| known == name) || is_of_kubernetes(name) || text.contains(name.as_str()) {
            continue;
        }
        let finding = Finding::new(name, "is not a variable that watchfire reads").warning();
        // By what is after the prefix: with it, all of them are alike.
        let rests: Vec<String> = known().map(rest).collect();
        let meant = nearest(&rest(name), rests.iter().map(String::as_str));
        findings.add(finding.meant(meant.map(|meant| format!("{PREFIX}{meant}")).as_deref()));
    }
}
