//! `watchfire spool drain`: deliver what waits, by the channels of a configuration.

use std::{process::ExitCode, sync::mpsc, time::Duration};

use anyhow::{anyhow, bail};
use serde_json::json;
use tracing_subscriber::Registry;
use watchfire_config::{Config, Diagnostics, Handle, Options, Setting};
use watchfire_core::clock;
use watchfire_outbox::{
    Stats,
    folder::{Entry, Place, SpoolFolder},
};

use super::{SpoolDir, entries, spool_dir::read_duration, view};
use crate::output::{Colour, line, paint, problem};

/// The types that carry messages; the others write to this machine.
const CHANNELS: [&str; 5] = ["email", "slack", "telegram", "sms", "sentry"];
/// How often it is looked whether something is left.
const LOOK: Duration = Duration::from_millis(200);

/// The arguments of `watchfire spool drain`.
#[derive(clap::Args)]
pub(crate) struct DrainArgs {
    #[command(flatten)]
    dir: SpoolDir,
    /// How long to try
    #[arg(long, default_value = "30s", value_name = "DURATION", value_parser = read_duration)]
    within: Duration,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &DrainArgs) -> anyhow::Result<ExitCode> {
    let Some(file) = &args.dir.config else {
        bail!(
            "what waits goes out by the channels of a program: give its configuration with --config FILE; \
             without one, start the program, which delivers what it finds in its folder"
        );
    };
    let folder = args.dir.open()?;
    let wrong = |diagnostics: Diagnostics| anyhow!("{diagnostics}");
    let config = Config::read(file).map_err(wrong)?;
    let (config, channels) = channels_only(&config, &folder);
    if channels.is_empty() {
        bail!(
            "{} has no handler that can carry a message ({}); it needs one named as the channel in `watchfire spool ls`",
            file.display(),
            CHANNELS.join(", ")
        );
    }
    let (_layer, handle) = config.layers::<Registry>().map_err(wrong)?;
    let left = deliver(&handle, &folder, &channels, args.within)?;
    let stats = handle.stats().unwrap_or_default();
    drop(handle);
    Ok(report(&folder, file, &channels, &stats, &left, args.json))
}

/// Keeps only the alert handlers of a configuration, whether or not loggers name them.
fn channels_only(config: &Config, folder: &SpoolFolder) -> (Config, Vec<String>) {
    let handlers = config.get(["handlers"]).and_then(Setting::as_table).cloned().unwrap_or_default();
    let can_carry = |table: &Options| table.text("type").is_some_and(|kind| CHANNELS.contains(&kind));
    let kept: Vec<(String, Setting)> = handlers
        .iter()
        .filter(|(_, table)| table.as_table().is_some_and(can_carry))
        .map(|(name, table)| (name.to_owned(), table.clone()))
        .collect();
    let names: Vec<String> = kept.iter().map(|(name, _)| name.clone()).collect();
    let mut config = config.clone();
    for section in ["preset", "handlers", "formatters", "filters", "loggers", "services", "root"] {
        config.remove([section]);
    }
    for (name, table) in kept {
        config.set(["handlers", name.as_str()], table);
        // They decide what an event is heard by; here there are none, and a filter may be the program's own.
        for key in ["filters", "level", "levels"] {
            config.remove(["handlers", name.as_str(), key]);
        }
    }
    let list = names.iter().map(|name| Setting::from(name.as_str())).collect();
    config.set(["root", "handlers"], Setting::List(list));
    config.remove(["outbox", "in_memory"]);
    config.set(["outbox", "spool"], folder.path().display().to_string());
    // Messages that were not delivered in time are given back at once.
    config.set(["outbox", "drop_deadline"], "100ms");
    config.set(["outbox", "exit_deadline"], "100ms");
    (config, names)
}

/// Delivers until nothing is left that this process can do, or the time is over; returns what is left.
fn deliver(
    handle: &Handle,
    folder: &SpoolFolder,
    channels: &[String],
    within: Duration,
) -> anyhow::Result<Vec<Entry>> {
    let end = clock::after(clock::instant(), within);
    let (_never, pause) = mpsc::channel::<()>();
    loop {
        let time_left = end.saturating_duration_since(clock::instant());
        let _flushed = handle.drain(time_left);
        let mut left = entries(folder)?;
        left.retain(|entry| !matches!(entry.place(), Place::Dead | Place::Damaged));
        let can = |entry: &Entry| match entry.place() {
            Place::Claimed { pid, alive: true, .. } => *pid == std::process::id(),
            _ => entry.is_alert() || channels.contains(&view::channel_of(folder, entry)),
        };
        if !left.iter().any(can) || time_left.is_zero() {
            return Ok(left);
        }
        // Nobody sends: it is a pause.
        pause.recv_timeout(LOOK.min(time_left)).unwrap_or_default();
    }
}

fn report(
    folder: &SpoolFolder,
    file: &std::path::Path,
    channels: &[String],
    stats: &Stats,
    left: &[Entry],
    as_json: bool,
) -> ExitCode {
    let sum =
        |count: fn(&watchfire_outbox::ChannelStats) -> u64| stats.channels.iter().map(count).sum::<u64>();
    let (delivered, merged) = (sum(|channel| channel.delivered), sum(|channel| channel.merged));
    let given_up = sum(|channel| channel.dead + channel.refused);
    let damaged = sum(|channel| channel.damaged);
    let is_done = left.is_empty() && given_up == 0;
    if as_json {
        let channels: Vec<_> = stats
            .channels
            .iter()
            .map(|channel| {
                json!({
                    "name": channel.name, "delivered": channel.delivered, "merged": channel.merged, "dead": channel.dead,
                    "refused": channel.refused, "attempts": channel.attempts, "held": channel.is_held,
                })
            })
            .collect();
        let left: Vec<String> = left.iter().map(Entry::id).collect();
        line(
            &json!({ "folder": folder.path(), "ok": is_done, "channels": channels, "left": left })
                .to_string(),
        );
    } else {
        let mut parts = vec![format!("{delivered} delivered")];
        let others = [(merged, "said together with others"), (given_up, "given up"), (damaged, "damaged")];
        parts.extend(
            others.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")),
        );
        parts.push(format!("{} left", left.len()));
        line(&paint(&parts.join(", "), if is_done { Colour::Good } else { Colour::Bad }));
    }
    for hint in hints(folder, file, channels, left) {
        problem(&hint);
    }
    if is_done { ExitCode::SUCCESS } else { ExitCode::from(1) }
}

/// Says why something is left, and what to do.
fn hints(folder: &SpoolFolder, file: &std::path::Path, channels: &[String], left: &[Entry]) -> Vec<String> {
    let mut hints = Vec::new();
    let mut unknown: Vec<String> = left
        .iter()
        .filter(|entry| !entry.is_alert())
        .map(|entry| view::channel_of(folder, entry))
        .filter(|channel| !channels.contains(channel))
        .collect();
    unknown.sort_unstable();
    unknown.dedup();
    for channel in unknown {
        hints.push(format!(
            "{} has no handler `{channel}`, and messages for it are left: add it, or send them another way with \
             `watchfire spool redirect`",
            file.display()
        ));
    }
    let ours = std::process::id();
    let theirs = left.iter().filter(|entry| match entry.place() {
        Place::Claimed { pid, alive, .. } => *alive && *pid != ours,
        _ => false,
    });
    let theirs = theirs.count();
    if theirs > 0 {
        hints.push(format!("{theirs} are taken care of by a program that runs"));
    }
    hints
}
