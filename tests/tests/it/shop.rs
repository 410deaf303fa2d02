//! A program with several channels, whose providers the inbox plays.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use tracing::Dispatch;
use tracing_subscriber::{Layer, Registry};
use watchfire::{
    ChannelStats, DeliveryPolicy, Email, Outbox, OutboxBuilder, SelfLog, Slack, Stats, Telegram, prelude::*,
    sink::Sink,
};
use watchfire_inbox::{Demo, Inbox, Provider, Received};

use crate::scenario::PATIENCE;

type Boxed = Box<dyn Layer<Registry> + Send + Sync>;

/// The program: what it logs goes to its channels.
pub(crate) struct Shop {
    pub(crate) outbox: Outbox,
    layers: Vec<Boxed>,
    dispatch: Option<Dispatch>,
    said: Arc<Mutex<Vec<String>>>,
}

impl Shop {
    /// Starts it; its end does not wait for what cannot be delivered.
    pub(crate) fn open(outbox: OutboxBuilder) -> Self {
        let said = Arc::<Mutex<Vec<String>>>::default();
        let lines = Arc::clone(&said);
        let outbox = outbox
            .drop_deadline(Duration::ZERO)
            .exit_deadline(Duration::ZERO)
            .self_log(SelfLog::to(move |line| lines.lock().unwrap().push(line.to_owned())))
            .start()
            .unwrap();
        Self { outbox, layers: Vec::new(), dispatch: None, said }
    }

    /// Adds a channel under a name, with a policy made of the sink's own.
    pub(crate) fn channel<S: Sink>(
        mut self,
        name: &str,
        sink: S,
        policy: fn(DeliveryPolicy) -> DeliveryPolicy,
    ) -> Self {
        let policy = policy(sink.policy());
        self.layers.push(sink.channel().named(name).policy(policy).layer(&self.outbox).unwrap().boxed());
        self
    }

    /// Logs each text as an error from one place of the program.
    pub(crate) fn log(&mut self, texts: &[&str]) {
        let layers = &mut self.layers;
        let dispatch = self.dispatch.get_or_insert_with(|| {
            Dispatch::new(tracing_subscriber::registry().with(std::mem::take(layers)))
        });
        tracing::dispatcher::with_default(dispatch, || {
            texts.iter().for_each(|text| tracing::error!("{text}"));
        });
    }

    pub(crate) fn stats(&self, channel: &str) -> ChannelStats {
        let stats = self.outbox.stats();
        stats.channels.into_iter().find(|stats| stats.name == channel).unwrap()
    }

    /// The outbox's own reports.
    pub(crate) fn said(&self) -> String {
        self.said.lock().unwrap().join("\n")
    }

    /// Waits until the counts are as told.
    pub(crate) fn until(&self, what: &str, holds: impl Fn(&Stats) -> bool) {
        let end = Instant::now() + PATIENCE;
        loop {
            let stats = self.outbox.stats();
            if holds(&stats) {
                return;
            }
            assert!(Instant::now() < end, "waited in vain until {what}: {stats:#?}\n{}", self.said());
            // Returns early when something was settled.
            let _report = self.outbox.flush(Duration::from_millis(20));
        }
    }
}

/// The channels of the program, and where each arrives.
pub(crate) const PROVIDERS: [(&str, Provider); 3] =
    [("slack", Provider::SlackWebhook), ("telegram", Provider::Telegram), ("email", Provider::Smtp)];

/// Opens an inbox that takes mail without TLS, on ports of choice.
pub(crate) fn inbox(http: u16, smtp: u16) -> Inbox {
    Inbox::builder().http_port(http).smtp_port(smtp).smtp_plaintext().smtp_anonymous().start().unwrap()
}

/// Where the providers are, also while they are not.
pub(crate) struct Doors {
    pub(crate) http: u16,
    pub(crate) smtp: u16,
}

impl Doors {
    pub(crate) fn of(inbox: &Inbox) -> Self {
        Self { http: inbox.http_addr().port(), smtp: inbox.smtp_addr().port() }
    }

    fn base(&self) -> String {
        format!("http://127.0.0.1:{}", self.http)
    }

    pub(crate) fn slack(&self) -> Slack {
        Slack::webhook(format!("{}{}", self.base(), Demo::SLACK_WEBHOOK_PATH)).build().unwrap()
    }

    pub(crate) fn telegram(&self) -> Telegram {
        Telegram::bot(Demo::TELEGRAM_TOKEN, Demo::TELEGRAM_CHAT).api_url(self.base()).build().unwrap()
    }

    pub(crate) fn email(&self) -> Email {
        let server = format!("smtp+plain://localhost:{}", self.smtp);
        Email::to(["ada@example.com"]).from("shop@example.com").server(server).build().unwrap()
    }

    /// A program with Slack, Telegram and mail.
    pub(crate) fn shop(&self, outbox: OutboxBuilder, policy: fn(DeliveryPolicy) -> DeliveryPolicy) -> Shop {
        Shop::open(outbox)
            .channel("slack", self.slack(), policy)
            .channel("telegram", self.telegram(), policy)
            .channel("email", self.email(), policy)
    }
}

/// A channel that is not patient, so that a test need not be: otherwise it does as always.
pub(crate) fn brisk(mut policy: DeliveryPolicy) -> DeliveryPolicy {
    policy.backoff_base = Duration::from_millis(10);
    policy.backoff_cap = Duration::from_millis(100);
    policy.breaker_wait = Duration::from_millis(50);
    policy.breaker_cap = Duration::from_millis(100);
    policy.min_gap = Duration::ZERO;
    policy
}

/// Checks that a provider took each text once, and nothing else.
pub(crate) fn assert_once(inbox: &Inbox, provider: Provider, texts: &[&str]) {
    let found = inbox.wait_for(provider, texts.len(), PATIENCE).unwrap();
    let shown = || found.iter().map(|message| message.title.as_str()).collect::<Vec<_>>();
    assert_eq!(found.len(), texts.len(), "{provider}: {:?}", shown());
    for text in texts {
        let copies = found.iter().filter(|message| says(message, text)).count();
        assert_eq!(copies, 1, "{provider}: `{text}` in {:?}", shown());
    }
}

pub(crate) fn says(message: &Received, text: &str) -> bool {
    message.text().contains(text)
}

pub(crate) fn is_marked(message: &Received) -> bool {
    message.text().to_lowercase().contains("possible duplicate")
}
