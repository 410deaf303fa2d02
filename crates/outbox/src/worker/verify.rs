//! Ask providers whether they know our credentials, and send nothing.

use std::{thread, time::Duration};

use watchfire_core::mute_thread;

use crate::{Answers, Reason, Sink, Verified, sink::verification::unasked, worker::worker_loop};

const THREAD: &str = "watchfire-verify";

/// Has each sink ask its provider, all at the same time and each for at most `within`, and waits for the answers; they
/// come in the order of the sinks.
///
/// It needs no runtime and works inside of one: each sink asks on a thread of its own, which our layers do not hear.
pub fn verify<'a>(sinks: impl IntoIterator<Item = &'a dyn Sink>, within: Duration) -> Vec<Vec<Verified>> {
    thread::scope(|scope| {
        let name = || thread::Builder::new().name(THREAD.to_owned());
        let start = |sink| name().spawn_scoped(scope, move || ask(sink, within));
        let asking: Vec<_> = sinks.into_iter().map(start).collect();
        let answers = asking.into_iter().map(|thread| match thread {
            Ok(thread) => thread.join().unwrap_or_else(|_| unasked("the sink has panicked")),
            Err(error) => unasked(format_args!("no thread can be started: {error}")),
        });
        answers.collect()
    })
}

fn ask(sink: &dyn Sink, within: Duration) -> Vec<Verified> {
    mute_thread();
    let runtime = match worker_loop::runtime(THREAD) {
        Ok(runtime) => runtime,
        Err(error) => return unasked(format_args!("the runtime cannot start: {error}")),
    };
    let answers = Answers::default();
    let in_time = runtime.block_on(async { tokio::time::timeout(within, sink.verify(&answers)).await });
    // A resolver that hangs must not hold the answers of the others.
    runtime.shutdown_background();
    let late = || Reason::new(format_args!("no answer within {} s", within.as_secs_f32()));
    answers.into_verified(in_time.err().map(|_| late()).as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Delivering, Notification, Occasion};
    use crate::{Reason, Verdict, Verifying};

    /// Gives its answers, and then hangs or not.
    struct Asked {
        hangs: bool,
    }

    impl Sink for Asked {
        fn kind(&self) -> &'static str {
            "asked"
        }

        fn render(&self, _: &Occasion<'_>) -> Vec<Notification> {
            Vec::new()
        }

        fn deliver<'a>(&'a self, _: &'a Notification) -> Delivering<'a> {
            Box::pin(std::future::pending())
        }

        fn verify<'a>(&'a self, answers: &'a Answers) -> Verifying<'a> {
            answers.expect("bot");
            answers.expect("chat 1");
            answers.expect("chat 2");
            answers.add("chat 1", Verdict::Refused(Reason::new("not found")));
            answers.add("bot", Verdict::Accepted(Reason::new("@shop")));
            Box::pin(async {
                if self.hangs {
                    std::future::pending::<()>().await;
                }
            })
        }
    }

    #[test]
    fn timely_answers_are_kept_and_missing_ones_named() {
        let (late, done) = (Asked { hangs: true }, Asked { hangs: false });
        let found = verify([&late as &dyn Sink, &done], Duration::from_millis(1));
        let shown = |found: &[Verified]| -> Vec<String> {
            let one = |one: &Verified| {
                format!("{} {}: {}", one.subject, one.verdict.as_str(), one.verdict.reason())
            };
            found.iter().map(one).collect()
        };
        let answered = ["bot accepted: @shop", "chat 1 refused: not found"];
        assert_eq!(
            shown(&found[0]),
            [&answered[..], &["chat 2 unreachable: no answer within 0.001 s"]].concat()
        );
        // What was not asked in the end, it says nothing of.
        assert_eq!(shown(&found[1]), answered);
    }
}
