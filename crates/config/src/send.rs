//! Send one manual alert through the channels of a configuration.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use watchfire_core::{Alert, ConfigError, SelfLog, Severity, clock};
use watchfire_outbox::{
    Answers, Channel, Delivering, DeliveryPolicy, GroupId, Notification, NotificationPolicy, Occasion,
    Outbox, Outcome, Sink, Verifying,
};

use crate::{
    Components, Config, Diagnostics, build,
    channels::{KINDS, Prepared},
    compile::{CompileContext, compile},
    diagnostics::{Cause, Finding, Findings},
    environment,
    plan::ProgramPlan,
    presets, redaction,
    resolve::Surroundings,
    setting::names,
    suggest::nearest,
};

mod verify;

pub use verify::Verification;

/// An alert that is sent by hand: a test, or one of a shell script.
#[derive(Clone, Debug)]
#[must_use]
pub struct ManualAlert {
    message: String,
    severity: Severity,
    target: String,
    fields: Vec<(String, String)>,
}

/// The result at one recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sent {
    /// The handler's name.
    pub handler: String,
    /// The recipient, as the handler calls it.
    pub recipient: String,
    /// Whether the provider took it.
    pub is_delivered: bool,
    /// The provider's answer; of a dry run, what would have been sent.
    pub answer: String,
}

impl ManualAlert {
    /// Writes a message at ERROR.
    pub fn new(message: impl Into<String>) -> Self {
        let target = "watchfire::send".to_owned();
        Self { message: message.into(), severity: Severity::Error, target, fields: Vec::new() }
    }

    /// Sets the severity.
    pub fn severity(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self
    }

    /// Sets the target. Default: `watchfire::send`.
    pub fn target(mut self, target: impl Into<String>) -> Self {
        self.target = target.into();
        self
    }

    /// Adds a field.
    pub fn field(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.fields.push((name.into(), value.into()));
        self
    }

    fn alert(&self, plan: &ProgramPlan) -> Alert {
        // It does not pass the capture, which redacts what a program says.
        let redactor = redaction::redactor(&plan.redaction);
        let message = redactor.clean(&self.message).into_owned();
        let target = redactor.clean(&self.target).into_owned();
        let alert = Alert::new(build::app(&plan.app), self.severity, message).target(target);
        self.fields.iter().fold(alert, |alert, (name, value)| {
            let value = redactor.value(name, value);
            alert.field(redactor.clean(name).into_owned(), &*redactor.clean(&value))
        })
    }
}

impl Config {
    /// Sends a manual through the alert handlers of `service`, or through `handler` alone, whatever their levels and
    /// filters; waits for the providers' answers until `within` is over.
    ///
    /// Without a spool and groups: what cannot be delivered now is not tried later.
    ///
    /// # Errors
    /// Returns the errors of the configuration, and a handler that is not there or alerts nobody.
    pub fn send(
        &self,
        manual: &ManualAlert,
        handler: Option<&str>,
        service: Option<&str>,
        within: Duration,
    ) -> Result<Vec<Sent>, Diagnostics> {
        let (plan, prepared) = self.prepare(handler, service)?;
        let names: Vec<String> = prepared.iter().map(|(name, _)| name.clone()).collect();
        let wrong = |error: ConfigError| Diagnostics::of("watchfire", error.diagnostics().cloned().collect());
        let answers = Arc::new(Answered::default());
        // The answers say what the outbox would say on stderr.
        let quiet = SelfLog::to(|_| {});
        let outbox = Outbox::builder(build::app(&plan.app)).in_memory().without_panics().self_log(quiet);
        let outbox = outbox.start().map_err(wrong)?;
        let mut open = Vec::new();
        for (name, prepared) in prepared {
            let (sink, handler) = (prepared.into_sink(), name.clone());
            let witness = Witness { sink, handler, within, answers: Arc::clone(&answers) };
            open.push(Channel::new(witness).named(name).handler(&outbox).map_err(wrong)?);
        }
        outbox.alert(manual.alert(&plan));
        // The answers name whatever is still open then.
        let _report = outbox.flush(within);
        drop(open);
        let mut sent = answers.take();
        for name in names {
            if !sent.iter().any(|one| one.handler == name) {
                sent.push(Sent {
                    handler: name,
                    recipient: String::new(),
                    is_delivered: false,
                    answer: "was not tried".to_owned(),
                });
            }
        }
        Ok(sent)
    }

