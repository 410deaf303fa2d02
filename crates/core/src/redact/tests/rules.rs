//! The rules that a program adds: by name, by path, by pattern; to both lists.

use crate::{MASK, Redactor};

/// `~` stands for the mask.
fn check(redactor: &Redactor, texts: &[(&str, &str)]) {
    for (text, expected) in texts {
        assert_eq!(redactor.text(text), expected.replace('~', MASK), "{text}");
    }
}

#[test]
fn a_path_reaches_into_structures() {
    let redactor = Redactor::default()
        .path("request.headers.x-tenant")
        .path("audit.*.note")
        .path("shop.cart")
        .allow_path("page.token");
    check(
        &redactor,
        &[
            (
                r#"{"request":{"headers":{"x-tenant":"north","host":"h"}}}"#,
                r#"{"request":{"headers":{"x-tenant":"~","host":"h"}}}"#,
            ),
            (r#"{"headers":{"x-tenant":"north"}}"#, r#"{"headers":{"x-tenant":"north"}}"#),
            (
                r#"{"request":{"x-tenant":"north","headers":{}}}"#,
                r#"{"request":{"x-tenant":"north","headers":{}}}"#,
            ),
            (
                r#"{"request":{"body":"}{","headers":{"X-Tenant":7}}}"#,
                r#"{"request":{"body":"}{","headers":{"X-Tenant":"~"}}}"#,
            ),
            (
                r#"{"log":"{\"request\":{\"headers\":{\"x-tenant\":\"n\"}}}"}"#,
                r#"{"log":"{\"request\":{\"headers\":{\"x-tenant\":\"~\"}}}"}"#,
            ),
            (
                r#"{"a":"{\"request\":{}}","headers":{"x-tenant":"n"}}"#,
                r#"{"a":"{\"request\":{}}","headers":{"x-tenant":"n"}}"#,
            ),
            (
                r#"Request { id: 7, headers: {"x-tenant": "north"}, request: 1 }"#,
                r#"Request { id: 7, headers: {"x-tenant": "north"}, request: 1 }"#,
            ),
            (
                r#"request: Parts { headers: {"x-tenant": "north"}, id: 7 }"#,
                r#"request: Parts { headers: {"x-tenant": "~"}, id: 7 }"#,
            ),
            ("request.headers.x-tenant=north id=7", "request.headers.x-tenant=~ id=7"),
            (
                "request:\n  headers:\n    x-tenant: north\n  id: 7\n",
                "request:\n  headers:\n    x-tenant: ~\n  id: 7\n",
            ),
            (
                "request:\n  id: 7\nheaders:\n  x-tenant: north\n",
                "request:\n  id: 7\nheaders:\n  x-tenant: north\n",
            ),
            (
                r#"{"audit":{"eve":{"note":"n n"},"bob":{"note":"m"}},"note":"o"}"#,
                r#"{"audit":{"eve":{"note":"~"},"bob":{"note":"~"}},"note":"o"}"#,
            ),
            (r#"{"shop":{"cart":{"a":[1,2],"b":"c"},"id":1}}"#, r#"{"shop":{"cart":"~","id":1}}"#),
            (
                r#"{"page":{"token":"abc123xyz"},"token":"abc123xyz"}"#,
                r#"{"page":{"token":"abc123xyz"},"token":"~"}"#,
            ),
        ],
    );
}

#[test]
fn a_path_begins_at_the_name_of_a_field() {
    let redactor = Redactor::default().path("request.headers.x-tenant").path("order.note");
    let json = r#"{"headers":{"x-tenant":"north"}}"#;
    let masked = r#"{"headers":{"x-tenant":"[redacted]"}}"#;
    for (name, value, expected) in [
        ("request", json, masked),
        ("http.request", json, masked),
        ("response", json, json),
        ("request.headers", r#"{"x-tenant": "north"}"#, r#"{"x-tenant": "[redacted]"}"#),
        ("request.headers.x_tenant", "north", MASK),
        ("headers.x_tenant", "north", "north"),
        ("order", "Order { note: \"two words\", id: 7 }", "Order { note: \"[redacted]\", id: 7 }"),
        ("order.note", "two words", MASK),
        ("order.notes", "two words", "two words"),
        ("border.note", "two words", "two words"),
    ] {
        assert_eq!(redactor.value(name, value), expected, "{name} {value}");
        assert_eq!(redactor.clean_under(redactor.judge_name(name), value), expected, "{name} {value}");
    }
}

#[test]
fn a_pattern_is_found_in_texts_and_numbers() {
    let redactor = Redactor::default()
        .pattern(r"\bAC-\d{4}\b")
        .and_then(|redactor| redactor.pattern(r"seat (\w+)"))
        .and_then(|redactor| redactor.pattern(r"^4711\d\d$"))
        .and_then(|redactor| redactor.allow_pattern(r"demo-\w+"))
        .unwrap();
    check(
        &redactor,
        &[
            ("AC-1234 and AC-12345", "~ and AC-12345"),
            ("plain seat 12B row 4", "plain seat ~ row 4"),
            ("token=AC-1234", "token=~"),
            ("token=demo-123abc token=live-123abc", "token=demo-123abc token=~"),
            (r#"{"password":"demo-x1"}"#, r#"{"password":"demo-x1"}"#),
        ],
    );
    let verdict = redactor.judge_name("row");
    for (number, is_hidden) in [(471_112, true), (47_111, false), (4_711_123, false)] {
        assert_eq!(redactor.hides_number(verdict, number), is_hidden, "{number}");
        assert!(!Redactor::default().hides_number(verdict, number), "{number}");
    }
    assert!(redactor.hides_float(verdict, 471_112.0));
    assert_eq!(redactor.value("password", "demo-x1"), "demo-x1");
    assert_eq!(redactor.value("password", "x-demo-x1"), MASK);
    assert_eq!(redactor.cut_text("a b AC-12"), "a b [redacted]");
}

#[test]
fn a_name_of_any_language_can_be_added() {
    let redactor = Redactor::default().name("Straße").name("сотрудник").name("名前");
    for name in ["straße", "home.Straße", "СОТРУДНИК", "名前", "名前_2"] {
        assert_eq!(redactor.value(name, "violet"), MASK, "{name}");
    }
    assert_eq!(redactor.value("stra", "violet"), "violet");
}

#[test]
fn an_added_name_hides_values_of_every_kind() {
    let redactor = Redactor::default().name("salary").path("staff.bonus");
    for name in ["salary", "staff.bonus"] {
        let verdict = redactor.judge_name(name);
        assert!(redactor.hides_number(verdict, 7) && redactor.hides_float(verdict, 0.5), "{name}");
        for value in ["7", "expired", "$1", "/etc/x", "Some(7.5)", "two words", "-"] {
            assert_eq!(redactor.clean_under(verdict, value), MASK, "{name} {value}");
        }
    }
    assert!(!Redactor::default().hides_float(Redactor::default().judge_name("password"), 0.5));
}

#[test]
fn a_strict_redactor_masks_what_might_be_a_secret() {
    let strict = Redactor::default().strict();
    check(
        &strict,
        &[
            ("pin=13 auth=violet", "pin=~ auth=~"),
            ("token: expired", "token: ~"),
            ("user=eve rows=13", "user=eve rows=13"),
            ("token_count=13", "token_count=13"),
        ],
    );
    assert!(strict.hides_number(strict.judge_name("pin"), 7));
    assert_eq!(Redactor::off().strict().text("pin=13"), "pin=[redacted]");
}

#[test]
fn each_kind_of_rule_changes_the_number_of_the_rules() {
    let with = |redactor: Redactor| redactor.rules_id();
    let ids = [
        with(Redactor::default()),
        with(Redactor::default().name("a")),
        with(Redactor::default().path("a")),
        with(Redactor::default().pattern("a").unwrap()),
        with(Redactor::default().allow("a")),
        with(Redactor::default().allow_path("a")),
        with(Redactor::default().allow_pattern("a").unwrap()),
        with(Redactor::default().strict()),
    ];
    let distinct: std::collections::BTreeSet<_> = ids.iter().collect();
    assert_eq!(distinct.len(), ids.len());
}

#[test]
fn structures_of_any_depth_are_followed_in_linear_time() {
    let redactor = Redactor::default().path("a.b");
    for unit in ["{\"a\":", "[", "a: \"{", "a:\n ", "\\\"", "a=", "{\"a\":\"{\\\"b\\\":1}\","] {
        let text = unit.repeat(40_000);
        drop(redactor.text(&text));
    }
}
