//! The suite that every sink runs, with the same claims for all.
//!
//! Every alert of [`hostile_alerts`] and many random ones are rendered for every kind of occasion,
//! and each of these must hold:
//!
//! - rendering never panics, and gives the same bytes twice;
//! - each notification has all four forms, the richest first, none of them empty, and the last one in ASCII;
//! - each is what the sink's own check takes for valid: [`Suite::valid`];
//! - each tells of its alert, group, channel and kind; no recipient has two;
//! - ids are the same at any time, and differ between alerts, occasions and recipients;
//! - different messages render differently, in every form;
//! - no planted credential stands in `Debug`, a recipient, a title or a body, and each is registered to be masked.
//!
//! Against a stand-in of its provider ([`Suite::check_verify`]):
//!
//! - asking the provider ([`Sink::verify`]) posts nothing, and says of what it asked and what was answered;
//! - no planted credential stands in what it says.

use std::{
    borrow::Cow,
    collections::HashMap,
    fmt::{self, Debug},
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

use proptest::test_runner::{Config, TestCaseError, TestRunner};
use watchfire_core::{Alert, AlertId, process::mask_own_secrets};
use watchfire_outbox::{Form, Notification, OccasionKind, Receipt, Sink, Verified, verify};

use crate::{Scene, any_alert, bare_alert, full_alert, hostile_alerts};

/// The forms of a degrade ladder, the richest first.
const LADDER: [Form; 4] = [Form::Rich, Form::Plain, Form::Short, Form::Ascii];
/// How many findings are shown; one mistake makes hundreds.
const SHOWN: usize = 12;
/// How long a stand-in may take to answer what `verify` asks.
const ASKING: Duration = Duration::from_secs(20);
/// Above so many bytes of message not every scene is rendered: it would be slow, and show nothing new.
const LONG: usize = 4_000;

/// Starts the suite for a sink.
pub fn of<S: Sink + Debug>(sink: &S) -> Suite<'_> {
    Suite {
        sink,
        debug: format!("{sink:?} {sink:#?}"),
        secrets: Vec::new(),
        reference: "1".to_owned(),
        valid: None,
        cases: 96,
    }
}

/// The suite for one configured sink; run by [`check`](Self::check).
#[must_use]
pub struct Suite<'a> {
    sink: &'a dyn Sink,
    debug: String,
    secrets: Vec<String>,
    reference: String,
    valid: Option<Box<Valid<'a>>>,
    cases: u32,
}

type Valid<'a> = dyn Fn(Form, &[u8]) -> Result<(), String> + 'a;

impl<'a> Suite<'a> {
    /// Names the credentials that the sink was configured with, and parts of them that must not be shown either.
    pub fn secrets(mut self, planted: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.secrets.extend(planted.into_iter().map(Into::into));
        self
    }

    /// Sets what a receipt of this sink refers to (`C024BE91L/1503435956.000247`), for digests, edits and threads.
    /// Default `1`.
    pub fn reference(mut self, reference: impl Into<String>) -> Self {
        self.reference = reference.into();
        self
    }

    /// Sets the sink's own check of a body: that it parses, that it is within the provider's limits, in the provider's
    /// units, that nothing in it is markup that the alert brought along.
    pub fn valid(mut self, valid: impl Fn(Form, &[u8]) -> Result<(), String> + 'a) -> Self {
        self.valid = Some(Box::new(valid));
        self
    }

    /// Sets how many random alerts are rendered. Default 96.
    pub fn cases(mut self, count: u32) -> Self {
        self.cases = count;
        self
    }

    /// Runs the suite.
    ///
    /// # Panics
    ///
    /// If a claim does not hold: the text names it, the alert and the occasion.
    #[track_caller]
    pub fn check(self) {
        self.fail_for(&self.findings());
    }

    /// Has the sink ask its provider, which must be a stand-in: `posted` counts the messages that it has got so far, taken
    /// or refused, and none may come.
    ///
    /// # Panics
    ///
    /// As [`check`](Self::check).
    #[track_caller]
    pub fn check_verify(self, posted: impl Fn() -> usize) {
        self.fail_for(&self.findings_of_verify(posted));
    }

    #[expect(clippy::panic, reason = "a claim that does not hold fails the test")]
    #[track_caller]
    fn fail_for(&self, findings: &[Finding]) {
        if !findings.is_empty() {
            let shown: Vec<String> = findings.iter().take(SHOWN).map(ToString::to_string).collect();
            panic!("{} breaks {} claims:\n{}", self.sink.kind(), findings.len(), shown.join("\n"));
        }
    }

