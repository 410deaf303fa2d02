//! The alert: one event, owned, redacted and capped.

use std::{
    borrow::Cow,
    cell::OnceCell,
    fmt,
    str::FromStr,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use tracing_core::Level;

use crate::{App, Redactor, Severity, Stack, Value};

/// One captured event: owned, redacted, capped, without lifetimes.
///
/// Everything a channel may say about the event is in here; nothing in here is a secret.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Alert {
    /// Identifies the alert; stable over retries and restarts.
    pub id: AlertId,
    /// When the event was emitted.
    pub at: SystemTime,
    /// The level in force.
    pub level: Level,
    /// The severity in force.
    pub severity: Severity,
    /// The target, usually the module path.
    pub target: Cow<'static, str>,
    /// The module path, where the event has one.
    pub module: Option<Cow<'static, str>>,
    /// The source file.
    pub file: Option<Cow<'static, str>>,
    /// The line in the source file.
    pub line: Option<u32>,
    /// The name of the thread, or its number.
    pub thread: String,
    /// The message; empty if the event has none.
    pub message: String,
    /// The fields of the event, in the order of their recording.
    pub fields: Vec<Field>,
    /// The spans around the event, the outermost first.
    pub spans: Vec<SpanFacts>,
    /// The messages of the first error field and its causes, the outermost first; empty if there is none.
    pub error: Vec<String>,
    /// The call stack, if one was captured.
    pub stack: Option<Stack>,
    /// How the alert came about.
    pub origin: Origin,
    /// The program that speaks.
    pub app: Arc<App>,
}

/// How an alert came about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Origin {
    /// An event, or the program made it by hand.
    #[default]
    Event,
    /// A panic.
    Panic,
    /// The error that `main` returned.
    Failure,
}

impl Origin {
    /// Returns the target of alerts that are not of an event: `panic`, `main`.
    #[must_use]
    pub const fn target(self) -> &'static str {
        match self {
            Self::Event => "",
            Self::Panic => "panic",
            Self::Failure => "main",
        }
    }
}

/// One field of an event or a span.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// The name.
    pub name: Cow<'static, str>,
    /// The value.
    pub value: Value,
}

impl Field {
    /// Makes a field.
    pub fn new(name: impl Into<Cow<'static, str>>, value: impl Into<Value>) -> Self {
        Self { name: name.into(), value: value.into() }
    }
}

/// The part of a span that an alert keeps.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct SpanFacts {
    /// The span's name.
    pub name: Cow<'static, str>,
    /// The span's target.
    pub target: Cow<'static, str>,
    /// The span's fields, those recorded later included.
    pub fields: Vec<Field>,
}

impl SpanFacts {
    /// Makes the facts of a span.
    pub fn new(
        name: impl Into<Cow<'static, str>>,
        target: impl Into<Cow<'static, str>>,
        fields: Vec<Field>,
    ) -> Self {
        Self { name: name.into(), target: target.into(), fields }
    }

    /// Makes what stands for the outermost spans of a chain that is too long; `None` if none are left out.
    #[must_use]
    pub fn left_out(count: usize) -> Option<Self> {
        let spans = || crate::counted(count as u64, "span");
        (count > 0).then(|| Self::new(format!("… [{} more]", spans()), "", Vec::new()))
    }
}

impl Alert {
    /// Makes an alert by hand, for a program that does not use tracing, and for tests.
    pub fn new(app: impl Into<Arc<App>>, severity: Severity, message: impl Into<String>) -> Self {
        let at = crate::clock::now();
        Self {
            id: AlertId::random(at),
            at,
            level: severity.level(),
            severity,
            target: Cow::Borrowed(""),
            module: None,
            file: None,
            line: None,
            thread: thread_name().to_string(),
            message: message.into(),
            fields: Vec::new(),
            spans: Vec::new(),
            error: Vec::new(),
            stack: None,
            origin: Origin::Event,
            app: app.into(),
        }
    }

    /// Sets the target.
    #[must_use]
    pub fn target(mut self, target: impl Into<Cow<'static, str>>) -> Self {
        self.target = target.into();
        self
    }

    /// Adds a field.
    #[must_use]
    pub fn field(mut self, name: impl Into<Cow<'static, str>>, value: impl Into<Value>) -> Self {
        self.fields.push(Field::new(name, value));
        self
    }

    /// Adds a span inside those that are there.
    #[must_use]
    pub fn span(mut self, span: SpanFacts) -> Self {
        self.spans.push(span);
        self
    }

