//! `watchfire verify`: whether the providers know the credentials, without a message.

use std::process::ExitCode;

use serde_json::json;
use watchfire::sink::Verdict;
use watchfire_config::Verification;

use crate::{
    check::{File, report},
    output::{Colour, line, paint},
    target_args::TargetArgs,
};

/// The arguments of `watchfire verify`.
#[derive(clap::Args)]
#[command(after_help = "Verdicts:
  accepted     the provider knows it, and says under which name
  refused      the provider does not take it; what helps stands behind it
  unreachable  nobody could be asked: no connection, no answer in time, a rate limit
  untold       only a message would tell: `watchfire send` sends one

All are asked at once. When --within is over, the answers that came are told, and who owes one is named.

Exit codes: 0 nothing is refused or unreachable, 1 something is, 2 the file cannot be read or is wrong.

Examples:
  watchfire verify watchfire.toml
  watchfire verify watchfire.toml --handler ops
  watchfire verify watchfire.toml --service checkout --json | jq '.answers[] | select(.verdict != \"accepted\")'")]
pub(crate) struct VerifyArgs {
    #[command(flatten)]
    file: File,
    #[command(flatten)]
    target: TargetArgs,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &VerifyArgs) -> anyhow::Result<ExitCode> {
    let Ok(config) = args.file.config(args.json)? else { return Ok(ExitCode::from(2)) };
    let TargetArgs { handler, service, within } = &args.target;
    let answers = match config.verify(handler.as_deref(), service.as_deref(), *within) {
        Ok(answers) => answers,
        Err(diagnostics) => {
            report(&diagnostics, args.json, false);
            return Ok(ExitCode::from(2));
        }
    };
    let is_good = answers.iter().all(|one| matches!(one.verdict, Verdict::Accepted(_) | Verdict::Untold(_)));
    if args.json {
        let list: Vec<_> = answers
            .iter()
            .map(|one| {
                json!({
                    "handler": one.handler,
                    "subject": one.subject,
                    "verdict": one.verdict.as_str(),
                    "answer": one.verdict.reason().as_str(),
                })
            })
            .collect();
        line(&json!({ "ok": is_good, "answers": list }).to_string());
    } else {
        show(&answers);
    }
    Ok(if is_good { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn show(answers: &[Verification]) {
    let width = |of: fn(&Verification) -> &str| {
        answers.iter().map(|one| of(one).chars().count()).max().unwrap_or_default()
    };
    let (handlers, subjects) = (width(|one| &one.handler), width(|one| &one.subject));
    for one in answers {
        let colour = match one.verdict {
            Verdict::Accepted(_) => Colour::Good,
            Verdict::Untold(_) => Colour::Dim,
            _ => Colour::Bad,
        };
        let word = paint(&format!("{:<11}", one.verdict.as_str()), colour);
        let (handler, subject) = (&one.handler, &one.subject);
        line(&format!("{handler:<handlers$}  {subject:<subjects$}  {word}  {}", one.verdict.reason()));
    }
}