    /// Returns what [`send`](Self::send) would send, and sends nothing.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub fn preview(
        &self,
        manual: &ManualAlert,
        handler: Option<&str>,
        service: Option<&str>,
    ) -> Result<Vec<Sent>, Diagnostics> {
        let (plan, prepared) = self.prepare(handler, service)?;
        let alert = manual.alert(&plan);
        let mut sent = Vec::new();
        for (name, prepared) in prepared {
            let occasion = Occasion::first(&alert, &name, GroupId::from_u64(0), clock::now());
            for notification in prepared.into_sink().render(&occasion) {
                let text = String::from_utf8_lossy(notification.body()).into_owned();
                sent.push(Sent {
                    handler: name.clone(),
                    recipient: notification.recipient().to_owned(),
                    is_delivered: false,
                    answer: watchfire_core::process::mask_own_secrets(&text).into_owned(),
                });
            }
        }
        Ok(sent)
    }

    fn prepare(
        &self,
        handler: Option<&str>,
        service: Option<&str>,
    ) -> Result<(ProgramPlan, Vec<(String, Prepared)>), Diagnostics> {
        let mut findings = Findings::default();
        if let Some(name) = handler
            && let known = names(self.options(), "handlers")
            && !known.contains(&name)
        {
            let meant = nearest(name, known.iter().copied());
            let finding = Finding::new("", format!("there is no handler `{name}`")).meant(meant);
            let listed = || format!("defined are: {}", known.join(", "));
            findings.add(if meant.is_none() && !known.is_empty() {
                finding.hint(Some(listed()))
            } else {
                finding
            });
            return Err(self.diagnostics(findings));
        }
        let from = Surroundings {
            variable: &environment::variable,
            file: &environment::file,
            folder: self.folder(),
        };
        let components = Components::new();
        // A handler is sent through though no logger names it; without a choice, all that alert people are.
        let chosen: Option<Vec<String>> = match (handler, service) {
            (Some(name), _) => Some(vec![name.to_owned()]),
            (None, Some(_)) => None,
            (None, None) => Some(channels(self)),
        };
        let alone = chosen.clone().map(|chosen| {
            let mut alone = self.clone();
            alone.set(["root", "handlers"], chosen);
            alone
        });
        let config = alone.as_ref().unwrap_or(self);
        let context = CompileContext {
            service: service.filter(|_| handler.is_none()),
            rust_log: None,
            components: &components,
            from: &from,
        };
        let (_, plan) = compile(config.options(), config.source_map(), &context, &mut findings);
        // A handler type that the program registers is not an error here: nothing is handed to it.
        let own = findings.list.iter().filter(|finding| finding.cause == Cause::UnknownComponent);
        let own: Vec<String> = own
            .map(|finding| finding.path.strip_suffix(".type").unwrap_or(&finding.path).to_owned())
            .collect();
        findings.list.retain(|finding| {
            let rest = |part: &String| finding.path.strip_prefix(part.as_str());
            !own.iter().filter_map(rest).any(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        });
        let mut prepared = Vec::new();
        let is_chosen = |name: &String| chosen.as_ref().is_none_or(|chosen| chosen.contains(name));
        for planned in plan.handlers.iter().filter(|planned| is_chosen(&planned.name)) {
            match Prepared::make(&planned.kind, &planned.options) {
                Some(Ok(one)) => prepared.push((planned.name.clone(), one)),
                Some(Err(error)) => {
                    build::place_error(
                        &planned.name,
                        &error,
                        &planned.options,
                        config.source_map(),
                        &mut findings,
                    );
                }
                None => {}
            }
        }
        if prepared.is_empty() && findings.is_empty() {
            let reason = match handler {
                Some(name) => {
                    format!("the handler `{name}` alerts nobody; expected one that mails, posts or texts")
                }
                None => "no handler alerts anybody".to_owned(),
            };
            let hint = "handlers of type email, slack, telegram, sms and sentry do; a logger or the root has to name them";
            findings.add(Finding::new("handlers", reason).hint(Some(hint)));
        }
        if findings.is_empty() { Ok((plan, prepared)) } else { Err(config.diagnostics(findings)) }
    }
}