    /// Runs the suite, and returns what does not hold.
    #[must_use]
    pub fn findings(&self) -> Vec<Finding> {
        let mut findings = self.of_the_sink();
        for hostile in hostile_alerts() {
            for scene in self.scenes(&hostile.alert) {
                findings.extend(
                    self.of_a_scene(&scene).into_iter().map(|finding| finding.at(&hostile.name, scene.name)),
                );
            }
        }
        findings.extend(self.of_ids());
        findings.extend(self.of_differences());
        if findings.is_empty() {
            findings.extend(self.of_random_alerts());
        }
        findings
    }

    /// Has the sink ask, as [`check_verify`](Self::check_verify), and returns what does not hold.
    #[must_use]
    pub fn findings_of_verify(&self, posted: impl Fn() -> usize) -> Vec<Finding> {
        let mut findings = Findings::default();
        let before = posted();
        let answers = verify([self.sink], ASKING).concat();
        let more = posted() - before;
        findings.claim("verify posts nothing", more == 0, || format!("{more} messages"));
        let says =
            |answer: &Verified| !answer.subject.is_empty() && !answer.verdict.reason().as_str().is_empty();
        let good = !answers.is_empty() && answers.iter().all(says);
        findings
            .claim("verify says of what it asked, and what was answered", good, || format!("{answers:?}"));
        let shown = format!("{answers:?}");
        for secret in &self.secrets {
            let masked = || format!("a credential of {} bytes", secret.len());
            findings.claim("no credential is in what verify says", !shown.contains(secret), masked);
        }
        findings.0
    }

    fn of_the_sink(&self) -> Vec<Finding> {
        let mut findings = Findings::default();
        let kind = self.sink.kind();
        let lower = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        findings.claim(
            "its kind is one lower-case word",
            !kind.is_empty() && kind.bytes().all(lower),
            || kind.to_owned(),
        );
        let policy = self.sink.policy();
        let sane = policy.timeout > Duration::ZERO
            && policy.backoff_base > Duration::ZERO
            && policy.backoff_cap >= policy.backoff_base
            && policy.max_age > policy.timeout;
        findings
            .claim("its policy gives an attempt time, and an alert a chance", sane, || format!("{policy:?}"));
        for secret in &self.secrets {
            // The finding must not print what it complains of either.
            let masked = || format!("a credential of {} bytes", secret.len());
            findings.claim("no credential is in its Debug", !self.debug.contains(secret), masked);
            findings.claim(
                "every credential is registered",
                !mask_own_secrets(secret).contains(secret),
                masked,
            );
        }
        findings.0
    }

    /// The scenes of an alert, with the receipts that the sink's own recipients would have.
    fn scenes(&self, alert: &Alert) -> Vec<Scene> {
        let first = self.render(&Scene::first(alert.clone())).unwrap_or_default();
        let receipts: Vec<Receipt> = first
            .iter()
            .map(|notification| Receipt::new(notification.recipient(), &*self.reference))
            .collect();
        let mut scenes = Scene::all(alert, &receipts);
        if alert.message.len() > LONG {
            scenes.retain(|scene| matches!(scene.name, "first" | "edit, answered" | "storm"));
        }
        scenes
    }

    fn render(&self, scene: &Scene) -> Result<Vec<Notification>, String> {
        catch_unwind(AssertUnwindSafe(|| self.sink.render(&scene.occasion()))).map_err(|panic| {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("without a text").to_owned()
        })
    }

    fn of_a_scene(&self, scene: &Scene) -> Vec<Finding> {
        let mut findings = Findings::default();
        let notifications = match self.render(scene) {
            Ok(notifications) => notifications,
            Err(panic) => {
                findings.claim("rendering never panics", false, || panic);
                return findings.0;
            }
        };
        let again = self.render(scene).unwrap_or_default();
        findings.claim("the same occasion gives the same bytes", again == notifications, String::new);
        findings.claim("every occasion has a notification", !notifications.is_empty(), String::new);
        for (i, notification) in notifications.iter().enumerate() {
            let twice =
                notifications.iter().take(i).any(|other| other.recipient() == notification.recipient());
            findings.claim("no recipient has two", !twice, || notification.recipient().to_owned());
            self.of_a_notification(scene, notification, &mut findings);
        }
        findings.0
    }

