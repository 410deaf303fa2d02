//! One rendered message for one recipient.

use std::{fmt, str::FromStr, time::SystemTime};

use watchfire_core::{AlertId, Severity};

use super::{GroupId, OccasionKind};

/// One rendered message for one recipient: the unit of spool, retry and degrade. Holds no secret.
///
/// It carries every step of its degrade ladder, so that a refused rendering can be retried one step plainer, also after
/// a restart, without what it was rendered from. A sink makes one by [`Occasion::notification`](crate::Occasion::notification).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    pub(crate) id: NotificationId,
    pub(crate) alert: AlertId,
    pub(crate) group: GroupId,
    pub(crate) kind: OccasionKind,
    pub(crate) channel: String,
    pub(crate) recipient: String,
    pub(crate) severity: Severity,
    pub(crate) at: SystemTime,
    pub(crate) title: String,
    pub(crate) ladder: Vec<Rendering>,
    /// Which step of the ladder is tried next.
    pub(crate) step: usize,
    pub(crate) maybe_duplicate: bool,
}

/// One rendering of a notification, in one form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rendering {
    pub(crate) form: Form,
    pub(crate) body: Vec<u8>,
}

/// Names the steps of the degrade ladder, from the richest to what no provider can refuse for its form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Form {
    /// With the provider's own markup.
    Rich,
    /// The same text without markup.
    Plain,
    /// The title and where to look.
    Short,
    /// One line of printable ASCII.
    Ascii,
}

impl Form {
    /// Returns the lower-case name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rich => "rich",
            Self::Plain => "plain",
            Self::Short => "short",
            Self::Ascii => "ascii",
        }
    }
}

impl Notification {
    /// Adds the rendering with the provider's markup.
    #[must_use]
    pub fn rich(self, body: impl Into<Vec<u8>>) -> Self {
        self.with(Form::Rich, body.into())
    }

    /// Adds the rendering without markup.
    #[must_use]
    pub fn plain(self, body: impl Into<Vec<u8>>) -> Self {
        self.with(Form::Plain, body.into())
    }

    /// Adds the rendering of the title and where to look.
    #[must_use]
    pub fn short(self, body: impl Into<Vec<u8>>) -> Self {
        self.with(Form::Short, body.into())
    }

    /// Adds the rendering of one line of ASCII.
    #[must_use]
    pub fn ascii(self, body: impl Into<Vec<u8>>) -> Self {
        self.with(Form::Ascii, body.into())
    }

    fn with(mut self, form: Form, body: Vec<u8>) -> Self {
        self.ladder.retain(|known| known.form != form);
        self.ladder.push(Rendering { form, body });
        self.ladder.sort_by_key(|rendering| rendering.form);
        self
    }

    /// Returns the id; the same at every attempt, for `Message-ID`, `event_id` and the like.
    #[must_use]
    pub fn id(&self) -> NotificationId {
        self.id
    }

    /// Returns the id of the alert that it tells of.
    #[must_use]
    pub fn alert(&self) -> AlertId {
        self.alert
    }

    /// Returns the group that it tells of.
    #[must_use]
    pub fn group(&self) -> GroupId {
        self.group
    }

    /// Returns why the channel speaks.
    #[must_use]
    pub fn kind(&self) -> OccasionKind {
        self.kind
    }

    /// Returns the name of the channel.
    #[must_use]
    pub fn channel(&self) -> &str {
        &self.channel
    }

    /// Returns the recipient, as the sink named it: an address, a chat id, a number; never a secret.
    #[must_use]
    pub fn recipient(&self) -> &str {
        &self.recipient
    }

    /// Returns the severity of the alert.
    #[must_use]
    pub fn severity(&self) -> Severity {
        self.severity
    }

    /// Returns when the alert happened.
    #[must_use]
    pub fn at(&self) -> SystemTime {
        self.at
    }

    /// Returns one line that says what it is about.
    #[must_use]
    pub fn title(&self) -> &str {
        &self.title
    }

    /// Returns the form that is tried now.
    #[must_use]
    pub fn form(&self) -> Form {
        self.ladder.get(self.step).map_or(Form::Ascii, |rendering| rendering.form)
    }

    /// Returns the rendering that is tried now.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        self.ladder.get(self.step).map_or(&[], |rendering| &rendering.body)
    }

    /// Returns all renderings, the richest first.
    pub fn renderings(&self) -> impl Iterator<Item = (Form, &[u8])> {
        self.ladder.iter().map(|rendering| (rendering.form, rendering.body.as_slice()))
    }

    /// Tells whether an earlier attempt may have arrived: the sink marks the message "possible duplicate".
    #[must_use]
    pub fn is_possible_duplicate(&self) -> bool {
        self.maybe_duplicate
    }
}

/// Identifies a notification: 32 lower-case hexadecimal digits, the same for the same occasion and recipient.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NotificationId(pub(crate) u128);

impl NotificationId {
    /// Returns the 128 bits.
    #[must_use]
    pub fn as_u128(self) -> u128 {
        self.0
    }
}

impl fmt::Display for NotificationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for NotificationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for NotificationId {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        u128::from_str_radix(text, 16).map(Self)
    }
}
