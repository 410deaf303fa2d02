//! The channels that take over for another one.

use std::{collections::HashMap, time::Duration};

use watchfire_core::ConfigError;

/// Says which channels speak for one that cannot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FailOver {
    /// How long the channel itself may try.
    pub(crate) after: Duration,
    /// The names of the channels that speak then, all of them.
    pub(crate) to: Vec<String>,
}

/// Refuses a circle: a message that nobody can deliver would go round for ever.
///
/// `channels` are those that exist, with the names that they hand over to; an unknown name leads nowhere.
///
/// # Errors
///
/// Names the circle.
pub(crate) fn refuse_circle(channels: &[(&str, &[String])]) -> Result<(), ConfigError> {
    match failover_circle(channels) {
        Some(circle) => Err(ConfigError::new("channel.failover", circle_reason(&circle))),
        None => Ok(()),
    }
}

/// Returns the reason why a circle is refused.
#[must_use]
pub fn circle_reason(circle: &[&str]) -> String {
    let mut names = circle.join(" -> ");
    if let Some(first) = circle.first() {
        names.push_str(" -> ");
        names.push_str(first);
    }
    format!("goes round in a circle: {names}; let the last of them hand over to nobody")
}

/// Finds channels that hand over to each other in a circle: the names of one circle, in its order.
///
/// Runs in time linear in the channels and in the names that they hand over to.
#[must_use]
pub fn failover_circle<'a>(channels: &[(&'a str, &'a [String])]) -> Option<Vec<&'a str>> {
    let mut next: HashMap<&str, &[String]> = HashMap::with_capacity(channels.len());
    let mut above: HashMap<&str, Vec<&'a str>> = HashMap::with_capacity(channels.len());
    for (name, to) in channels {
        next.entry(name).or_insert(to);
        to.iter().for_each(|to| above.entry(to).or_default().push(name));
    }
    // A channel that hands over to none but such that end is in no circle: those are taken away, last ones first.
    let mut open: HashMap<&str, usize> = next
        .iter()
        .map(|(name, to)| (*name, to.iter().filter(|to| next.contains_key(to.as_str())).count()))
        .collect();
    let mut ended: Vec<&str> = open.iter().filter(|(_, open)| **open == 0).map(|(name, _)| *name).collect();
    while let Some(name) = ended.pop() {
        open.remove(name);
        for name in above.get(name).into_iter().flatten() {
            if let Some(left) = open.get_mut(name) {
                *left = left.saturating_sub(1);
                if *left == 0 {
                    ended.push(name);
                }
            }
        }
    }
    // From each one that is left a way leads on, and so into a circle.
    let (start, _) = channels.iter().find(|(name, _)| open.contains_key(name))?;
    let (mut way, mut at): (Vec<&'a str>, &'a str) = (Vec::new(), start);
    let mut places: HashMap<&str, usize> = HashMap::new();
    loop {
        if let Some(first) = places.insert(at, way.len()) {
            return Some(way.split_off(first));
        }
        way.push(at);
        at = next.get(at)?.iter().find(|to| open.contains_key(to.as_str()))?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn circles_are_refused_and_named() {
        // (channel → channels, the circle)
        type Case<'a> = (&'a [(&'a str, &'a str)], Option<&'a str>);
        let cases: [Case<'_>; 5] = [
            (&[("slack", "mail"), ("mail", "sms")], None),
            (&[("slack", "mail sms"), ("mail", "sms"), ("sms", "")], None),
            (&[("slack", "slack")], Some("slack -> slack")),
            (&[("slack", "mail"), ("mail", "slack")], Some("slack -> mail -> slack")),
            (&[("a", "b c"), ("b", ""), ("c", "d"), ("d", "a")], Some("a -> c -> d -> a")),
        ];
        for (channels, circle) in cases {
            let names: Vec<(&str, Vec<String>)> = channels
                .iter()
                .map(|(of, to)| (*of, to.split_whitespace().map(str::to_owned).collect()))
                .collect();
            let channels: Vec<(&str, &[String])> =
                names.iter().map(|(of, to)| (*of, to.as_slice())).collect();
            let found = refuse_circle(&channels);
            match circle {
                None => assert_eq!(found, Ok(())),
                Some(circle) => assert!(found.unwrap_err().reason().contains(circle), "{circle}"),
            }
        }
    }

    #[test]
    fn very_many_channels_are_looked_at_once() {
        // Each hands over to the forty behind it: the ways through them are without number.
        let mut names: Vec<(String, Vec<String>)> = (0..20_000)
            .map(|i| (format!("c{i}"), (i + 1..20_000.min(i + 41)).map(|to| format!("c{to}")).collect()))
            .collect();
        let refused = |names: &[(String, Vec<String>)]| {
            let channels: Vec<_> = names.iter().map(|(of, to)| (of.as_str(), to.as_slice())).collect();
            refuse_circle(&channels)
        };
        assert_eq!(refused(&names), Ok(()));
        names[19_999].1.push("c0".to_owned());
        assert!(refused(&names).unwrap_err().reason().contains("c0 -> c1 -> "));
    }
}