/// Returns the handlers of a file that alert people.
fn channels(config: &Config) -> Vec<String> {
    let options = presets::apply(config.options());
    let is_channel = |name: &&str| {
        let kind = options.table("handlers").and_then(|handlers| handlers.table(name)?.text("type"));
        kind.is_some_and(|kind| KINDS.contains(&kind))
    };
    names(&options, "handlers").into_iter().filter(is_channel).map(str::to_owned).collect()
}

/// The answers so far, one per handler and recipient.
#[derive(Default)]
struct Answered(Mutex<Vec<Sent>>);

impl Answered {
    fn put(&self, sent: Sent) {
        let mut list = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_same = |one: &&mut Sent| one.handler == sent.handler && one.recipient == sent.recipient;
        match list.iter_mut().find(is_same) {
            Some(known) => *known = sent,
            None => list.push(sent),
        }
    }

    fn take(&self) -> Vec<Sent> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A sink that notes what the provider says, and is tried once.
struct Witness {
    sink: Box<dyn Sink>,
    handler: String,
    within: Duration,
    answers: Arc<Answered>,
}

impl Witness {
    fn put(&self, recipient: &str, (is_delivered, answer): (bool, String)) {
        let (handler, recipient) = (self.handler.clone(), recipient.to_owned());
        self.answers.put(Sent { handler, recipient, is_delivered, answer });
    }
}

impl Sink for Witness {
    fn kind(&self) -> &'static str {
        self.sink.kind()
    }

    fn render(&self, occasion: &Occasion<'_>) -> Vec<Notification> {
        let rendered = self.sink.render(occasion);
        let silence = format!("gave no answer within {} s", self.within.as_secs());
        for notification in &rendered {
            self.put(notification.recipient(), (false, silence.clone()));
        }
        rendered
    }

    fn deliver<'a>(&'a self, notification: &'a Notification) -> Delivering<'a> {
        Box::pin(async move {
            let outcome = self.sink.deliver(notification).await;
            // A refused form is followed by a plainer one, whose answer counts.
            self.put(notification.recipient(), said(&outcome));
            match outcome {
                Outcome::Delivered(_) | Outcome::Degrade(_) => outcome,
                // A test is not repeated.
                _ => Outcome::Rejected("sent by hand, and not tried again".into()),
            }
        })
    }

    /// Sends at once whatever the level, the hour and the budget: a person waits for it.
    fn policy(&self) -> DeliveryPolicy {
        let mut policy = DeliveryPolicy::default();
        policy.timeout = self.sink.policy().timeout.min(self.within);
        policy.notifications = NotificationPolicy::default().budget([]);
        policy
    }

    fn verify<'a>(&'a self, answers: &'a Answers) -> Verifying<'a> {
        self.sink.verify(answers)
    }
}

fn said(outcome: &Outcome) -> (bool, String) {
    match outcome {
        Outcome::Delivered(_) => (true, "delivered".to_owned()),
        Outcome::Transient(reason) => (false, format!("not now: {reason}")),
        Outcome::Unknown(reason) => (false, format!("gives an answer that nobody foresaw: {reason}")),
        Outcome::RateLimited { wait, reason, .. } => {
            (false, format!("asks to wait {} s: {reason}", wait.as_secs()))
        }
        Outcome::RecipientRefused(reason) => (false, format!("refuses the recipient: {reason}")),
        Outcome::Moved { to, .. } => (false, format!("the recipient is now {to}; change the configuration")),
        Outcome::Held(reason) => (false, format!("takes nothing until something is changed: {reason}")),
        Outcome::Ambiguous(reason) => (false, format!("may have taken it: {reason}")),
        Outcome::Rejected(reason) => (false, format!("refuses it: {reason}")),
        Outcome::Degrade(reason) => (false, format!("refuses every form of it: {reason}")),
        other => (false, format!("{other:?}")),
    }
}
