//! Tests of rewrites.

use std::sync::Mutex;

use tracing_core::Level;
use tracing_subscriber::prelude::*;

use super::*;
use crate::{Alert, Capture, Handler, HandlerLayer, Memory};

/// Shows events to a memory as some rewrites, one over the other, have them.
struct Chain(Vec<Rewrite>, Memory);

impl Handler for Chain {
    fn handle(&self, event: &EventView<'_>) {
        fn go(rest: &[Rewrite], event: &EventView<'_>, memory: &Memory) {
            match rest.split_first() {
                Some((first, rest)) => event.rewritten(first, |event| go(rest, event, memory)),
                None => memory.handle(event),
            }
        }
        go(&self.0, event, &self.1);
    }
}

fn captured(rewrites: Vec<Rewrite>, emit: fn()) -> Alert {
    let memory = Memory::new("shop", 10);
    let layer = HandlerLayer::new(Chain(rewrites, memory.clone()));
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), emit);
    memory.take().pop().unwrap()
}

fn shown(alert: &Alert) -> String {
    let fields: Vec<_> = alert.fields.iter().map(|field| format!("{}={}", field.name, field.value)).collect();
    format!("{} {}: {}", alert.severity, alert.message, fields.join(" "))
}

fn order() {
    tracing::error!(order = 17, customer = "ada", late = true, missing = None::<u64>, "not shipped");
}

#[test]
fn renames_then_removes_then_sets() {
    let new = Rewrite::new;
    for (rewrites, expected) in [
        (vec![], "ERROR not shipped: order=17 customer=ada late=true"),
        (vec![new()], "ERROR not shipped: order=17 customer=ada late=true"),
        (vec![new().severity(Severity::Warn)], "WARN not shipped: order=17 customer=ada late=true"),
        (
            vec![new().severity(Severity::Critical).remove("late")],
            "CRITICAL not shipped: order=17 customer=ada",
        ),
        (vec![new().message("gone")], "ERROR gone: order=17 customer=ada late=true"),
        (vec![new().remove("message")], "ERROR : order=17 customer=ada late=true"),
        (vec![new().rename("message", "text")], "ERROR : text=not shipped order=17 customer=ada late=true"),
        (vec![new().rename("customer", "message")], "ERROR ada: order=17 late=true"),
        (vec![new().set("message", 5)], "ERROR 5: order=17 customer=ada late=true"),
        (
            vec![new().set("n", -1).set("f", 1.5).set("b", false).set("t", "x y")],
            "ERROR not shipped: order=17 customer=ada late=true n=-1 f=1.5 b=false t=x y",
        ),
        (vec![new().set("order", 18_u64)], "ERROR not shipped: customer=ada late=true order=18"),
        (vec![new().set("a", 1).set("a", 2)], "ERROR not shipped: order=17 customer=ada late=true a=2"),
        (vec![new().rename("order", "id")], "ERROR not shipped: id=17 customer=ada late=true"),
        (vec![new().rename("order", "customer")], "ERROR not shipped: customer=17 late=true"),
        (vec![new().rename("order", "order")], "ERROR not shipped: order=17 customer=ada late=true"),
        (vec![new().rename("nothing", "late")], "ERROR not shipped: order=17 customer=ada late=true"),
        (vec![new().rename("missing", "late")], "ERROR not shipped: order=17 customer=ada late=true"),
        // In one rewrite: what was renamed can be removed, what was removed can be set.
        (
            vec![new().rename("order", "id").remove("id").set("id", 1)],
            "ERROR not shipped: customer=ada late=true id=1",
        ),
        // One over the other: the later sees what the earlier has made.
        (
            vec![new().rename("order", "id"), new().rename("id", "number"), new().set("number2", 2)],
            "ERROR not shipped: number=17 customer=ada late=true number2=2",
        ),
        (
            vec![new().set("id", 1), new().rename("id", "order")],
            "ERROR not shipped: customer=ada late=true order=1",
        ),
        (
            vec![new().set("id", 1), new().remove("id").remove("order")],
            "ERROR not shipped: customer=ada late=true",
        ),
        (
            vec![new().rename("late", "order"), new().rename("order", "late")],
            "ERROR not shipped: customer=ada late=true",
        ),
    ] {
        assert_eq!(shown(&captured(rewrites.clone(), order)), expected, "{rewrites:?}");
    }
}

