//! Tests of rendered mails.

use mail_parser::{MessageParser, MimeHeaders};
use proptest::prelude::*;
use watchfire_core::{Alert, AlertId, App, Severity, SpanFacts};
use watchfire_outbox::{Counts, Form, GroupId, OccasionKind, Sink};

use super::*;
use crate::{Email, EmailBuilder};

const NOW: Duration = Duration::from_secs(1_790_000_000);

fn email() -> EmailBuilder {
    Email::to(["Ada Löve <ada@example.com>", "grace@example.com"])
        .from("Shop <errors@example.com>")
        .server("smtps://ada:hidden-word@localhost")
        .subject_prefix("[shop] ")
}

fn alert(message: &str) -> Alert {
    let at = UNIX_EPOCH + NOW;
    let app =
        App::new("storefront").environment("production").release("storefront@1.4.2").host("web-1").pid(7);
    let mut alert = Alert::new(app, Severity::Error, message)
        .target("storefront::payments")
        .place("src/payments.rs", 42)
        .at(at)
        .field("order", "A-1017")
        .span(SpanFacts::new(
            "request",
            "storefront",
            vec![watchfire_core::Field::new("route", "/checkout")],
        ));
    alert.id = AlertId::from_parts(at, 1, 1);
    alert.thread = "main".to_owned();
    alert
}

fn first(alert: &Alert) -> Occasion<'_> {
    Occasion::first(alert, "email", GroupId::from_u64(0xfeed), UNIX_EPOCH + NOW)
}

fn form(notification: &Notification, wanted: Form) -> Vec<u8> {
    notification.renderings().find(|(form, _)| *form == wanted).unwrap().1.to_vec()
}

fn header(mail: &[u8], name: &'static str) -> Vec<String> {
    let mail = MessageParser::default().parse(mail).unwrap();
    mail.header_values(name).map(|value| value.as_text().unwrap_or_default().to_owned()).collect()
}

fn subject_of(mail: &[u8]) -> String {
    MessageParser::default().parse(mail).unwrap().subject().unwrap().to_owned()
}

#[test]
fn a_first_alert_is_this_mail() {
    let alert = alert("payment refused: 5 € <short>");
    let mails = email().build().unwrap().render(&first(&alert));
    assert_eq!(
        mails.iter().map(Notification::recipient).collect::<Vec<_>>(),
        ["ada@example.com", "grace@example.com"]
    );
    for (wanted, expected) in
        [(Form::Plain, include_str!("plain.txt")), (Form::Ascii, include_str!("ascii.txt"))]
    {
        let mail = String::from_utf8(form(&mails[0], wanted)).unwrap().replace("\r\n", "\n");
        let (head, body) = mail.split_once("\n\n").unwrap();
        assert_eq!(head.replace(&mails[0].id().to_string(), "ID"), expected.trim_end(), "{wanted:?}");
        assert!(body.contains("payment refused: 5"), "{body}");
    }
    let rich = form(&mails[0], Form::Rich);
    let parsed = MessageParser::default().parse(&rich).unwrap();
    assert!(parsed.is_multipart_alternative());
    assert!(parsed.body_text(0).unwrap().contains("payment refused: 5 € <short>"));
    assert!(parsed.body_html(0).unwrap().contains("payment refused: 5 € &lt;short&gt;"));
    assert!(parsed.content_type().unwrap().attribute("boundary").is_some());
}

trait IsAlternative {
    fn is_multipart_alternative(&self) -> bool;
}

impl IsAlternative for mail_parser::Message<'_> {
    fn is_multipart_alternative(&self) -> bool {
        self.content_type()
            .is_some_and(|kind| kind.ctype() == "multipart" && kind.subtype() == Some("alternative"))
    }
}

#[test]
fn a_value_with_line_breaks_forges_no_field_and_no_section() {
    let alert = alert("down").field("note", "x\norder = 9\n\nSpans, the innermost first\n  fake{}");
    for mail in email().build().unwrap().render(&first(&alert)) {
        for (wanted, count) in [(Form::Rich, 1), (Form::Plain, 1), (Form::Short, 0), (Form::Ascii, 0)] {
            let body = form(&mail, wanted);
            let text = MessageParser::default().parse(&body).unwrap().body_text(0).unwrap().into_owned();
            for (line, count) in [("Spans, the innermost first", count), ("  order = 9", 0), ("  fake{}", 0)]
            {
                assert_eq!(
                    text.lines().filter(|given| *given == line).count(),
                    count,
                    "{wanted:?} {line}: {text}"
                );
            }
        }
    }
}

