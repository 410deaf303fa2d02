//! `watchfire spool`: look into a spool's folder, and put a hand in, while programs use it.

mod drain;
mod spool_dir;
mod view;

use std::{
    io::{self, IsTerminal, Write},
    process::ExitCode,
};

use anyhow::{Context, bail};
use serde_json::json;
use watchfire_outbox::folder::{Entry, FolderError, Place, SpoolFolder};

use crate::output::{Colour, line, paint, problem};

pub(crate) use spool_dir::{SpoolDir, format_duration, format_timestamp, read_duration};

/// The arguments of `watchfire spool`.
#[derive(clap::Args)]
#[command(after_help = "IDs may be shortened to an unambiguous start. Programs may run meanwhile.

Exit codes: 0 done, 1 nothing matched, not everything could be done, or not everything was delivered,
2 the command or the folder is wrong.

Examples:
  watchfire spool ls --folder /var/lib/shop/watchfire
  watchfire spool show 3f2a
  watchfire spool retry --dead --channel ops
  watchfire spool redirect 3f2a --to mail
  watchfire spool drop 3f2a --yes
  watchfire spool drain --config watchfire.toml --within 30s
  watchfire spool ls --json | jq -r '.messages[] | select(.state == \"dead\") | .id'")]
pub(crate) struct SpoolArgs {
    #[command(subcommand)]
    command: SpoolCommand,
}

#[derive(clap::Subcommand)]
enum SpoolCommand {
    /// List what waits, what was given up, and what is damaged
    #[command(after_help = "Exit codes: 0 listed, 1 nothing is for that channel, 2 no such folder.

Examples:
  watchfire spool ls
  watchfire spool ls --channel ops
  watchfire spool ls --json | jq '.messages | length'")]
    Ls {
        #[command(flatten)]
        dir: SpoolDir,
        /// List only what is for this channel
        #[arg(long, value_name = "NAME")]
        channel: Option<String>,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Show one message: what it says, and what became of it
    #[command(
        after_help = "Exit codes: 0 shown, 1 there is none, 2 the start of the ID fits several, or no such folder.

Examples:
  watchfire spool show 3f2a
  watchfire spool show 3f2a --json | jq -r .renderings.plain"
    )]
    Show {
        /// The message's ID or the start of it
        id: String,
        #[command(flatten)]
        dir: SpoolDir,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Have messages tried again at once: forget the backoff, and give dead letters a new life
    #[command(after_help = "A program that has the channel takes them within 5 s; without one, drain.

Exit codes: 0 done, 1 nothing matched or not all could be, 2 the command or the folder is wrong.

Examples:
  watchfire spool retry 3f2a 77c0
  watchfire spool retry --all
  watchfire spool retry --dead --channel ops")]
    Retry {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        dir: SpoolDir,
    },
    /// Send messages to another channel: the next program that has it renders and delivers them there
    #[command(
        after_help = "Exit codes: 0 done, 1 nothing matched or not all could be, 2 the command or the folder is wrong.

Examples:
  watchfire spool redirect 3f2a --to mail
  watchfire spool redirect --dead --channel ops --to mail"
    )]
    Redirect {
        #[command(flatten)]
        which: Which,
        /// The channel that is to say it
        #[arg(long, value_name = "CHANNEL")]
        to: String,
        #[command(flatten)]
        dir: SpoolDir,
    },
    /// Remove messages for good; nobody will be told
    #[command(
        after_help = "Exit codes: 0 done, 1 nothing matched, not confirmed, or not all could be, 2 the command or the folder is wrong.

Examples:
  watchfire spool drop 3f2a
  watchfire spool drop --dead --yes"
    )]
    Drop {
        #[command(flatten)]
        which: Which,
        /// Do not ask
        #[arg(long)]
        yes: bool,
        #[command(flatten)]
        dir: SpoolDir,
    },
    /// Deliver what waits, by the channels of a configuration, and end
    #[command(
        after_help = "Exit codes: 0 nothing waits any more, 1 something was not delivered, 2 the command or the folder is wrong.

Examples:
  watchfire spool drain --config watchfire.toml
  watchfire spool drain --config /etc/shop.toml --folder /var/lib/shop/watchfire --within 30s"
    )]
    Drain(drain::DrainArgs),
}

/// Says which messages are meant.
#[derive(clap::Args)]
struct Which {
    /// IDs of messages, or the starts of them
    #[arg(value_name = "ID")]
    ids: Vec<String>,
    /// All that wait
    #[arg(long, conflicts_with = "ids")]
    all: bool,
    /// All dead letters
    #[arg(long, conflicts_with = "ids")]
    dead: bool,
    /// Only messages for this channel
    #[arg(long, conflicts_with = "ids", value_name = "NAME")]
    channel: Option<String>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &SpoolArgs) -> anyhow::Result<ExitCode> {
    match &args.command {
        SpoolCommand::Ls { dir, channel, json } => view::list(&dir.open()?, channel.as_deref(), *json),
        SpoolCommand::Show { id, dir, json } => {
            let folder = dir.open()?;
            match find(&entries(&folder)?, id)? {
                Some(entry) => view::show(&folder, &entry, *json),
                None => Ok(none(id)),
            }
        }
        SpoolCommand::Retry { which, dir } => {
            each(dir.open()?, which, "will be tried again", |folder, entry| folder.retry(entry))
        }
        SpoolCommand::Redirect { which, to, dir } => {
            let done = format!("goes to `{to}`");
            each(dir.open()?, which, &done, |folder, entry| folder.redirect(entry, to))
        }
        SpoolCommand::Drop { which, yes, dir } => {
            let folder = dir.open()?;
            if !yes && !confirmed(&folder, which)? {
                problem("nothing was dropped");
                return Ok(ExitCode::from(1));
            }
            each(folder, which, "dropped", |folder, entry| folder.discard(entry))
        }
        SpoolCommand::Drain(args) => drain::run(args),
    }
}

