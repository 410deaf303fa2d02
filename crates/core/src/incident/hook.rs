//! The panic hook: reports, then calls the hook that was there.

use std::{
    cell::Cell,
    panic::{PanicHookInfo, set_hook, take_hook},
    sync::Arc,
};

use super::{Cause, Incident, MOST, OnIncident, repeats, reporter::Reporter};
use crate::{Severity, Stack, alert::Origin, append, cut, guard, marks::cut_mark, process};

thread_local! {
    /// Whether the hook runs: it may stand in the chain of hooks more than once.
    static IS_RUNNING: Cell<bool> = const { Cell::new(false) };
}

/// Puts the hook in front of the present one.
pub(crate) fn install_hook() {
    let previous = take_hook();
    set_hook(Box::new(move |info| {
        if IS_RUNNING.try_with(|running| running.replace(true)).unwrap_or(false) {
            return previous(info);
        }
        run(info, &*previous);
        IS_RUNNING.try_with(|running| running.set(false)).unwrap_or_default();
    }));
}

fn run(info: &PanicHookInfo<'_>, previous: &dyn Fn(&PanicHookInfo<'_>)) {
    let payload = info.payload();
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    let text = text.unwrap_or("a value that is not a text");
    let was_inside = guard::is_inside();
    // A panic that we catch is not the program's, and of our own threads a sink's is counted by its channel.
    let is_reported = !guard::is_catching() && !guard::is_muted() && !repeats::is_its_end(text);
    let listeners = if is_reported { process::incident_listeners() } else { Vec::new() };
    if is_reported {
        let _inside = guard::Inside::enter();
        super::request::note_panic();
        report(of_panic(info, text), &listeners, was_inside);
    }
    repeats::in_hook(|| previous(info));
    let _inside = guard::Inside::enter();
    listeners.iter().for_each(|listener| listener.after_hook());
}

fn of_panic(info: &PanicHookInfo<'_>, text: &str) -> Incident {
    let mut message = cut(text, MOST).to_owned();
    if message.len() < text.len() {
        message.push_str(&cut_mark(text.len() - message.len(), true));
    }
    repeats::note(&message);
    // The end of the main thread is the end of the program; that of another may be caught.
    let is_main = std::thread::current().name() == Some("main");
    Incident {
        origin: Origin::Panic,
        severity: if is_main { Severity::Critical } else { Severity::Error },
        message,
        error: None,
        place: info.location().map(|place| (place.file().to_owned(), place.line())),
        stack: Some(Stack::capture()),
        thread: crate::alert::thread_name().to_string(),
        span: None,
        redactors: Vec::new(),
    }
}

/// Hands an incident to the listeners, then to the handlers, unless this thread `was_inside` one of them.
fn report(mut incident: Incident, listeners: &[Arc<dyn OnIncident>], was_inside: bool) -> Arc<Incident> {
    let reporter = Reporter::start();
    incident.span = reporter.span();
    incident.redactors.clone_from(&reporter.redactors);
    let incident = Arc::new(incident);
    for listener in listeners {
        listener.on_incident(&incident);
    }
    // It may hold the lock of a handler, and dies of this panic.
    if !was_inside {
        reporter.report(Arc::clone(&incident));
    }
    incident
}

/// Reports an error that ends the program, as a CRITICAL event of the target `main` with the chain of its causes: to all
/// outboxes of the process, whatever the filters of their channels, and to files, the console and other handlers.
///
/// `watchfire::run` calls it with the error that `main` returns.
pub fn report_failure(error: &(dyn std::error::Error + 'static)) {
    drop(report_and_show(error));
}

/// Reports as [`report_failure`], and returns the texts of the error and its causes, redacted by the rules of the program.
pub(super) fn report_and_show(error: &(dyn std::error::Error + 'static)) -> Vec<String> {
    let causes = crate::shown_causes(error, crate::Limits::default().causes);
    let texts: Vec<String> = std::iter::once(crate::ShownCause::Cause(error))
        .chain(causes)
        .map(|error| {
            let mut text = String::new();
            append(&mut text, MOST, format_args!("{error}"));
            text
        })
        .collect();
    let message = format!("main failed: {}", texts.first().map_or("", String::as_str));
    let chain =
        texts.into_iter().rev().fold(None, |source, text| Some(Cause { text, source: source.map(Box::new) }));
    let incident = Incident {
        origin: Origin::Failure,
        severity: Severity::Critical,
        message,
        error: chain,
        place: None,
        stack: None,
        thread: crate::alert::thread_name().to_string(),
        span: None,
        redactors: Vec::new(),
    };
    let was_inside = guard::is_inside();
    let _inside = guard::Inside::enter();
    let incident = report(incident, &process::incident_listeners(), was_inside);
    incident.causes().map(|text| incident.clean(text, MOST)).collect()
}