#[test]
fn an_occasion_gives_the_same_bytes_and_hides_the_admins() {
    let alert = alert("down");
    let (email, occasion) = (email().build().unwrap(), first(&alert));
    assert_eq!(email.render(&occasion), email.render(&occasion));
    for mail in email.render(&occasion) {
        let others =
            ["ada@example.com", "grace@example.com"].into_iter().filter(|known| *known != mail.recipient());
        for (other, (_, body)) in
            others.flat_map(|other| mail.renderings().map(move |rendering| (other, rendering)))
        {
            assert!(!String::from_utf8_lossy(body).contains(other));
            assert!(!String::from_utf8_lossy(body).contains("hidden-word"));
        }
    }
}

#[test]
fn without_html_a_refused_text_is_followed_by_a_shorter_one() {
    let mut alert = alert("down");
    for number in 0..20 {
        alert = alert.field(format!("field{number}"), "x".repeat(4096));
    }
    let mails = email().without_html().build().unwrap().render(&first(&alert));
    let sizes: Vec<_> = mails[0].renderings().map(|(_, body)| body.len()).collect();
    assert!(sizes.is_sorted_by(|larger, smaller| larger > smaller), "{sizes:?}");
    let rich = form(&mails[0], Form::Rich);
    assert!(!MessageParser::default().parse(&rich).unwrap().is_multipart_alternative());
    assert!(rich.windows(7).any(|window| window == b"field19"), "the whole text");
}

#[test]
fn a_subject_has_one_line_of_bounded_length() {
    let long = "ä".repeat(500);
    let cases = [
        ("two\r\nBcc: eve@example.com", "[shop] ERROR: two".to_owned()),
        ("\rBcc: eve@example.com", "[shop] ERROR: Bcc: eve@example.com".to_owned()),
        ("tab\tnul\0esc\u{1b}", "[shop] ERROR: tab nul\u{fffd}esc\u{fffd}".to_owned()),
        ("\u{202e}desrever", "[shop] ERROR: \u{fffd}desrever".to_owned()),
        ("  \n ", "[shop] ERROR: request: order = A-1017".to_owned()),
        (&long, format!("[shop] ERROR: {}…", "ä".repeat(199))),
    ];
    for (message, expected) in cases {
        let alert = alert(message);
        let mails = email().build().unwrap().render(&first(&alert));
        assert_eq!(subject_of(&form(&mails[0], Form::Rich)), expected, "{message:?}");
    }
}

#[test]
fn a_digest_joins_the_first_mails_thread_and_has_its_count() {
    for message in [
        "order 17: 5 € refused",
        "ascii only, with words enough that the line has to be folded somewhere in between",
    ] {
        let (one, two) = (alert(message), alert("order 18 refused"));
        let sink = email().build().unwrap();
        let first = sink.render(&first(&one));
        let receipts = [Receipt::new("ada@example.com", reference(&form(&first[0], Form::Rich)))];
        let now = UNIX_EPOCH + NOW;
        let digest =
            Occasion::first(&two, "email", GroupId::from_u64(0xfeed), now + Duration::from_secs(600))
                .of_kind(OccasionKind::Digest, 1)
                .counts(Counts::new(9, 8, now, now))
                .receipts(&receipts);
        let mails = sink.render(&digest);
        let (ada, grace) = (form(&mails[0], Form::Rich), form(&mails[1], Form::Rich));
        let root = header(&form(&first[0], Form::Rich), "Message-ID").remove(0);
        assert_eq!(header(&ada, "In-Reply-To"), std::slice::from_ref(&root));
        assert_eq!(header(&ada, "References"), std::slice::from_ref(&root));
        assert_ne!(header(&ada, "Message-ID"), std::slice::from_ref(&root));
        assert_eq!(subject_of(&ada), "[shop] ERROR ×8: order 18 refused");
        // Receipts of older versions have the subject too.
        let receipts = [Receipt::new("ada@example.com", format!("<{root}> {message}"))];
        let again = sink.render(&digest.clone().receipts(&receipts));
        assert_eq!(header(&form(&again[0], Form::Rich), "In-Reply-To"), [root]);
        assert!(header(&grace, "In-Reply-To").is_empty(), "had no first mail");
        let apart = email().without_threads().build().unwrap().render(&digest);
        assert!(header(&form(&apart[0], Form::Rich), "In-Reply-To").is_empty());
    }
}