pub(crate) fn entries(folder: &SpoolFolder) -> anyhow::Result<Vec<Entry>> {
    folder.list().with_context(|| format!("cannot read the spool's folder {}", folder.path().display()))
}

/// Finds the one message whose ID starts so.
fn find(entries: &[Entry], start: &str) -> anyhow::Result<Option<Entry>> {
    let wanted = start.to_ascii_lowercase();
    let found: Vec<&Entry> =
        entries.iter().filter(|entry| entry.id().to_ascii_lowercase().starts_with(&wanted)).collect();
    match found.as_slice() {
        [] => Ok(None),
        [one] => Ok(Some((*one).clone())),
        several => {
            let ids: Vec<String> = several.iter().take(5).map(|entry| entry.id()).collect();
            bail!("`{start}` is the start of {} IDs: {}; give more of it", several.len(), ids.join(", "))
        }
    }
}

fn none(id: &str) -> ExitCode {
    problem(&format!("no message has an ID that starts with `{id}`; `watchfire spool ls` lists them"));
    ExitCode::from(1)
}

/// Returns the messages that are meant, and whether each ID has one.
fn chosen(folder: &SpoolFolder, which: &Which) -> anyhow::Result<(Vec<Entry>, bool)> {
    if which.ids.is_empty() && !which.all && !which.dead {
        bail!("which messages? give IDs, --all or --dead");
    }
    let entries = entries(folder)?;
    let mut found = Vec::new();
    let mut complete = true;
    for id in &which.ids {
        match find(&entries, id)? {
            Some(entry) if found.contains(&entry) => {}
            Some(entry) => found.push(entry),
            None => {
                none(id);
                complete = false;
            }
        }
    }
    for entry in &entries {
        let is_meant = match entry.place() {
            Place::Dead => which.dead,
            Place::Damaged => false,
            // A message that a panic left waits only for a program.
            _ => which.all && !entry.is_alert(),
        };
        let channel = which.channel.as_deref();
        if is_meant && channel.is_none_or(|channel| view::channel_of(folder, entry) == channel) {
            found.push(entry.clone());
        }
    }
    if which.ids.is_empty() && found.is_empty() {
        problem(&format!("nothing of that kind is in {}", folder.path().display()));
        complete = false;
    }
    Ok((found, complete))
}

/// Does something with each message that is meant, and says how it went.
fn each(
    mut folder: SpoolFolder,
    which: &Which,
    done: &str,
    act: impl Fn(&mut SpoolFolder, &Entry) -> Result<(), FolderError>,
) -> anyhow::Result<ExitCode> {
    let (chosen, mut complete) = chosen(&folder, which)?;
    let mut rows = Vec::new();
    for entry in &chosen {
        let title = view::title_of(&folder, entry);
        let error = match act(&mut folder, entry) {
            Ok(()) => None,
            Err(FolderError::Io(error)) => {
                return Err(error).with_context(|| {
                    format!("cannot change {} in {}", entry.path(), folder.path().display())
                });
            }
            Err(error) => Some(format!("{error}; {}", advice(&error))),
        };
        let short = view::short(&entry.id());
        match &error {
            _ if which.json => {}
            None => line(&format!("{short}  {}  {title}", paint(done, Colour::Good))),
            Some(error) => problem(&format!("{short} was left as it is: {error}")),
        }
        complete &= error.is_none();
        rows.push(json!({ "id": entry.id(), "title": title, "done": error.is_none(), "error": error }));
    }
    if which.json {
        line(&json!({ "folder": folder.path(), "messages": rows }).to_string());
    }
    Ok(if complete { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn advice(error: &FolderError) -> &'static str {
    match error {
        FolderError::UnderWay(_) => "wait for its end, a minute at most",
        FolderError::Changed => "look again with `watchfire spool ls`",
        FolderError::Damaged(_) => "all that can be done is to look at the file, and to drop it",
        FolderError::NotRendered => {
            "the next program that has channels says it; `watchfire spool drain` does too"
        }
        _ => "look at the folder's permissions and at the room on its disk",
    }
}

fn confirmed(folder: &SpoolFolder, which: &Which) -> anyhow::Result<bool> {
    if !io::stdin().is_terminal() || which.json {
        bail!("dropping is for good: say --yes where nobody can be asked");
    }
    let (chosen, _) = chosen(folder, which)?;
    if chosen.is_empty() {
        return Ok(false);
    }
    for entry in &chosen {
        line(&format!("{}  {}", view::short(&entry.id()), view::title_of(folder, entry)));
    }
    write!(io::stderr().lock(), "Drop {} for good? [y/N] ", chosen.len()).context("cannot ask")?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).context("cannot read the answer")?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
