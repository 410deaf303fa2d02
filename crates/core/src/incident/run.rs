//! Runs the body of `main`, and reports the error that ends the program.

use std::{
    error::Error,
    fmt::Display,
    io::Write,
    process::{ExitCode, Termination},
};

use super::hook::report_and_show;
use crate::process::mask_own_secrets;

/// Runs the body of `main` with what it needs for as long as it runs, and returns the exit code.
///
/// `start` is what sets up logging: a handle, an outbox, or a tuple of what is to be kept; its error is printed and ends
/// the program. `work` gets it. An error of `work` is reported with all its causes as CRITICAL, before the handle is
/// dropped, which delivers it: an alert for all channels of all outboxes, and an event of the target `main` for files, the
/// console and other handlers. It is printed on stderr as well, redacted by the same rules. Any error will do: your own, a
/// `Box<dyn Error>` (also one that is `Send` and `Sync`), those of `anyhow` and `eyre`, a text.
///
/// ```
/// use watchfire_core::run;
///
/// fn main() -> std::process::ExitCode {
///     // In a program: `watchfire::run(watchfire::init("shop"), |_watchfire| serve())`.
///     run(Ok::<_, std::fmt::Error>(()), |()| serve())
/// }
///
/// fn serve() -> Result<(), Box<dyn std::error::Error>> {
///     Ok(())
/// }
/// ```
pub fn run<G, S, T, E, K>(start: Result<G, S>, work: impl FnOnce(&G) -> Result<T, E>) -> ExitCode
where
    S: Display,
    T: Termination,
    E: MainError<K>,
{
    match start {
        Ok(guard) => conclude(work(&guard)),
        Err(error) => {
            print(format_args!("{}", mask_own_secrets(&error.to_string())));
            ExitCode::FAILURE
        }
    }
}

/// Reports the error that `main` is about to return, as [`run`] does, and returns the exit code. For a `main` that cannot be
/// a closure; call it before the handle is dropped.
pub fn conclude<T, E, K>(result: Result<T, E>) -> ExitCode
where
    T: Termination,
    E: MainError<K>,
{
    match result {
        Ok(done) => done.report(),
        Err(error) => {
            let lines = report_and_show(&*error.boxed());
            print(format_args!("{}", lines.join("\n  caused by: ")));
            ExitCode::FAILURE
        }
    }
}

/// An error that [`run`] reports: whatever turns into a `Box<dyn Error>`, and the boxes that are `Send` or `Sync`, which do
/// not. `K` only tells these apart, and is inferred.
pub trait MainError<K> {
    /// Boxes the error, with its causes.
    fn boxed(self) -> Box<dyn Error>;
}

impl<E: Into<Box<dyn Error>>> MainError<()> for E {
    fn boxed(self) -> Box<dyn Error> {
        self.into()
    }
}

impl MainError<u8> for Box<dyn Error + Send> {
    fn boxed(self) -> Box<dyn Error> {
        self
    }
}

impl MainError<bool> for Box<dyn Error + Send + Sync> {
    fn boxed(self) -> Box<dyn Error> {
        self
    }
}

/// Prints an error on stderr; a closed one is no reason for a panic.
fn print(error: std::fmt::Arguments<'_>) {
    writeln!(std::io::stderr(), "Error: {error}").ok();
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::prelude::*;

    use super::*;
    use crate::{HandlerLayer, Memory, Origin, Severity};

    #[derive(Debug)]
    struct Own(std::io::Error);

    impl Display for Own {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("cannot open the shop")
        }
    }

    impl Error for Own {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&self.0)
        }
    }

    fn own() -> Own {
        Own(std::io::Error::other("the key is missing"))
    }

    #[test]
    fn an_error_of_any_kind_is_reported_with_its_causes() {
        let memory = Memory::new("shop", 10);
        let _guard = tracing_subscriber::registry().with(HandlerLayer::new(memory.clone())).set_default();
        let started = || Ok::<_, std::fmt::Error>(());
        let codes = [
            run(started(), |()| Err::<(), _>(own())),
            run(started(), |()| Err::<(), Box<dyn Error>>(own().into())),
            run(started(), |()| Err::<(), Box<dyn Error + Send + Sync>>(own().into())),
            run(started(), |()| Err::<(), Box<dyn Error + Send>>(Box::new(own()))),
            run(started(), |()| Err::<ExitCode, anyhow::Error>(own().into())),
            conclude(anyhow::Context::context(Err::<(), _>(own().0), "cannot open the shop")),
            run(started(), |()| Err::<(), eyre::Report>(own().into())),
            conclude(eyre::WrapErr::wrap_err(Err::<(), _>(own().0), "cannot open the shop")),
        ];
        let failure = format!("{:?}", ExitCode::FAILURE);
        assert!(codes.iter().all(|code| format!("{code:?}") == failure), "{codes:?}");
        let alerts = memory.take();
        assert_eq!(alerts.len(), codes.len());
        for alert in alerts {
            assert_eq!((alert.origin, alert.severity), (Origin::Failure, Severity::Critical));
            assert_eq!(alert.message, "main failed: cannot open the shop");
            assert_eq!(alert.error, ["cannot open the shop", "the key is missing"]);
        }
    }

    #[test]
    fn a_text_is_an_error_without_causes() {
        let memory = Memory::new("shop", 10);
        let _guard = tracing_subscriber::registry().with(HandlerLayer::new(memory.clone())).set_default();
        let started = || Ok::<_, std::fmt::Error>(());
        let codes = [
            run(started(), |()| Err::<(), _>("the key is missing")),
            run(started(), |()| Err::<(), _>("the key is missing".to_owned())),
            conclude(Err::<(), _>(std::borrow::Cow::Borrowed("the key is missing"))),
        ];
        let failure = format!("{:?}", ExitCode::FAILURE);
        assert!(codes.iter().all(|code| format!("{code:?}") == failure), "{codes:?}");
        let alerts = memory.take();
        assert_eq!(alerts.len(), codes.len());
        for alert in alerts {
            assert_eq!(alert.message, "main failed: the key is missing");
            assert_eq!(alert.error, ["the key is missing"]);
        }
    }

    #[test]
    fn a_good_end_and_a_failed_start_report_nothing() {
        let memory = Memory::new("shop", 10);
        let _guard = tracing_subscriber::registry().with(HandlerLayer::new(memory.clone())).set_default();
        let started = || Ok::<_, std::fmt::Error>("handle");
        let good = run(started(), |handle| if *handle == "handle" { Ok(()) } else { Err(own()) });
        let chosen = run(started(), |_| Ok::<_, Box<dyn Error>>(ExitCode::from(3)));
        let failed = run(Err::<(), _>("no such file"), |()| Ok::<_, Box<dyn Error>>(()));
        let text = |code: ExitCode| format!("{code:?}");
        assert_eq!(text(good), text(ExitCode::SUCCESS));
        assert_eq!(text(chosen), text(ExitCode::from(3)));
        assert_eq!(text(failed), text(ExitCode::FAILURE));
        assert!(memory.is_empty());
    }
}
