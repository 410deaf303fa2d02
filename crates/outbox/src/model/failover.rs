//! The channels that take over for another one.

use std::time::Duration;

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
/// `channels` are those that are there, with the names that they hand over to; a name that is not there yet leads
/// nowhere until it is. An outbox asks this by itself.
///
/// # Errors
///
/// Names the circle.
pub fn refuse_circle(channels: &[(&str, &[String])]) -> Result<(), ConfigError> {
    let next =
        |name: &str| channels.iter().find(|(of, _)| *of == name).map(|(_, to)| *to).unwrap_or_default();
    for (start, _) in channels {
        let mut open: Vec<Vec<&str>> = vec![vec![start]];
        while let Some(path) = open.pop() {
            let Some(last) = path.last() else { continue };
            for to in next(last) {
                if to == start {
                    let mut circle = path.join(" -> ");
                    circle.push_str(" -> ");
                    circle.push_str(start);
                    let reason =
                        format!("goes round in a circle: {circle}; let the last of them hand over to nobody");
                    return Err(ConfigError::new("channel.failover", reason));
                }
                if !path.contains(&to.as_str()) {
                    let mut longer = path.clone();
                    longer.push(to);
                    open.push(longer);
                }
            }
        }
    }
    Ok(())
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
}
