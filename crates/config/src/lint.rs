//! Find what is legal and pointless.

use crate::{
    compile::names,
    mistake::{Findings, Mistake},
    place::{Path, Places},
    plan::Plan,
    setting::Options,
};

mod lock;

pub use lock::Lock;

/// Warns of what works and is probably not meant; `plans` are those of all services.
pub(crate) fn lint(
    options: &Options,
    (places, text): (&Places, &str),
    plans: &[Plan],
    known: Option<&Lock>,
    findings: &mut Findings,
) {
    let mut warn = |path: Path, reason: String, hint: &str| {
        let mistake = Mistake::new(&path, reason).at(places.key(&path)).warning();
        findings.add(mistake.hint(Some(hint)));
    };
    for name in names(options, "handlers") {
        if !plans.iter().any(|plan| plan.handlers.iter().any(|handler| handler.name == name)) {
            let reason = "is named by no logger and no service, so it hears nothing".to_owned();
            warn(Path::of(["handlers", name]), reason, "name it in `handlers` of `root` or of a logger");
        }
    }
    let written = options.to_string();
    for section in ["filters", "formatters"] {
        for name in names(options, section) {
            // Its own header, and at least one that names it.
            let quoted = format!("\"{name}\"");
            if !written.contains(&quoted) {
                warn(
                    Path::of([section, name]),
                    "is used nowhere".to_owned(),
                    "remove it, or name it where it is meant",
                );
            }
        }
    }
    for plan in plans {
        for logger in &plan.loggers {
            if logger.target.is_empty() && !logger.rules.is_empty() {
                let reason =
                    "filters of the root look only at events logged at the root itself, as in Python"
                        .to_owned();
                warn(Path::of(["root", "filters"]), reason, "put them on the handlers");
            }
        }
    }
    if options.table("handlers").is_none_or(Options::is_empty) {
        warn(
            Path::of(["handlers"]),
            "there is none, so nobody hears anything".to_owned(),
            "add one, such as [handlers.file]",
        );
    }
    if let Some(known) = known {
        lock::lint(options, places, text, known, findings);
    }
}
