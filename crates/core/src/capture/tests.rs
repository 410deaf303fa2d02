//! Tests of capture.

use std::sync::Mutex;

use tracing_core::Level;
use tracing_subscriber::prelude::*;

use super::*;
use crate::{Handler, HandlerLayer, Redactor};

/// Takes events, for the test to make alerts of when it likes.
struct Later(Arc<Capture>, Arc<Mutex<Vec<Captured>>>);

impl Handler for Later {
    fn handle(&self, event: &EventView<'_>) {
        let taken = self.0.take(event, crate::clock::instant(), Buffers::default());
        self.1.lock().unwrap().push(taken);
    }
}

/// Emits, and makes the alerts when all is over.
fn alerts(redactor: Redactor, emit: fn()) -> Vec<Alert> {
    let capture = Arc::new(Capture::new(App::new("shop")));
    let taken = Arc::<Mutex<Vec<_>>>::default();
    let layer = HandlerLayer::new(Later(Arc::clone(&capture), Arc::clone(&taken))).redactor(redactor);
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), emit);
    let taken = std::mem::take(&mut *taken.lock().unwrap());
    taken.into_iter().map(|taken| capture.finish(taken).0).collect()
}

fn spans(alert: &Alert) -> String {
    alert.spans.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

#[test]
fn an_alert_made_later_shows_the_spans_of_its_event() {
    let all = alerts(Redactor::default(), || {
        let request = tracing::info_span!("request", path = "/pay", user = tracing::field::Empty);
        let _request = request.enter();
        tracing::error!("before");
        request.record("user", "ada");
        let _inner = tracing::info_span!("inner", try_no = 2_u32).entered();
        tracing::error!("between");
        request.record("user", "eve");
        tracing::error!("after");
    });
    assert_eq!(
        all.iter().map(spans).collect::<Vec<_>>(),
        [
            "request{path=/pay}",
            "request{path=/pay user=ada} inner{try_no=2}",
            "request{path=/pay user=eve} inner{try_no=2}",
        ]
    );
}

#[test]
fn too_verbose_spans_are_left_out_of_a_shared_chain() {
    let all = alerts(Redactor::default(), || {
        let _outer = tracing::info_span!("outer", n = 1_u32).entered();
        let _noise = tracing::trace_span!("noise", n = 2_u32).entered();
        let _inner = tracing::info_span!("inner", n = 3_u32).entered();
        tracing::error!("x");
    });
    assert_eq!(spans(&all[0]), "outer{n=1} inner{n=3}");
}

#[test]
fn a_layer_with_rules_of_its_own_redacts_the_spans_by_these() {
    let all = alerts(Redactor::default().name("seat"), || {
        let _span = tracing::info_span!("order", seat = 17_u64, row = "4").entered();
        tracing::error!(seat = "17A", "x");
    });
    assert_eq!(spans(&all[0]), format!("order{{seat={0} row=4}}", crate::MASK));
    assert_eq!(all[0].get("seat"), Some(&Value::from(crate::MASK)));
}

#[test]
fn a_name_is_judged_by_what_it_is_however_often_it_was_seen() {
    // More names than a thread remembers, twice, and the same under other rules in between.
    let names: Vec<&'static str> = (0..200)
        .map(|i| &*format!("{}_{i}", if i % 2 == 0 { "password" } else { "flavour" }).leak())
        .collect();
    let (plain, off) = (Redactor::default(), Redactor::off());
    for _ in 0..2 {
        for (i, name) in names.iter().enumerate() {
            assert_eq!(plain.judge_field(name).is_clear(), i % 2 == 1, "{name}");
            assert!(off.judge_field(name).is_clear());
        }
    }
}

#[test]
fn used_buffers_hold_nothing_of_the_event_before() {
    #[derive(Debug)]
    struct Broken;
    impl std::error::Error for Broken {}
    impl fmt::Display for Broken {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("broken")
        }
    }
    /// Gives the buffers of each event to the next.
    struct Again(Capture, Mutex<(Buffers, Vec<Alert>)>);
    impl Handler for Again {
        fn handle(&self, event: &EventView<'_>) {
            let mut state = self.1.lock().unwrap();
            let buffers = std::mem::take(&mut state.0);
            let (alert, buffers) = self.0.finish(self.0.take(event, crate::clock::instant(), buffers));
            state.0 = buffers;
            state.1.push(alert);
        }
    }
    let again = Arc::new(Again(Capture::new(App::new("shop")), Mutex::default()));
    let layer = HandlerLayer::new(Arc::clone(&again));
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        tracing::error!(error = &Broken as &dyn std::error::Error, long = "x".repeat(9_000), "first");
        tracing::error!(n = 1_u64);
    });
    let state = again.1.lock().unwrap();
    assert_eq!(state.1[0].error, ["broken"]);
    let second = &state.1[1];
    assert_eq!((second.message.as_str(), second.error.len(), second.level), ("", 0, Level::ERROR));
    assert_eq!(second.fields, [Field::new("n", 1_u64)]);
}