    fn of_a_notification(&self, scene: &Scene, notification: &Notification, findings: &mut Findings) {
        let of_it = notification.alert() == scene.summary.alert.id
            && notification.group() == scene.summary.group
            && notification.channel() == scene.channel
            && notification.kind() == scene.summary.kind;
        findings.claim("it tells of its alert, group, channel and kind", of_it, || {
            format!("{:?}", notification.id())
        });
        let forms: Vec<Form> = notification.renderings().map(|(form, _)| form).collect();
        findings.claim("it has all four forms", forms == LADDER, || format!("{forms:?}"));
        findings.claim("it starts with the richest", notification.form() == Form::Rich, String::new);
        for (form, body) in notification.renderings() {
            let shown = || format!("{}: {}", form.as_str(), excerpt(body));
            findings.claim("no body is empty", !body.is_empty(), shown);
            let plain = |byte: &u8| byte.is_ascii_graphic() || matches!(byte, b' ' | b'\n' | b'\r' | b'\t');
            findings.claim("the last form is ASCII", form != Form::Ascii || body.iter().all(plain), shown);
            if let Some(Err(reason)) = self.valid.as_ref().map(|valid| valid(form, body)) {
                findings.claim("it is valid", false, || format!("{reason}: {}", shown()));
            }
        }
        let bodies = notification.renderings().map(|(_, body)| String::from_utf8_lossy(body));
        let texts: Vec<Cow<'_, str>> = [notification.title().into(), notification.recipient().into()]
            .into_iter()
            .chain(bodies)
            .collect();
        for secret in &self.secrets {
            let shows = texts.iter().any(|text| text.contains(secret));
            findings.claim("no notification holds a credential", !shows, || {
                format!("one of {} bytes", secret.len())
            });
        }
    }

    fn of_ids(&self) -> Vec<Finding> {
        let mut findings = Findings::default();
        let mut known = HashMap::new();
        let other = full_alert().id(AlertId::from_u128(1));
        for alert in [full_alert(), other] {
            for mut scene in self.scenes(&alert) {
                let notifications = self.render(&scene).unwrap_or_default();
                scene.now += Duration::from_secs(86_400);
                let later = self.render(&scene).unwrap_or_default();
                let ids = |of: &[Notification]| of.iter().map(Notification::id).collect::<Vec<_>>();
                findings.claim("ids are the same at any time", ids(&notifications) == ids(&later), || {
                    scene.name.to_owned()
                });
                for notification in notifications {
                    let told = (
                        alert.id,
                        scene.summary.kind,
                        scene.summary.number,
                        notification.recipient().to_owned(),
                    );
                    let before = known.insert(notification.id(), told.clone());
                    let distinct = before.is_none_or(|before| before == told);
                    findings.claim("ids differ", distinct, || format!("{told:?}"));
                }
            }
        }
        findings.0
    }

    fn of_differences(&self) -> Vec<Finding> {
        let mut findings = Findings::default();
        let said = |message: &str, kind| {
            let mut alert = bare_alert();
            message.clone_into(&mut alert.message);
            let mut scene = Scene::first(alert);
            scene.summary.kind = kind;
            self.render(&scene).unwrap_or_default()
        };
        for kind in [OccasionKind::First, OccasionKind::Digest, OccasionKind::Storm] {
            let (one, other) = (said("no stock", kind), said("no money", kind));
            for (one, other) in one.iter().zip(&other) {
                for ((form, body), (_, other)) in one.renderings().zip(other.renderings()) {
                    let name = || format!("{} {}", kind.as_str(), form.as_str());
                    findings.claim("different messages render differently", body != other, name);
                }
            }
        }
        findings.0
    }

    fn of_random_alerts(&self) -> Option<Finding> {
        let config = Config { cases: self.cases, failure_persistence: None, ..Config::default() };
        let claim = |(alert, which): (Alert, usize)| {
            let scenes = self.scenes(&alert);
            let Some(scene) = scenes.get(which % scenes.len().max(1)) else { return Ok(()) };
            match self.of_a_scene(scene).into_iter().next() {
                Some(finding) => Err(TestCaseError::fail(finding.at("a random one", scene.name).to_string())),
                None => Ok(()),
            }
        };
        let result = TestRunner::new(config).run(&(any_alert(), 0_usize..10), claim);
        result.err().map(|error| Finding::new("a random alert holds every claim", error.to_string()))
    }
}

impl Debug for Suite<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Suite").field("sink", &self.sink.kind()).finish_non_exhaustive()
    }
}

/// A claim that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// The claim.
    pub claim: &'static str,
    /// The alert and the occasion.
    pub place: String,
    /// The text that was found instead.
    pub found: String,
}

impl Finding {
    fn new(claim: &'static str, found: String) -> Self {
        Self { claim, place: String::new(), found }
    }

    fn at(mut self, alert: &str, scene: &str) -> Self {
        self.place = format!("{alert}, {scene}");
        self
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} [{}]: {}", self.claim, self.place, self.found)
    }
}

#[derive(Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn claim(&mut self, claim: &'static str, holds: bool, found: impl FnOnce() -> String) {
        if !holds {
            self.0.push(Finding::new(claim, found()));
        }
    }
}

fn excerpt(body: &[u8]) -> String {
    String::from_utf8_lossy(body).chars().take(300).collect()
}

#[cfg(test)]
mod tests;