    /// Sets the error chain: `error` and its causes.
    #[must_use]
    pub fn error(mut self, error: &(dyn std::error::Error + 'static)) -> Self {
        let causes = crate::shown_causes(error, crate::Limits::default().causes);
        self.error =
            std::iter::once(error.to_string()).chain(causes.map(|cause| cause.to_string())).collect();
        self
    }

    /// Sets the place in the source.
    #[must_use]
    pub fn place(mut self, file: impl Into<Cow<'static, str>>, line: u32) -> Self {
        self.file = Some(file.into());
        self.line = Some(line);
        self
    }

    /// Sets when it happened.
    #[must_use]
    pub fn at(mut self, at: SystemTime) -> Self {
        self.at = at;
        self
    }

    /// Sets the id; for fixtures and replays.
    #[must_use]
    pub fn id(mut self, id: AlertId) -> Self {
        self.id = id;
        self
    }

    /// Sets the thread's name.
    #[must_use]
    pub fn thread(mut self, thread: impl Into<String>) -> Self {
        self.thread = thread.into();
        self
    }

    /// Sets the call stack.
    #[must_use]
    pub fn stack(mut self, stack: Stack) -> Self {
        self.stack = Some(stack);
        self
    }

    /// Masks the secrets in all texts: for an alert that was made by hand. One that was captured is redacted.
    #[must_use]
    pub fn redacted(mut self, redactor: &Redactor) -> Self {
        let clean = |text: &mut String| {
            if let Cow::Owned(clean) = redactor.clean(text) {
                *text = clean;
            }
        };
        let clean_cow = |text: &mut Cow<'static, str>| {
            if let Cow::Owned(clean) = redactor.clean(text) {
                *text = Cow::Owned(clean);
            }
        };
        let clean_field = |field: &mut Field| {
            if let Some(shown) = redactor.shown(redactor.judge_name(&field.name), &field.value) {
                field.value = shown;
            }
        };
        clean(&mut self.message);
        clean(&mut self.thread);
        clean_cow(&mut self.target);
        self.module.iter_mut().for_each(clean_cow);
        self.file.iter_mut().for_each(clean_cow);
        self.error.iter_mut().for_each(clean);
        self.fields.iter_mut().for_each(clean_field);
        for span in &mut self.spans {
            clean_cow(&mut span.name);
            clean_cow(&mut span.target);
            span.fields.iter_mut().for_each(clean_field);
        }
        self
    }

    /// Returns the value of a field: the event's, else that of the innermost span that has it.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        let own = self.fields.iter().rev().find(|field| field.name == name);
        own.or_else(|| {
            self.spans.iter().rev().flat_map(|span| span.fields.iter().rev()).find(|field| field.name == name)
        })
        .map(|field| &field.value)
    }

    /// Returns `file:line`, if the place is known; the path of a dependency is shortened to
    /// `tower-http-0.6.11/src/trace/on_failure.rs:93`.
    #[must_use]
    pub fn place_text(&self) -> Option<String> {
        let file = crate::stack::short_path(self.file.as_deref()?);
        Some(match self.line {
            Some(line) => format!("{file}:{line}"),
            None => file.into_owned(),
        })
    }
}

/// Identifies an alert: 48 bits of milliseconds, 48 random bits of the process, 32 bits of a counter.
///
/// Sorts by time. Its text form is 32 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AlertId(u128);

impl AlertId {
    /// Makes an id of its parts; for those who count themselves.
    #[must_use]
    pub fn from_parts(at: SystemTime, process: u64, count: u32) -> Self {
        let millis = at.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_millis();
        let process = u128::from(process) & 0xffff_ffff_ffff;
        Self((millis & 0xffff_ffff_ffff) << 80 | process << 32 | u128::from(count))
    }

    /// Makes an id with random bits from the operating system.
    #[must_use]
    pub fn random(at: SystemTime) -> Self {
        let bits = random_u64();
        let count = random_u64();
        Self::from_parts(at, bits, u32::try_from(count >> 32).unwrap_or_default())
    }

    /// Returns the 128 bits.
    #[must_use]
    pub fn as_u128(self) -> u128 {
        self.0
    }

    /// Takes 128 bits.
    #[must_use]
    pub fn from_u128(bits: u128) -> Self {
        Self(bits)
    }
}

impl fmt::Display for AlertId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for AlertId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for AlertId {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        u128::from_str_radix(text, 16).map(Self)
    }
}

/// Returns random bits of the operating system; of the hasher's seed where it has none.
pub(crate) fn random_u64() -> u64 {
    getrandom::u64().unwrap_or_else(|_| {
        use std::hash::{BuildHasher, Hasher, RandomState};
        RandomState::new().build_hasher().finish()
    })
}

thread_local! {
    static NAME: OnceCell<Arc<str>> = const { OnceCell::new() };
}

/// Returns the name of this thread, or its id if it has none, as `redactor` lets it be shown.
///
/// It is kept as the default rules show it: these are applied once.
#[must_use]
pub fn thread_name_by(redactor: &Redactor) -> Arc<str> {
    let name = thread_name();
    match redactor.is_default() {
        true => name,
        false => redactor.clean(&name).into(),
    }
}

/// Returns the name of this thread as the default rules show it.
pub(crate) fn thread_name() -> Arc<str> {
    let this = || {
        let thread = std::thread::current();
        let name = thread.name().map_or_else(|| format!("{:?}", thread.id()), str::to_owned);
        Redactor::default().clean(&name).into()
    };
    // Otherwise the thread is ending.
    NAME.try_with(|name| Arc::clone(name.get_or_init(this))).unwrap_or_else(|_| this())
}