/// Collects what three layers make of one event: the default one, one with a rule of its own, one that masks nothing.
fn by_three(order: [usize; 3], emit: fn()) -> [String; 3] {
    let rules = [Redactor::default(), Redactor::default().name("seat"), Redactor::off()];
    let memories: Vec<_> = rules.iter().map(|_| crate::Memory::new("shop", 8)).collect();
    let layer = |place: usize| {
        HandlerLayer::new(memories[order[place]].clone()).redactor(rules[order[place]].clone())
    };
    let registry = tracing_subscriber::registry().with(layer(0)).with(layer(1)).with(layer(2));
    tracing::subscriber::with_default(registry, emit);
    [0, 1, 2].map(|at| memories[at].take().iter().map(spans).collect())
}

#[test]
fn no_layers_rules_are_those_of_another() {
    let emit = || {
        let span = tracing::info_span!(
            "order",
            password = "given-7secret",
            seat = "17A-given",
            card = 4_111_111_111_111_111_u64,
            api_key = tracing::field::Empty,
            note = tracing::field::Empty,
        );
        let _span = span.enter();
        span.record("api_key", "later-7secret");
        span.record("note", "token=later-7secret");
        tracing::error!("x");
    };
    for order in [[0, 1, 2], [2, 1, 0], [1, 0, 2], [2, 0, 1]] {
        let [plain, seat, off] = by_three(order, emit);
        for shown in [&plain, &seat] {
            assert!(!shown.contains("7secret") && !shown.contains("41111111"), "{order:?}: {shown}");
        }
        assert!(plain.contains("17A-given") && !seat.contains("17A"), "{order:?}: {plain} {seat}");
        let all = ["given-7secret", "4111111111111111", "later-7secret", "token=later-7secret"];
        assert!(all.iter().all(|value| off.contains(value)), "{order:?}: {off}");
    }
}

#[test]
fn an_alert_made_by_hand_is_redacted_in_all_its_texts() {
    let planted = "token=q8V2xZp1aBc9";
    let broken = std::io::Error::other(planted);
    let alert = Alert::new(App::new("shop"), crate::Severity::Error, planted)
        .target(planted)
        .field("note", planted)
        .field("password", "violet7stone")
        .field("card", 4_111_111_111_111_111_u64)
        .span(crate::SpanFacts::new("s", planted, vec![Field::new("api_key", "q8V2xZp1aBc9")]))
        .error(&broken)
        .place(planted, 3)
        .thread(planted)
        .redacted(&Redactor::default());
    let shown = format!("{alert:?}");
    assert!(!shown.contains("q8V2") && !shown.contains("violet7") && !shown.contains("41111"), "{shown}");
}

#[test]
fn the_target_of_a_record_and_the_name_of_a_thread_are_redacted() {
    let memory = crate::Memory::new("shop", 8);
    let registry = tracing_subscriber::registry().with(HandlerLayer::new(memory.clone()));
    let dispatch = tracing_core::Dispatch::new(registry);
    let emit = move || {
        tracing_core::dispatcher::with_default(&dispatch, || {
            let record = log::Record::builder()
                .args(format_args!("x"))
                .target("token=q8V2xZp1aBc9")
                .level(log::Level::Error)
                .build();
            tracing_log::format_trace(&record).unwrap();
        });
    };
    std::thread::Builder::new().name("password=violet7stone".into()).spawn(emit).unwrap().join().unwrap();
    let alert = &memory.take()[0];
    assert_eq!((&*alert.target, &*alert.thread), ("token=[redacted]", "password=[redacted]"));
}

/// Whatever a cap leaves of a card's number, no more than its first six digits stay.
#[test]
fn a_card_number_cut_by_a_cap_is_masked() {
    for number in ["4111111111111111", "4111 1111 1111 1111", "4111-1111-1111-1111"] {
        for cap in 12..24 {
            let memory = crate::Memory::new("shop", 8);
            let limits = crate::Limits { value: cap, ..crate::Limits::default() };
            let layer = HandlerLayer::new(memory.clone()).limits(limits);
            tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
                tracing::error!(note = format!("paid {number} x"), "x");
            });
            let note = memory.take()[0].get("note").unwrap().to_string();
            // The mark of a cut has digits, too.
            let kept = note.split('…').next().unwrap();
            let digits = kept.bytes().filter(u8::is_ascii_digit).count();
            assert!(digits <= 6, "{cap}: {note}");
        }
    }
}

#[test]
fn a_field_that_cannot_be_a_secret_stays_readable() {
    let all = alerts(Redactor::default(), || {
        tracing::error!(
            password_reset = true,
            pass = 3_u8,
            pin = 17_u8,
            pw = 250.5,
            tokens = 1200_u32,
            sig = "SIGTERM",
            pwd = "/srv/shop",
            iban_country = "AT",
            "password: must have 8 characters"
        );
        tracing::error!("token: expired");
    });
    let shown: Vec<_> = all[0].fields.iter().map(|field| format!("{}={}", field.name, field.value)).collect();
    let expected =
        "password_reset=true pass=3 pin=17 pw=250.5 tokens=1200 sig=SIGTERM pwd=/srv/shop iban_country=AT";
    assert_eq!(shown.join(" "), expected);
    assert_eq!(all[0].message, "password: must have 8 characters");
    assert_eq!(all[1].message, "token: expired");
}
