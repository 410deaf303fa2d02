//! Reaches each handler layer of a subscriber: it is asked for a type that no layer is, and hands the question on from
//! layer to layer. What was boxed, filtered or optional is reached; behind `tracing_subscriber::reload` nothing is.

use std::{cell::RefCell, sync::Arc, time::Instant};

use tracing_core::Dispatch;

use super::Incident;
use crate::Redactor;

/// The type that is asked for.
pub(crate) struct Visit;

/// The question to each handler layer.
#[derive(Clone)]
enum LayerQuestion {
    Redactor,
    Report(Arc<Incident>, Instant),
}

thread_local! {
    static ASKED: RefCell<Option<LayerQuestion>> = const { RefCell::new(None) };
    static REDACTORS: RefCell<Vec<Redactor>> = const { RefCell::new(Vec::new()) };
}

/// Returns the rules of redaction of all handler layers.
pub(super) fn redactors(dispatch: &Dispatch) -> Vec<Redactor> {
    ask(dispatch, LayerQuestion::Redactor);
    REDACTORS.try_with(RefCell::take).unwrap_or_default()
}

/// Hands an incident to all handler layers.
pub(super) fn report(dispatch: &Dispatch, incident: Arc<Incident>, deadline: Instant) {
    ask(dispatch, LayerQuestion::Report(incident, deadline));
}

fn ask(dispatch: &Dispatch, question: LayerQuestion) {
    let put = |question| ASKED.try_with(|asked| asked.replace(question)).ok().flatten();
    drop(put(Some(question)));
    let _none: Option<&Visit> = dispatch.downcast_ref();
    drop(put(None));
}

/// Answers the question that is being asked, for a layer with these rules.
pub(crate) fn visit(redactor: &Redactor, report: impl FnOnce(&Incident, Instant)) {
    // Nothing stays borrowed: the layer's handler may be anybody's.
    let question = ASKED.try_with(|asked| asked.borrow().clone()).ok().flatten();
    match question {
        None => {}
        Some(LayerQuestion::Redactor) => {
            REDACTORS.try_with(|all| all.borrow_mut().push(redactor.clone())).unwrap_or_default();
        }
        Some(LayerQuestion::Report(incident, deadline)) => report(&incident, deadline),
    }
}
