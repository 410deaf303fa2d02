//! `watchfire silence`: have a group not spoken of for a while.

use std::{process::ExitCode, time::Duration};

use anyhow::{Context, bail};
use serde_json::json;
use watchfire_core::clock;
use watchfire_outbox::{GroupId, Silence, folder::SpoolFolder, one_line};

use crate::{
    output::{Colour, line, paint, problem},
    spool::{SpoolDir, format_duration, format_timestamp, read_duration},
};

/// The arguments of `watchfire silence`.
#[derive(clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Each message shows its group. Further alerts of it are counted, and reported when the silence ends.
The silence is a small file in the spool's folder; programs that use it read it within 2 s.

Exit codes: 0 done, 1 there is no such group or silence, 2 the command or the folder is wrong.

Examples:
  watchfire silence 9f31c2a07be4d815 --for 2h --why 'the provider is down, ticket 4711'
  watchfire silence 9f31c2a07be4d815 c5fecb5d65ee45a1 --for 2h --folder /var/lib/shop/watchfire
  watchfire silence 9f31c2a0 --for 30m --folder /var/lib/shop/watchfire
  watchfire silence ls
  watchfire silence end 9f31"
)]
pub(crate) struct SilenceArgs {
    #[command(subcommand)]
    command: Option<SilenceCommand>,
    /// The groups, as messages show them: 16 hexadecimal digits each, or the first ones, as in an SMS
    #[arg(required = true, value_name = "GROUP")]
    groups: Vec<String>,
    /// For how long, such as 30m, 2h, 1h30m or 3d; a year at most
    #[arg(long = "for", required = true, value_name = "DURATION", value_parser = read_duration)]
    span: Option<Duration>,
    /// Why, for those who find it
    #[arg(long, default_value = "", value_name = "TEXT")]
    why: String,
    /// Name of the person who asks for it [default: $SUDO_USER or $USER]
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
    #[command(flatten)]
    dir: SpoolDir,
}

#[derive(clap::Subcommand)]
enum SilenceCommand {
    /// List the silences
    #[command(after_help = "Examples:
  watchfire silence ls --folder /var/lib/shop/watchfire
  watchfire silence ls --json | jq '.silences[].group'")]
    Ls {
        #[command(flatten)]
        dir: SpoolDir,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// End a silence now
    #[command(
        after_help = "Exit codes: 0 ended, 1 there is no such silence, 2 the command or the folder is wrong.

Examples:
  watchfire silence end 9f31c2a07be4d815"
    )]
    End {
        /// The group, or an unambiguous start of it
        group: String,
        #[command(flatten)]
        dir: SpoolDir,
    },
}

/// A longer one is forgotten by those who asked for it.
const LONGEST: Duration = Duration::from_secs(366 * 86_400);

pub(crate) fn run(args: &SilenceArgs) -> anyhow::Result<ExitCode> {
    match &args.command {
        Some(SilenceCommand::Ls { dir, json }) => list(dir, *json),
        Some(SilenceCommand::End { group, dir }) => end(group, dir),
        None => begin(args),
    }
}

