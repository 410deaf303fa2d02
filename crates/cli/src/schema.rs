//! `watchfire schema`: the JSON Schema of a configuration, for editors.

use std::process::ExitCode;

use crate::output::line;

/// The arguments of `watchfire schema`.
#[derive(clap::Args)]
#[command(after_help = "Exit codes: 0.

Examples:
  watchfire schema > watchfire.schema.json
  # and at the top of watchfire.toml:  #:schema ./watchfire.schema.json")]
pub(crate) struct SchemaArgs {
    /// Accepted for the sake of scripts: the schema is JSON in any case
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &SchemaArgs) -> ExitCode {
    let SchemaArgs { json: _ } = args;
    line(watchfire_config::schema().trim_end());
    ExitCode::SUCCESS
}
