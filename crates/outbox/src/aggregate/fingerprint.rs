//! Tell which alerts are of one kind: stable over builds, processes and restarts.

use serde::{Deserialize, Serialize};
use watchfire_core::{Alert, Field, Value, cut};

use crate::{GroupId, aggregate::normalize::template, model::hash::Fnv128};

/// The field by which a program names the group itself.
pub(crate) const GROUP_FIELD: &str = "alert.group";
/// Stands for what the fingerprint would have been, inside a name that a program gives.
const DEFAULT_PART: &str = "{{default}}";
/// How much of a field's text is kept, in bytes.
const TEXT: usize = 600;
/// The version of the rules below. It is the first part of every hash, and kept with each group: groups of an older
/// version are found again by their opening alert.
pub(crate) const VERSION: u32 = 1;

/// The key by which alerts are grouped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fingerprint {
    pub(crate) group: GroupId,
    /// The place in the source, for the guard against too many kinds of one place; none if the program named the group.
    pub(crate) place: Option<SourcePlace>,
}

/// A place in the source that alerts come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SourcePlace {
    pub(crate) key: u64,
    /// The group of everything from there, once it has too many kinds.
    pub(crate) folded: GroupId,
}

impl Fingerprint {
    /// Takes the fingerprint of an alert; `named` is what a function of the program calls its group.
    ///
    /// Level, target, module, the names of the fields, the message and the outermost and innermost error without their
    /// variable parts. Not the line, which moves with every edit above it; of a panic the line too, as its message is
    /// often the standard library's.
    pub(crate) fn of(alert: &Alert, named: Option<&str>) -> Self {
        let own = alert.fields.iter().rev().find(|field| field.name == GROUP_FIELD).map(|field| match &field
            .value
        {
            Value::Str(text) | Value::Debug(text) => text.to_string(),
            other => other.to_string(),
        });
        match named.map(ToOwned::to_owned).or(own) {
            Some(name) if name.contains(DEFAULT_PART) => {
                let hash = start(alert).part(b"named").part(name.as_bytes());
                let group = hash.part(&by_default(alert).group.as_u64().to_be_bytes()).finish_u64();
                Self { group: GroupId::from_u64(group), place: None }
            }
            Some(name) => {
                let group = start(alert).part(b"named").part(name.as_bytes()).finish_u64();
                Self { group: GroupId::from_u64(group), place: None }
            }
            None => by_default(alert),
        }
    }
}

/// The part of an alert's identity that a kept sample of it does not have: what a later version needs to find its group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Identity {
    /// The name that the program has given the group.
    #[serde(skip_serializing_if = "Option::is_none")]
    named: Option<String>,
    /// The names of the fields, and the texts of those that tell groups apart.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    fields: Vec<(String, Option<String>)>,
}

impl Identity {
    pub(super) fn of(alert: &Alert, named: Option<&str>) -> Self {
        let field = |field: &Field| {
            let tells_apart = field.name == GROUP_FIELD || is_error_name(&field.name);
            let text = tells_apart.then(|| cut(&field.value.to_string(), TEXT).to_owned());
            (field.name.to_string(), text)
        };
        Self { named: named.map(str::to_owned), fields: alert.fields.iter().map(field).collect() }
    }

    /// Takes the fingerprint anew; `sample` is what was kept of the alert, and `is_folded` says that the group stands for
    /// all kinds of its place.
    pub(super) fn group_of(&self, mut sample: Alert, is_folded: bool) -> GroupId {
        for (name, text) in &self.fields {
            sample = sample.field(name.clone(), text.clone().unwrap_or_default());
        }
        let print = Fingerprint::of(&sample, self.named.as_deref());
        print.place.filter(|_| is_folded).map_or(print.group, |place| place.folded)
    }
}

fn by_default(alert: &Alert) -> Fingerprint {
    let line = alert.line.unwrap_or_default().to_be_bytes();
    let mut place = start(alert).part(alert.severity.as_str().as_bytes()).part(alert.target.as_bytes());
    place = place.part(module(alert).as_bytes());
    for field in &alert.fields {
        place = place.part(field.name.as_bytes());
    }
    let mut kind = place.part(b"kind").part(template(&alert.message).as_bytes());
    if is_panic(alert) {
        kind = kind.part(alert.file.as_deref().unwrap_or_default().as_bytes()).part(&line);
    }
    match (alert.error.first(), alert.error.last()) {
        (Some(outer), Some(root)) => {
            kind = kind.part(template(outer).as_bytes()).part(template(root).as_bytes());
        }
        // An error that was recorded as its text, as in `error = %error`.
        _ => {
            for field in alert.fields.iter().filter(|field| is_error_name(&field.name)) {
                kind = kind.part(template(field.value.as_text().unwrap_or_default()).as_bytes());
            }
        }
    }
    let here = place.part(b"place").part(&line).finish_u64();
    let folded = place.part(b"folded").part(&line).finish_u64();
    Fingerprint {
        group: GroupId::from_u64(kind.finish_u64()),
        place: Some(SourcePlace { key: here, folded: GroupId::from_u64(folded) }),
    }
}

