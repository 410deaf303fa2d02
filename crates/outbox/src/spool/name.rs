//! The name of a message's file, which holds its state.

use std::fmt;

use crate::{
    NotificationId,
    model::{DeliveryState, QueueKey, Timestamp},
    spool::Owner,
};

/// The name of a file, which carries its state: a change of state is a rename, and `ls` shows it.
///
/// `<accepted, µs>.<id>.<not before, ms>.<attempts>.<step>.<flags>.<channel>[+<owner>]`; the flags are `d` (may have
/// arrived), `h` (held), `o` (others were asked in vain), `f` (an attempt is under way), `b` (waits for the channel's
/// budget), or `-`.
/// The channel is there for people; what counts is in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Name {
    pub(crate) key: QueueKey,
    pub(crate) state: DeliveryState,
    pub(crate) label: String,
    pub(crate) owner: Option<Owner>,
}

/// The ending of the name of an alert that was written as it is, by a panic.
///
/// No channel's label has an `@`.
pub(super) const ALERT: &str = "@alert";

impl Name {
    pub(crate) fn new(key: QueueKey, state: DeliveryState, label: &str) -> Self {
        Self { key, state, label: label_of(label), owner: None }
    }

    /// Names an alert that is written as it is, by the process `owner`.
    pub(crate) fn alert(key: QueueKey, owner: &Owner) -> Self {
        Self { key, state: DeliveryState::default(), label: ALERT.to_owned(), owner: Some(owner.clone()) }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (name, owner) = match text.split_once('+') {
            Some((name, owner)) => (name, Some(Owner::parse(owner)?)),
            None => (text, None),
        };
        let mut parts = name.splitn(7, '.');
        let accepted = digits(parts.next()?)?;
        let id: NotificationId = parts.next().filter(|id| id.len() == 32)?.parse().ok()?;
        let not_before = Timestamp::from_millis(digits(parts.next()?)?);
        let attempts = u32::try_from(digits(parts.next()?)?).ok()?;
        let step = u8::try_from(digits(parts.next()?)?).ok()?;
        let flags = parts.next()?;
        let label = parts.next()?;
        if flags.is_empty()
            || !flags.chars().all(|flag| "bdhof-".contains(flag))
            || label.contains(['/', '.'])
        {
            return None;
        }
        let state = DeliveryState {
            not_before,
            attempts,
            step,
            maybe_duplicate: flags.contains('d'),
            held: flags.contains('h'),
            failed_over: flags.contains('o'),
            in_flight: flags.contains('f'),
            deferred: flags.contains('b'),
        };
        Some(Self { key: QueueKey { accepted, id }, state, label: label.to_owned(), owner })
    }

    pub(crate) fn owned_by(mut self, owner: Option<&Owner>) -> Self {
        self.owner = owner.cloned();
        self
    }

    /// Tells whether it is an alert that was written as it is.
    pub(crate) fn is_alert(&self) -> bool {
        self.label == ALERT
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, state, label, owner } = self;
        let (accepted, not_before) = (key.accepted, state.not_before.as_millis());
        write!(f, "{accepted:016}.{}.{not_before:013}.{}.{}.", key.id, state.attempts, state.step)?;
        let flags = [
            (state.maybe_duplicate, 'd'),
            (state.held, 'h'),
            (state.failed_over, 'o'),
            (state.in_flight, 'f'),
            (state.deferred, 'b'),
        ];
        let set: String = flags.iter().filter(|(set, _)| *set).map(|(_, flag)| flag).collect();
        write!(f, "{}.{label}", if set.is_empty() { "-" } else { &set })?;
        match owner {
            Some(owner) => write!(f, "+{owner}"),
            None => Ok(()),
        }
    }
}

/// Numbers as we write them: digits only, no sign.
fn digits(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

fn label_of(channel: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' };
    let label: String = channel.chars().take(40).map(plain).collect();
    if label.is_empty() { "_".to_owned() } else { label }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_name_is_read_as_it_was_written(
            accepted in 0..u64::MAX / 2, id in any::<u128>(), not_before in any::<u64>(), attempts in any::<u32>(),
            step in any::<u8>(), flags in any::<[bool; 5]>(), channel in ".{0,60}", owned in any::<bool>(),
        ) {
            let state = DeliveryState {
                not_before: Timestamp::from_millis(not_before),
                attempts,
                step,
                maybe_duplicate: flags[0],
                held: flags[1],
                failed_over: flags[2],
                in_flight: flags[3],
                deferred: flags[4],
            };
            let owner = Owner::new("web-1.example.com", 4711, "12-ab");
            let key = QueueKey { accepted, id: NotificationId(id) };
            let name = Name::new(key, state, &channel).owned_by(owned.then_some(&owner));
            let text = name.to_string();
            prop_assert!(text.len() < 255 && !text.contains('/'));
            prop_assert_eq!(Name::parse(&text), Some(name));
        }

        #[test]
        fn any_name_is_read_without_harm(text in ".{0,120}") {
            prop_assert!(Name::parse(&text).is_none_or(|name| name.to_string().len() < 400));
        }

        #[test]
        fn names_sort_by_acceptance(a in 0..10_u64.pow(16), b in 0..10_u64.pow(16)) {
            let name = |accepted| Name::new(QueueKey { accepted, id: NotificationId(7) }, DeliveryState::default(), "x").to_string();
            prop_assert_eq!(a.cmp(&b), name(a).cmp(&name(b)));
        }
    }

    #[test]
    fn what_is_no_name_of_ours_is_none() {
        let good = "1763675876123000.000000000000000000000000000000ff.1763675876123.0.0.-.ops";
        assert!(Name::parse(good).is_some());
        for bad in [
            "",
            ".",
            "README",
            &good.replace(".-.", ".."),
            &good.replace(".-.", ".x."),
            &good.replace("ff", "fg"),
            &good.replace("ops", "ops/../.."),
            &good.replace(".0.0.", ".-1.0."),
            &good.replace(".0.0.", ".0.256."),
            &format!("{good}+nobody"),
        ] {
            assert_eq!(Name::parse(bad), None, "{bad}");
        }
    }
}
