//! Tests of the HTML part of a mail.

use std::time::{Duration, UNIX_EPOCH};

use proptest::prelude::*;
use watchfire_core::{Alert, App};
use watchfire_outbox::GroupId;

use super::*;

fn html(alert: &Alert) -> String {
    let now = UNIX_EPOCH + Duration::from_secs(1_790_000_000);
    let occasion = Occasion::first(alert, "email", GroupId::from_u64(1), now);
    page(&MessageContent::of(&occasion), &occasion)
}

fn alert(message: &str) -> Alert {
    Alert::new(App::new("shop").host("h").pid(1), Severity::Error, message)
}

/// The tags in order, without their attributes.
fn tags(html: &str) -> Vec<&str> {
    html.split('<')
        .skip(1)
        .map(|tag| tag.split(|c: char| !c.is_ascii_alphanumeric() && c != '/' && c != '!').next().unwrap())
        .collect()
}

fn is_balanced(html: &str) -> bool {
    let mut open = Vec::new();
    for tag in tags(html) {
        match tag.strip_prefix('/') {
            Some(closed) if open.pop() == Some(closed) => {}
            Some(_) => return false,
            None if ["!DOCTYPE", "!", "meta", "br"].contains(&tag) => {}
            None => open.push(tag),
        }
    }
    open.is_empty()
}

#[test]
fn text_is_never_markup() {
    let hostile = r#"<script>alert("x")</script> &lt; ' <img src=x onerror='y'> </td></table>"#;
    let out =
        html(&alert(hostile).target(hostile).field("<b>", hostile).span(watchfire_core::SpanFacts::new(
            hostile,
            "t",
            vec![],
        )));
    assert!(!out.contains("<script") && !out.contains("<img") && !out.contains("<b>"), "{out}");
    assert!(out.contains("&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt; &amp;lt; &#39;"), "{out}");
    assert!(is_balanced(&out));
}

#[test]
fn lines_and_indentation_stay_without_white_space_rules() {
    let out = html(&alert("down").field("note", "a\n  b\tc  d"));
    assert!(out.contains("a<br>&nbsp;&nbsp;&nbsp;&nbsp;&nbsp;&nbsp;b&nbsp;&nbsp;&nbsp; c &nbsp;d"), "{out}");
}

#[test]
fn a_long_message_gets_a_heading_and_a_box() {
    let out = html(&alert(&"word ".repeat(200)));
    assert!(out.contains(">Message</span>"), "{out}");
    assert!(!html(&alert("short")).contains(">Message</span>"));
}

#[test]
fn what_is_too_long_is_cut_and_says_so() {
    let mut long = alert("down");
    for number in 0..64 {
        long = long.field(format!("field{number}"), "&".repeat(4096));
    }
    let out = html(&long);
    assert!(out.len() < 100_000, "{}", out.len());
    assert!(out.contains("This part is cut; the text part of this mail says more."), "{}", out.len());
    assert!(is_balanced(&out));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn any_text_gives_balanced_markup_within_the_limit(message in any::<String>(), value in any::<String>(), times in 1_usize..3000) {
        let out = html(&alert(&message).field("f", value.repeat(times)));
        prop_assert!(is_balanced(&out), "{}", out);
        prop_assert!(out.len() < 100_000, "{}", out.len());
        prop_assert!(!out.contains('\r') && !out.contains('\0'));
    }
}

#[test]
fn a_link_is_an_address_and_nothing_else() {
    let app = App::new("shop").link("run\"book", "https://wiki.example.com/?a=1&b={order}");
    let alert = Alert::new(app, Severity::Error, "down").field("order", "\"><script>");
    let out = html(&alert);
    let expected = "href=\"https://wiki.example.com/?a=1&amp;b=%22%3E%3Cscript%3E\">Run&quot;book</a>";
    assert!(out.contains(expected), "{out}");
    assert!(!html(&self::alert("down")).contains("<a "));
}
