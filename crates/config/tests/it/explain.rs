//! The output of `explain`.

use tracing::Level;
use watchfire_config::{Components, Config, Question};

pub(crate) const SHOP: &str = r#"
version = 1

[app]
name = "storefront"

[handlers.file]
type = "file"
path = "storefront.log"
rotate = { every = "day", keep = 7 }

[handlers.ops]
type = "slack"
webhook = "${SLACK_WEBHOOK}"
level = "error"
filters = ["require_debug_false"]

[handlers.pager]
type = "null"
level = "critical"

[loggers."storefront::payments"]
level = "warn"
handlers = ["ops", "file"]
propagate = false

[loggers."storefront::payments::ledger"]
filters = [{ type = "field", field = "tenant", equals = "load-test" }]

[root]
level = "info"
handlers = ["file", "pager"]

[services.checkout]
directives = "warn,storefront::payments=debug"
handlers = ["ops"]

[services.worker]
extends = "checkout"
handlers = ["file"]
"#;

fn hears(question: &Question) -> Vec<String> {
    let config = Config::parse(SHOP).unwrap();
    let explained = config.explain(question, &Components::new()).unwrap();
    explained
        .answers
        .iter()
        .map(|answer| {
            format!("{} {}: {}", if answer.hears { "+" } else { "-" }, answer.handler, answer.because)
        })
        .collect()
}

#[test]
fn names_the_rule_that_decides_for_each_handler() {
    let payments = "the logger `storefront::payments`";
    let ask = |target: &str, level: Level| hears(&Question::new(target, level));
    assert_eq!(
        ask("storefront::payments", Level::INFO),
        ["file", "ops", "pager"].map(|name| format!("- {name}: {payments} hears WARN and up")).to_vec(),
    );
    assert_eq!(
        ask("storefront::payments::card", Level::WARN),
        [
            format!("+ file: {payments} names it, and it hears everything"),
            "- ops: it hears ERROR and up".to_owned(),
            format!("- pager: the root names it, but `propagate = false` at {payments} ends the way up"),
        ],
    );
    assert_eq!(
        ask("storefront::web", Level::ERROR),
        [
            "+ file: the root names it, and it hears everything",
            "- ops: no logger at or above the target names it",
            "- pager: it hears CRITICAL",
        ],
    );
    let ledger = Question::new("storefront::payments::ledger", Level::ERROR);
    let kept = "the filter `loggers.\"storefront::payments::ledger\".filters[0]` of the logger";
    assert!(hears(&ledger)[0].contains(kept), "{:?}", hears(&ledger));
    assert!(hears(&ledger.field("tenant", "load-test"))[0].starts_with("+ file"));
}

#[test]
fn rust_log_replaces_the_directives_of_each_service() {
    let ask = |service: &str, rust_log: &str| {
        let question =
            Question::new("storefront::payments", Level::DEBUG).service(service).rust_log(rust_log);
        hears(&question)
            .iter()
            .filter_map(|line| line.strip_prefix("+ ")?.split(':').next().map(str::to_owned))
            .collect::<Vec<_>>()
    };
    // The service's directive is for the payments, whatever their logger says.
    assert_eq!(ask("checkout", ""), ["file"]);
    assert_eq!(ask("worker", ""), ["file"]);
    assert_eq!(ask("worker", "error"), [""; 0]);
    assert_eq!(ask("worker", "storefront=trace"), [""; 0], "the logger's own level is nearer");
    assert_eq!(ask("worker", "storefront::payments=trace"), ["file"]);
}
