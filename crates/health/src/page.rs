//! The page: pure HTML, without scripts.

use std::{
    fmt::{self, Write},
    time::SystemTime,
};

use watchfire_outbox::{ChannelStats, HealthStatus};

use crate::snapshot::Snapshot;

const STYLE: &str = "\
:root{color-scheme:light dark;--line:#8884;--muted:#6b7280;--ok:#15803d;--warn:#b45309;--bad:#b91c1c}\
@media(prefers-color-scheme:dark){:root{--muted:#9ca3af;--ok:#4ade80;--warn:#fbbf24;--bad:#f87171}}\
body{font:15px/1.5 system-ui,sans-serif;margin:0 auto;max-width:64rem;padding:1rem}\
h1{font-size:1.3rem}h2{font-size:1.05rem;margin-top:2rem}\
.scroll{overflow-x:auto}table{border-collapse:collapse;width:100%}\
th,td{text-align:left;padding:.35rem .8rem .35rem 0;border-bottom:1px solid var(--line);white-space:nowrap}\
th{color:var(--muted);font-weight:500}td.n,th.n{text-align:right}\
.ok{color:var(--ok)}.degraded{color:var(--warn)}.failing{color:var(--bad)}.muted{color:var(--muted)}\
code{font-size:.9em}form{margin-top:1rem;display:flex;flex-wrap:wrap;gap:.6rem;align-items:end}\
label{display:flex;flex-direction:column;font-size:.85rem;color:var(--muted)}\
input,button{font:inherit;padding:.3rem .5rem}";

/// Writes the page.
pub(crate) fn html(snapshot: &Snapshot, can_silence: bool) -> String {
    let mut out = String::new();
    write(&mut out, snapshot, can_silence).unwrap_or_default();
    out
}

fn write(out: &mut String, snapshot: &Snapshot, can_silence: bool) -> fmt::Result {
    let Snapshot { stats, health, .. } = snapshot;
    let app = Text(&snapshot.app);
    write!(
        out,
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content=\"width=device-width\">\
         <title>{app}: alerts</title><style>{STYLE}</style>\
         <h1>{app}: <span class={status}>{status}</span></h1>",
        status = health.status.as_str()
    )?;
    if health.status != HealthStatus::Ok || snapshot.trouble.is_some() {
        out.push_str("<ul>");
        for reason in health.reasons.iter().chain(&snapshot.trouble) {
            write!(out, "<li>{}", Text(reason))?;
        }
        out.push_str("</ul>");
    }
    out.push_str(
        "<h2>Channels</h2><div class=scroll><table><tr><th>channel<th>state<th class=n>captured<th class=n>delivered\
         <th class=n>grouped<th class=n>waiting<th class=n>refused, dead<th>last delivery",
    );
    for channel in &stats.channels {
        let last = channel.last_success.map_or_else(|| "never".to_owned(), |at| ago(at, snapshot.now));
        write!(
            out,
            "<tr><td>{}<td>{}<td class=n>{}<td class=n>{}<td class=n>{}<td class=n>{}<td class=n>{}<td>{last}",
            Text(&channel.name),
            state(channel, snapshot.now),
            channel.captured,
            channel.delivered,
            channel.grouped,
            channel.pending,
            channel.refused + channel.dead,
        )?;
    }
    out.push_str("</table></div><h2>Backlog</h2>");
    if snapshot.backlog.is_empty() {
        out.push_str("<p class=muted>No message waits.</p>");
    } else {
        out.push_str("<div class=scroll><table><tr><th>channel<th>state<th class=n>messages");
        for ((channel, state), count) in &snapshot.backlog {
            write!(out, "<tr><td>{}<td>{state}<td class=n>{count}", Text(channel))?;
        }
        out.push_str("</table></div>");
    }
    out.push_str("<h2>Groups</h2>");
    if snapshot.groups.is_empty() {
        out.push_str("<p class=muted>No group is open.</p>");
    } else {
        out.push_str("<p>");
        for group in &snapshot.groups {
            write!(out, "<code>{group}</code> ")?;
        }
        out.push_str("</p>");
    }
    write_silences(out, snapshot, can_silence)?;
    out.push_str("</html>");
    Ok(())
}

fn write_silences(out: &mut String, snapshot: &Snapshot, can_silence: bool) -> fmt::Result {
    out.push_str("<h2>Silences</h2>");
    let silences = snapshot.silences.iter().filter(|silence| silence.until > snapshot.now);
    let mut count = 0;
    for silence in silences {
        if count == 0 {
            out.push_str("<div class=scroll><table><tr><th>group<th>ends<th>by<th>why");
        }
        count += 1;
        let left = silence.until.duration_since(snapshot.now).unwrap_or_default().as_secs().div_ceil(60);
        write!(
            out,
            "<tr><td><code>{}</code><td>in {left} min<td>{}<td>{}",
            silence.group,
            Text(&silence.by),
            Text(&silence.why)
        )?;
    }
    out.push_str(if count == 0 { "<p class=muted>No group is silenced.</p>" } else { "</table></div>" });
    if can_silence {
        out.push_str(
            "<form method=post action=silence>\
             <label>Group<input name=group required pattern=\"[0-9a-fA-F]{16}\" size=18></label>\
             <label>Minutes<input name=minutes type=number min=1 max=10080 value=60></label>\
             <label>Who<input name=by size=12></label><label>Why<input name=why size=24></label>\
             <label>Token<input name=token type=password required autocomplete=off></label>\
             <button>Silence</button><button name=action value=end>End the silence</button></form>",
        );
    } else {
        out.push_str(
            "<p class=muted>This page only shows. <code>watchfire silence</code> sets a silence.</p>",
        );
    }
    Ok(())
}

fn state(channel: &ChannelStats, now: SystemTime) -> &'static str {
    match channel {
        channel if channel.is_held => "<span class=failing>held</span>",
        channel if channel.breakers_open > 0 => "<span class=degraded>backing off</span>",
        channel if channel.rate_limited_until.is_some_and(|until| until > now) => {
            "<span class=degraded>rate limited</span>"
        }
        _ => "<span class=ok>works</span>",
    }
}

fn ago(at: SystemTime, now: SystemTime) -> String {
    let seconds = now.duration_since(at).unwrap_or_default().as_secs();
    match seconds {
        0..120 => format!("{seconds} s ago"),
        120..7_200 => format!("{} min ago", seconds / 60),
        _ => format!("{} h ago", seconds / 3_600),
    }
}

/// A text that means nothing to HTML.
struct Text<'a>(&'a str);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '&' => f.write_str("&amp;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}
