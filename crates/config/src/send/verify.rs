//! Ask the providers of a configuration whether they know its credentials.

use std::time::Duration;

use watchfire_outbox::{Sink, Verdict, verify};

use crate::{Config, Diagnostics};

/// A provider's answer about a handler's credentials, or about one of its recipients.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verification {
    /// The handler's name.
    pub handler: String,
    /// The subject of the question, as the handler calls it: `bot`, `server`, a chat.
    pub subject: String,
    /// The answer.
    pub verdict: Verdict,
}

impl Config {
    /// Asks the providers of the alert handlers of `service`, or of `handler` alone, whether they know the credentials and
    /// the recipients, all at the same time and each for at most `within`. Nothing is sent that anybody could read.
    ///
    /// Some providers cannot answer every question: see [`Verdict::Untold`].
    ///
    /// # Errors
    /// Returns the errors of the configuration, and a handler that is not there or alerts nobody.
    pub fn verify(
        &self,
        handler: Option<&str>,
        service: Option<&str>,
        within: Duration,
    ) -> Result<Vec<Verification>, Diagnostics> {
        let (_, prepared) = self.prepare(handler, service)?;
        let sinks: Vec<(String, Box<dyn Sink>)> =
            prepared.into_iter().map(|(name, prepared)| (name, prepared.into_sink())).collect();
        let answers = verify(sinks.iter().map(|(_, sink)| &**sink), within);
        let of_handler = |((handler, _), answers): (&(String, Box<dyn Sink>), Vec<_>)| {
            let handler = handler.clone();
            answers.into_iter().map(move |answer: watchfire_outbox::Verified| Verification {
                handler: handler.clone(),
                subject: answer.subject,
                verdict: answer.verdict,
            })
        };
        Ok(sinks.iter().zip(answers).flat_map(of_handler).collect())
    }
}
