//! Tests that the conformance suite finds each kind of broken sink.

use std::sync::{
    Arc,
    atomic::{AtomicU32, AtomicUsize, Ordering},
};

use watchfire_core::Secret;
use watchfire_outbox::{Answers, Delivering, MessageContent, Occasion, Outcome, Reason, Verdict, Verifying};

use super::*;
use crate::Captured;

type Render = Box<dyn Fn(&Occasion<'_>) -> Vec<Notification> + Send + Sync>;

/// A sink with one mistake.
struct Faulty {
    render: Render,
    shown: &'static str,
    /// Counts what it posts when it is asked to verify, and what it says then.
    verify: (Arc<AtomicUsize>, usize, &'static str),
}

impl Faulty {
    fn new(render: impl Fn(&Occasion<'_>) -> Vec<Notification> + Send + Sync + 'static) -> Self {
        Self { render: Box::new(render), shown: "", verify: (Arc::default(), 0, "fine") }
    }
}

impl Debug for Faulty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.shown)
    }
}

impl Sink for Faulty {
    fn kind(&self) -> &'static str {
        "faulty"
    }

    fn render(&self, occasion: &Occasion<'_>) -> Vec<Notification> {
        (self.render)(occasion)
    }

    fn deliver<'a>(&'a self, _: &'a Notification) -> Delivering<'a> {
        Box::pin(async { Outcome::Delivered(None) })
    }

    fn verify<'a>(&'a self, answers: &'a Answers) -> Verifying<'a> {
        let (posts, more, says) = &self.verify;
        posts.fetch_add(*more, Ordering::Relaxed);
        answers.add("credentials", Verdict::Accepted(Reason::new(says)));
        Box::pin(std::future::ready(()))
    }
}

fn fine(occasion: &Occasion<'_>, recipient: &str) -> Notification {
    let page = MessageContent::of(occasion);
    let text = page.plain_text();
    occasion
        .notification(recipient)
        .rich(text.clone())
        .plain(text)
        .short(page.short_text())
        .ascii(page.ascii_line(300))
}

/// The first claim that a sink breaks.
fn broken(suite: &Suite<'_>) -> &'static str {
    suite.findings().first().unwrap().claim
}

#[test]
fn the_captured_sink_holds_every_claim() {
    of(&Captured::new())
        .valid(|_, body| std::str::from_utf8(body).map(|_| ()).map_err(|e| e.to_string()))
        .check();
}

#[test]
fn finds_a_sink_with_one_mistake() {
    let calls = AtomicU32::new(0);
    let cases: Vec<(&str, Faulty)> = vec![
        (
            "rendering never panics",
            Faulty::new(|occasion| {
                assert!(!occasion.alert().message.starts_with("=?"), "an encoded word");
                vec![fine(occasion, "a")]
            }),
        ),
        (
            "the same occasion gives the same bytes",
            Faulty::new(move |occasion| {
                vec![fine(occasion, "a").rich(calls.fetch_add(1, Ordering::Relaxed).to_string())]
            }),
        ),
        ("every occasion has a notification", Faulty::new(|_| Vec::new())),
        ("no recipient has two", Faulty::new(|occasion| vec![fine(occasion, "a"), fine(occasion, "a")])),
        (
            "it has all four forms",
            Faulty::new(|occasion| vec![occasion.notification("a").rich("x").ascii("x")]),
        ),
        (
            "no body is empty",
            Faulty::new(|occasion| vec![fine(occasion, "a").short(occasion.alert().message.clone())]),
        ),
        (
            "the last form is ASCII",
            Faulty::new(|occasion| vec![fine(occasion, "a").ascii(format!("x{}", occasion.alert().message))]),
        ),
        (
            "it tells of its alert, group, channel and kind",
            Faulty::new(|occasion| {
                vec![fine(&occasion.clone().of_kind(OccasionKind::First, occasion.number()), "a")]
            }),
        ),
        (
            "different messages render differently",
            Faulty::new(|occasion| vec![fine(occasion, "a").short("see the log")]),
        ),
        (
            "ids are the same at any time",
            Faulty::new(|occasion| vec![fine(occasion, &format!("{:?}", occasion.now()))]),
        ),
        (
            "ids differ",
            Faulty::new(|occasion| vec![fine(&occasion.clone().of_kind(occasion.kind(), 0), "a")]),
        ),
    ];
    for (claim, faulty) in cases {
        assert_eq!(broken(&of(&faulty)), claim);
    }
}

#[test]
fn finds_what_the_sinks_own_check_refuses() {
    let captured = Captured::new();
    let short =
        |_, body: &[u8]| if body.len() <= 4_000 { Ok(()) } else { Err(format!("{} bytes", body.len())) };
    assert_eq!(broken(&of(&captured).valid(short)), "it is valid");
}

#[test]
fn finds_a_mistake_that_only_random_alerts_show() {
    let faulty = Faulty::new(|occasion| {
        // A panic would print a stack at each step of the shrinking.
        let known = [0, 4711].contains(&occasion.alert().app.process_id());
        if known { vec![fine(occasion, "a")] } else { Vec::new() }
    });
    assert_eq!(broken(&of(&faulty)), "a random alert holds every claim");
}

#[test]
fn finds_credentials_and_does_not_print_them() {
    let secret = "planted-in-conformance-0001";
    let told = Faulty::new(move |occasion| vec![fine(occasion, secret)]);
    let shown = Faulty { shown: secret, ..Faulty::new(|occasion| vec![fine(occasion, "a")]) };
    let unregistered = Captured::new();
    assert_eq!(broken(&of(&unregistered).secrets([secret])), "every credential is registered");
    let _registered = Secret::new(secret);
    assert_eq!(of(&Captured::new()).secrets([secret]).findings(), []);
    for (faulty, claim) in
        [(&shown, "no credential is in its Debug"), (&told, "no notification holds a credential")]
    {
        let findings = of(faulty).secrets([secret]).findings();
        assert_eq!(findings.first().unwrap().claim, claim);
        assert!(findings.iter().all(|finding| !finding.to_string().contains(secret)));
    }
}

#[test]
fn finds_a_sink_that_posts_when_it_only_should_ask() {
    for (posts, says, claim) in [
        (0, "fine", None),
        (1, "fine", Some("verify posts nothing")),
        (0, "", Some("verify says of what it asked, and what was answered")),
    ] {
        let faulty = Faulty {
            verify: (Arc::default(), posts, says),
            ..Faulty::new(|occasion| vec![fine(occasion, "a")])
        };
        let count = Arc::clone(&faulty.verify.0);
        let findings = of(&faulty).findings_of_verify(|| count.load(Ordering::Relaxed));
        assert_eq!(findings.first().map(|finding| finding.claim), claim);
    }
    assert_eq!(of(&Captured::new()).findings_of_verify(|| 0), [], "the default says that it cannot be asked");
}