#[test]
fn a_renamed_secret_and_a_set_value_are_redacted() {
    let emit = || tracing::error!(password = "hunter2-planted", pin = 4711, other = "planted", "no");
    let new = Rewrite::new;
    for (rewrites, expected) in [
        (vec![new().rename("password", "note").remove("pin").remove("other")], "note=[redacted]"),
        (
            vec![new().rename("password", "a"), new().rename("a", "b").remove("pin").remove("other")],
            "b=[redacted]",
        ),
        (
            vec![new().remove("password").remove("pin"), new().rename("other", "password")],
            "password=[redacted]",
        ),
        (
            vec![
                new().remove("password").remove("pin").set("other", "planted"),
                new().rename("other", "token"),
            ],
            "token=[redacted]",
        ),
        (
            vec![
                new().set("token", 990_099),
                new().rename("token", "n").remove("password").remove("pin").remove("other"),
            ],
            "n=[redacted]",
        ),
        (
            vec![
                new()
                    .remove("password")
                    .remove("pin")
                    .remove("other")
                    .set("url", "https://u:planted@example.com/"),
            ],
            "url=https://u:[redacted]@example.com/",
        ),
    ] {
        let alert = captured(rewrites.clone(), emit);
        let text = shown(&alert).replace(MASK, "[redacted]");
        assert!(text.ends_with(expected) && !text.contains("planted"), "{text}, expected {expected}");
    }
    let rewrite = new().set("password", "planted").message("Authorization: Bearer planted-planted-planted");
    assert!(!rewrite.to_string().contains("planted"), "{rewrite}");
}

#[test]
fn a_look_up_sees_the_captured_fields_and_siblings_do_not() {
    struct Looking(Mutex<Vec<String>>, Capture);
    impl Looking {
        fn look(&self, event: &EventView<'_>) {
            let names = ["message", "order", "id", "customer", "team", "tenant"];
            let found: Vec<_> =
                names.iter().filter_map(|name| Some(format!("{name}={}", event.field(name)?))).collect();
            self.0.lock().unwrap().push(format!("{} {}", event.severity(), found.join(" ")));
            // Again by the other way: everything but the span's.
            let alert = self.1.alert(event);
            for field in &alert.fields {
                assert_eq!(
                    event.event_field(&field.name),
                    Some(field.value.to_string().as_str()),
                    "{}",
                    field.name
                );
            }
            assert_eq!(event.message(), alert.message);
        }
    }
    impl Handler for Looking {
        fn handle(&self, event: &EventView<'_>) {
            let rewrite = Rewrite::new()
                .severity(Severity::Info)
                .message("other")
                .rename("order", "id")
                .remove("customer")
                .remove("tenant")
                .set("team", "ops")
                .set("severity", "critical");
            self.look(event);
            event.rewritten(&rewrite, |event| {
                self.look(event);
                event.rewritten(&Rewrite::new().severity(Level::ERROR).remove("team"), |event| {
                    self.look(event)
                });
            });
            self.look(event);
        }
    }
    let looking = std::sync::Arc::new(Looking(Mutex::default(), Capture::new(crate::App::new("shop"))));
    let layer = HandlerLayer::new(std::sync::Arc::clone(&looking));
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        let _span = tracing::info_span!("request", tenant = "acme").entered();
        order();
    });
    let plain = "ERROR message=not shipped order=17 customer=ada tenant=acme";
    assert_eq!(
        *looking.0.lock().unwrap(),
        [
            plain,
            "INFO message=other id=17 team=ops tenant=acme",
            "ERROR message=other id=17 tenant=acme",
            plain,
        ]
    );
}

#[test]
fn a_name_is_kept_once_and_two_names_are_two_fields() {
    let rewrite = |name: &str| Rewrite::new().set(name, 1);
    assert_eq!(rewrite("kept.once"), rewrite("kept.once"));
    assert_ne!(rewrite("kept.once"), rewrite("kept.twice"));
    let address = |name: &str| process::field_named(name).name().as_ptr();
    assert_eq!(address("kept.once"), address("kept.once"));
}

#[test]
fn fields_past_the_limit_are_counted_and_leave_the_others() {
    let many = (0..100).fold(Rewrite::new(), |rewrite, n| rewrite.set(&format!("f{n}"), n));
    let alert = captured(vec![many], order);
    let at = |place: usize| (&*alert.fields[place].name, alert.fields[place].value.to_string());
    assert_eq!((alert.fields.len(), &*alert.message), (65, "not shipped"));
    assert_eq!((at(0).0, at(63).0), ("order", "f60"));
    assert_eq!(at(64), ("fields_left_out", "39".to_owned()));
}
