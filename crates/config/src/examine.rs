//! Checks a configuration as programs would at their start, and what is legal but probably not meant.

use std::{io, path::Path as FilePath};

use crate::{
    Components, Config, Diagnostics, Options, build,
    compile::{self, CompileContext},
    diagnostics::{Cause, Finding, Findings},
    environment, lint,
    resolve::Surroundings,
};

impl Config {
    /// Checks a text as a program would at its start, and warns of settings that are probably not meant.
    ///
    /// Finds all errors of all programs that use it at once. Opens and starts nothing.
    #[must_use]
    pub fn examine(name: &str, text: &str, components: &Components) -> Diagnostics {
        let (config, findings) = Self::read_text(name.to_owned(), text);
        examine(&config, text, components, findings)
    }

    /// As [`examine`](Self::examine), of a file: secrets with a relative path are looked for beside it, and who may
    /// change it is looked at.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn examine_file(path: impl AsRef<FilePath>, components: &Components) -> io::Result<Diagnostics> {
        let path = path.as_ref();
        let text = environment::file(path)?;
        let (config, mut findings) = Self::read_text(path.display().to_string(), &text);
        let config = config.of_file(path, None);
        if environment::is_writable_by_all(path) {
            let finding = Finding::new("", "every user of this machine may change the file").warning();
            findings.add(finding.hint(Some("take the permission away: chmod o-w")));
        }
        Ok(examine(&config, &text, components, findings))
    }
}

fn examine(config: &Config, text: &str, components: &Components, mut findings: Findings) -> Diagnostics {
    let is_assumed = components.assumes_environment();
    let variable = |name: &str| if is_assumed { None } else { environment::variable(name) };
    let from = Surroundings { variable: &variable, file: &environment::file, folder: config.folder() };
    let mut services: Vec<_> = config.services().into_iter().map(Some).collect();
    services.push(None);
    let (mut plans, mut resolved) = (Vec::new(), Options::new());
    for service in services {
        let context = CompileContext { service, rust_log: None, components, from: &from };
        let (options, plan) =
            compile::compile(config.options(), config.source_map(), &context, &mut findings);
        resolved = options;
        plans.push((service, plan));
    }
    // Handlers that no logger names are checked as well.
    build::dry_run(&resolved, components, config.source_map(), &mut findings);
    findings.forget_what_follows_from_syntax(text);
    if is_assumed {
        findings.list.retain(|finding| finding.cause != Cause::Environment);
    } else {
        lint::variables(&environment::variables(lint::PREFIX), text, &mut findings);
    }
    if !findings.has_errors() {
        lint::lint(config, &plans, components.known_lock(), &mut findings);
    }
    config.diagnostics(findings)
}
