//! The steps from settings to a plan, in their order.

use std::collections::HashSet;

use watchfire_core::Secret;

use crate::{
    check,
    diagnostics::{Finding, Findings},
    keys::{KeySpec, Section, ValueKind},
    plan::ProgramPlan,
    presets,
    quote::quoted,
    registry::Components,
    resolve::{Surroundings, place_certificates, resolve},
    setting::{Options, Setting, names},
    source_map::{Path, SourceMap},
    suggest::nearest,
};

/// The inputs of a plan besides the configuration.
pub(crate) struct CompileContext<'a> {
    pub(crate) service: Option<&'a str>,
    pub(crate) rust_log: Option<&'a str>,
    pub(crate) components: &'a Components,
    pub(crate) from: &'a Surroundings<'a>,
}

/// Works out the settings with every reference followed, and the plan of one program.
///
/// Errors are in `findings`; with one the plan must not be built.
pub(crate) fn compile(
    options: &Options,
    source_map: &SourceMap,
    context: &CompileContext<'_>,
    findings: &mut Findings,
) -> (Options, ProgramPlan) {
    let options = presets::apply(options);
    register_secrets(&options);
    let mut unresolved = Findings::default();
    let mut options = resolve(&options, source_map, context.from, &mut unresolved);
    if let Some(folder) = context.from.folder {
        place_certificates(&mut options, Some(folder));
    }
    register_secrets(&options);
    check::check(&options, source_map, context.components, findings);
    if let Some(service) = context.service {
        let known: Vec<_> = names(&options, "services");
        if !known.is_empty() && !known.contains(&service) {
            let finding = Finding::new("services", format!("there is no service {}", quoted(service)));
            let hint = match nearest(service, known.iter().copied()) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!("there are: {}", known.join(", ")),
            };
            findings.add(finding.hint(Some(hint)).at(source_map.key(&Path::of(["services"]))));
        }
    }
    let plan = ProgramPlan::new(
        &options,
        context.service,
        context.rust_log,
        context.components,
        source_map,
        findings,
    );
    // Handlers that this program does not use may lack their secrets.
    let used: HashSet<&str> = plan.handlers.iter().map(|handler| handler.name.as_str()).collect();
    let unused: HashSet<String> = names(&options, "handlers")
        .into_iter()
        .filter(|name| !used.contains(name))
        .map(|name| Path::of(["handlers", name]).to_string())
        .collect();
    let is_unused = |finding: &Finding| finding.paths().any(|path| unused.contains(path));
    unresolved.list.into_iter().filter(|one| !is_unused(one)).for_each(|finding| findings.add(finding));
    (options, plan)
}

/// Registers every credential, so that no excerpt and no error can show one.
fn register_secrets(options: &Options) {
    for (_, handler) in options.table("handlers").into_iter().flat_map(Options::iter) {
        let Some(table) = handler.as_table() else { continue };
        let kind = table.text("type").unwrap_or_default();
        let types = Section::Handlers.types().iter().filter(|(name, _)| *name == kind);
        types.for_each(|(_, keys)| register(table, keys));
    }
}

fn register(table: &Options, keys: &[KeySpec]) {
    for key in keys {
        match (key.kind, table.get(key.name)) {
            (ValueKind::Secret, Some(Setting::Text(secret))) if !secret.contains("${") => {
                drop(Secret::new(secret.as_str()));
            }
            (ValueKind::Table(keys), Some(Setting::Table(table))) => register(table, keys),
            _ => {}
        }
    }
}