fn begin(args: &SilenceArgs) -> anyhow::Result<ExitCode> {
    let Some(span) = args.span.filter(|_| !args.groups.is_empty()) else {
        bail!("expected a group and --for DURATION, or `ls`, or `end`");
    };
    let is_id =
        |text: &str| (4..=16).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if let Some(text) = args.groups.iter().find(|text| !is_id(text)) {
        bail!(
            "`{text}` is not a group: expected the 16 hexadecimal digits that its messages show, or the first ones, as an SMS has them"
        );
    }
    if span > LONGEST {
        bail!(
            "--for {}: expected a year at most; filter what nobody wants to receive",
            format_duration(span)
        );
    }
    let mut folder = args.dir.open()?;
    let mut is_complete = true;
    for text in &args.groups {
        match find(&folder, text)? {
            Some(group) => silence(&mut folder, group, span, args)?,
            None => is_complete = false,
        }
    }
    Ok(if is_complete { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn silence(
    folder: &mut SpoolFolder,
    group: GroupId,
    span: Duration,
    args: &SilenceArgs,
) -> anyhow::Result<()> {
    let silence =
        Silence::new(group, clock::now(), span).by(args.by.clone().unwrap_or_else(user)).why(&args.why);
    let (known, _) = folder.silences().context("cannot read the silences")?;
    let before = known.iter().filter(|known| known.group == group).map(|known| known.until).max();
    folder
        .silence(&silence)
        .with_context(|| format!("cannot write a silence into {}", folder.path().display()))?;
    let until = format_timestamp(silence.until);
    line(&format!(
        "{} {group} until {until}; the next message then has the count",
        paint("silenced", Colour::Good)
    ));
    if let Some(before) = before.filter(|before| *before > silence.until) {
        problem(&format!("this is shorter than before: it was silenced until {}", format_timestamp(before)));
    }
    Ok(())
}

/// Finds the group of an id that may be shortened; what is not found is reported.
fn find(folder: &SpoolFolder, text: &str) -> anyhow::Result<Option<GroupId>> {
    let path = folder.path().display();
    let known = folder.groups().with_context(|| format!("cannot read {path}"))?;
    let start = text.to_ascii_lowercase();
    if start.len() == 16 {
        let group: GroupId = start.parse()?;
        if !known.contains(&group) {
            problem(&format!(
                "no program that uses {path} has reported the group {group} so far; if its messages show this id, give the folder of their program with --folder"
            ));
        }
        return Ok(Some(group));
    }
    let found: Vec<&GroupId> = known.iter().filter(|group| group.to_string().starts_with(&start)).collect();
    match found.as_slice() {
        [group] => Ok(Some(**group)),
        [] => {
            problem(&format!(
                "no program that uses {path} has reported a group that starts with `{start}`; give all 16 digits, or the folder of its program with --folder"
            ));
            Ok(None)
        }
        several => {
            let ids: Vec<String> = several.iter().take(5).map(ToString::to_string).collect();
            bail!("`{start}` is the start of {} groups: {}; give more of it", several.len(), ids.join(", "))
        }
    }
}

fn list(dir: &SpoolDir, as_json: bool) -> anyhow::Result<ExitCode> {
    let folder = dir.open()?;
    let (silences, bad) = folder
        .silences()
        .with_context(|| format!("cannot read the silences of {}", folder.path().display()))?;
    let now = clock::now();
    if as_json {
        let silences: Vec<_> = silences
            .iter()
            .map(|silence| {
                json!({
                    "group": silence.group.to_string(), "from": format_timestamp(silence.from), "until": format_timestamp(silence.until),
                    "holds": silence.holds(now), "by": silence.by, "why": silence.why,
                })
            })
            .collect();
        line(&json!({ "folder": folder.path(), "silences": silences, "unreadable": bad }).to_string());
    } else if silences.is_empty() {
        line(&format!("Nothing is silenced in {}.", folder.path().display()));
    } else {
        line(&paint(&format!("{:<16}  {:<14}  {:<12}  WHY", "GROUP", "ENDS", "BY"), Colour::Dim));
        for silence in &silences {
            let ends = match silence.until.duration_since(now) {
                Ok(left) => format!("in {}", format_duration(left)),
                Err(_) => "is over".to_owned(),
            };
            let (by, why) = (one_line(&silence.by, 12), one_line(&silence.why, 120));
            line(format!("{}  {ends:<14}  {by:<12}  {why}", silence.group).trim_end());
        }
    }
    for file in &bad {
        let path = folder.path().join(file);
        problem(&format!(
            "{} is not read as a silence: it needs lines `group = ` and `until = `",
            path.display()
        ));
    }
    Ok(ExitCode::SUCCESS)
}

fn end(start: &str, dir: &SpoolDir) -> anyhow::Result<ExitCode> {
    let mut folder = dir.open()?;
    let (silences, _) = folder.silences().context("cannot read the silences")?;
    let mut groups: Vec<GroupId> = silences.iter().map(|silence| silence.group).collect();
    groups.retain(|group| group.to_string().starts_with(&start.to_ascii_lowercase()));
    groups.sort_unstable();
    groups.dedup();
    match groups.as_slice() {
        [] => {
            problem(&format!(
                "no silence is of a group that starts with `{start}`; `watchfire silence ls` lists them"
            ));
            Ok(ExitCode::from(1))
        }
        [group] => {
            folder.end_silence(*group).context("cannot remove the silence")?;
            line(&format!("{} the silence of {group}", paint("ended", Colour::Good)));
            Ok(ExitCode::SUCCESS)
        }
        several => bail!("`{start}` is the start of {} groups; give more of it", several.len()),
    }
}

#[expect(clippy::disallowed_methods, reason = "who asks is what the shell says; it decides nothing")]
fn user() -> String {
    let names = ["SUDO_USER", "USER"].into_iter().filter_map(|name| std::env::var(name).ok());
    names.into_iter().find(|name| !name.is_empty()).unwrap_or_default()
}