fn start(alert: &Alert) -> Fnv128 {
    let environment = alert.app.environment_name().unwrap_or_default();
    Fnv128::new()
        .part(format!("v{VERSION}").as_bytes())
        .part(alert.app.name().as_bytes())
        .part(environment.as_bytes())
}

/// Tells whether a field of this name holds an error, whatever it was recorded as.
pub(crate) fn is_error_name(name: &str) -> bool {
    matches!(name, "error" | "err" | "exception" | "cause" | "reason")
}

/// Tells whether the alert is the last words of a thread.
fn is_panic(alert: &Alert) -> bool {
    alert.target == "panic"
}

/// A module path is the same on every machine that builds; a file's path often begins with somebody's home.
fn module(alert: &Alert) -> &str {
    match (&alert.module, &alert.file) {
        (Some(module), _) => module,
        (None, Some(file)) => file.rsplit(['/', '\\']).next().unwrap_or(file),
        (None, None) => "",
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use watchfire_core::{App, Severity};

    use super::*;

    fn alert(message: &str) -> Alert {
        let mut alert = Alert::new(App::new("shop").host("web-1").pid(7), Severity::Error, message);
        alert.module = Some(Cow::Borrowed("shop::orders"));
        alert.target("shop::orders").place("src/orders.rs", 10)
    }

    fn group(alert: &Alert) -> GroupId {
        Fingerprint::of(alert, None).group
    }

    #[test]
    fn is_the_same_over_builds_machines_and_values() {
        let one = alert("order 17 failed after 12ms").field("order", 17_u64);
        let mut other =
            alert("order 4711 failed after 3s").field("order", 4711_u64).place("/srv/x/src/orders.rs", 99);
        other.app = App::new("shop").host("web-2").pid(8).release("shop@2").into();
        other.thread = "worker-7".to_owned();
        assert_eq!(group(&one), group(&other));
        // Pinned: a build that changes this makes every open group, silence and thread a stranger.
        assert_eq!(group(&one).to_string(), "7dfad4b78d0cd254");
    }

    #[test]
    fn tells_kinds_apart() {
        let base = alert("refused").error(&std::io::Error::other("card expired"));
        let mut warn = base.clone();
        (warn.severity, warn.level) = (Severity::Warn, Severity::Warn.level());
        let mut critical = base.clone();
        critical.severity = Severity::Critical;
        let mut module = base.clone();
        module.module = Some(Cow::Borrowed("shop::refunds"));
        let mut staging = base.clone();
        staging.app = App::new("shop").environment("staging").into();
        let others = [
            warn,
            critical,
            module,
            staging,
            alert("declined").error(&std::io::Error::other("card expired")),
            alert("refused").error(&std::io::Error::other("no such card")),
            alert("refused"),
            base.clone().target("billing"),
            base.clone().field("customer", "ada"),
            alert("refused").field("error", "card expired"),
            alert("refused").field("error", "no such card"),
        ];
        let mut seen = vec![group(&base)];
        for other in &others {
            assert!(!seen.contains(&group(other)), "{other:?}");
            seen.push(group(other));
        }
    }

    #[test]
    fn a_panic_is_known_by_its_place_too() {
        let text = "called `Option::unwrap()` on a `None` value";
        let panic = |line| alert(text).target("panic").place("src/orders.rs", line);
        assert_ne!(group(&panic(1)), group(&panic(2)));
        assert_eq!(group(&panic(1)), group(&panic(1)));
    }

    #[test]
    fn the_program_may_name_the_group() {
        let (a, b) = (alert("one"), alert("two").place("elsewhere.rs", 1));
        let named = |alert: &Alert, name: &str| group(&alert.clone().field(GROUP_FIELD, name));
        assert_eq!(named(&a, "database"), named(&b, "database"));
        assert_ne!(named(&a, "database"), named(&a, "cache"));
        assert_ne!(named(&a, "tenant-7 {{default}}"), named(&b, "tenant-7 {{default}}"));
        assert_ne!(named(&a, "tenant-7 {{default}}"), named(&a, "tenant-8 {{default}}"));
        assert_eq!(Fingerprint::of(&a, Some("database")), Fingerprint::of(&b, Some("database")));
        assert_eq!(Fingerprint::of(&a, Some("database")).group, named(&a, "database"));
        let number = a.clone().field(GROUP_FIELD, 7_u64);
        assert_eq!(group(&number), named(&b, "7"));
    }
}