#[test]
fn a_receipt_that_could_break_a_header_starts_no_thread() {
    for text in ["", "id", "<a@b", "<a b@c> x", "<a@b>\r\nBcc: eve@example.com", "<ä@b>", "<ab>"] {
        assert_eq!(message_id(&Receipt::new("ada@example.com", text)), None, "{text:?}");
    }
    let odd = Receipt::new("ada@example.com", "<a@b> sub\r\nBcc: eve@example.com");
    assert_eq!(message_id(&odd), Some("<a@b>"));
}

#[test]
fn times_outside_of_what_a_mail_can_say_are_brought_within() {
    for at in [UNIX_EPOCH - Duration::from_secs(5), UNIX_EPOCH + Duration::from_secs(1 << 40)] {
        let alert = alert("down").at(at);
        let mails =
            email().build().unwrap().render(&Occasion::first(&alert, "email", GroupId::from_u64(1), at));
        assert_eq!(mails[0].renderings().count(), 4);
    }
}

/// The rules that every mail must keep.
fn check(mail: &[u8], subject: &str) -> Result<(), TestCaseError> {
    prop_assert!(mail.is_ascii(), "no server needs 8BITMIME");
    let text = std::str::from_utf8(mail).unwrap();
    prop_assert!(text.split("\r\n").all(|line| line.len() <= 998), "RFC 5322 §2.1.1");
    prop_assert!(!text.replace("\r\n", "").contains(['\r', '\n', '\0']), "RFC 5322 §2.3");
    let parsed = MessageParser::default().parse(mail).unwrap();
    let mut names: Vec<_> = parsed.headers().iter().map(|header| header.name().to_owned()).collect();
    names.sort();
    let mut known = vec![
        "Auto-Submitted",
        "Content-Transfer-Encoding",
        "Content-Type",
        "Date",
        "From",
        "MIME-Version",
        "Message-ID",
        "Subject",
        "To",
        "X-Auto-Response-Suppress",
        "X-Watchfire-Group",
        "X-Watchfire-Severity",
    ];
    if parsed.is_multipart_alternative() {
        known.retain(|name| *name != "Content-Transfer-Encoding");
    }
    prop_assert_eq!(names, known);
    // Runs of white space are the parser's matter.
    let squeezed = |text: &str| text.split_whitespace().collect::<String>();
    prop_assert_eq!(squeezed(parsed.subject().unwrap_or_default()), squeezed(subject));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn any_text_gives_valid_mails(
        message in any::<String>(), times in 1_usize..40, name in any::<String>(), value in any::<String>(), prefix in any::<String>(),
    ) {
        let app = App::new(name.clone()).environment(value.clone());
        let alert = Alert::new(app, Severity::Critical, message.repeat(times)).target(name.clone()).field(name, value);
        let email = email().subject_prefix(prefix);
        let settings = email.clone().check().unwrap();
        let email = email.build().unwrap();
        let occasion = first(&alert);
        let expected = subject(&settings, &MessageContent::of(&occasion));
        for mail in email.render(&occasion) {
            prop_assert_eq!(mail.renderings().count(), 4);
            for (form, body) in mail.renderings() {
                check(body, &if form == Form::Ascii { ascii(&expected) } else { expected.clone() })?;
            }
            let rich = form(&mail, Form::Rich);
            let parsed = MessageParser::default().parse(&rich).unwrap();
            let text: String = printable(&MessageContent::of(&occasion).plain_text()).collect();
            let read = parsed.body_text(0).unwrap().replace("\r\n", "\n");
            prop_assert_eq!(read.trim_end(), text.trim_end());
        }
    }
}
