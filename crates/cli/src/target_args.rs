//! Options of the commands that talk to providers: through which handlers, and for how long.

use std::time::Duration;

use crate::spool::read_duration;

/// Names the handlers that are meant.
#[derive(clap::Args)]
pub(crate) struct TargetArgs {
    /// The one handler that is meant; without it all that alert somebody
    #[arg(long)]
    pub(crate) handler: Option<String>,
    /// The service whose handlers are meant
    #[arg(long)]
    pub(crate) service: Option<String>,
    /// How long to wait for the answers, such as 90s or 2m; a number alone is of seconds
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = read_patience)]
    pub(crate) within: Duration,
}

fn read_patience(text: &str) -> Result<Duration, String> {
    text.parse().map(Duration::from_secs).or_else(|_| read_duration(text))
}
