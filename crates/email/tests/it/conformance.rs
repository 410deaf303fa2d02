//! The promises of every sink, with the limits of mail.

use mail_parser::{MessageParser, MimeHeaders};
use watchfire_email::{Email, EmailBuilder};
use watchfire_outbox::Form;
use watchfire_testing::conformance;

const PASSWORD: &str = "planted-smtp-password";

fn valid(form: Form, body: &[u8], has_html: bool) -> Result<(), String> {
    let claim = |holds: bool, finding: &str| if holds { Ok(()) } else { Err(finding.to_owned()) };
    let text = std::str::from_utf8(body).map_err(|error| error.to_string())?;
    claim(text.is_ascii(), "needs 8BITMIME")?;
    claim(text.split("\r\n").all(|line| line.len() <= 998), "a line of more than 998 bytes")?;
    claim(!text.replace("\r\n", "").contains(['\r', '\n', '\0']), "a lone CR or LF, or NUL")?;
    claim(text.len() < 1_500_000, "too large for any server")?;
    let mail = MessageParser::default().parse(body).ok_or("no mail")?;
    for name in
        ["From", "To", "Date", "Message-ID", "Subject", "MIME-Version", "Auto-Submitted", "X-Watchfire-Group"]
    {
        claim(mail.header_values(name).count() == 1, name)?;
    }
    let strange = mail.headers().iter().find(|header| {
        let name = header.name();
        !name.starts_with("X-") && !name.starts_with("Content-") && !KNOWN.contains(&name)
    });
    claim(strange.is_none(), "a header that nobody set")?;
    claim(mail.bcc().is_none() && mail.cc().is_none(), "a recipient that nobody set")?;
    let kind = mail.content_type().map(|kind| kind.ctype().to_owned()).unwrap_or_default();
    claim((kind == "multipart") == (form == Form::Rich && has_html), "the wrong kind of parts")?;
    let plain = mail.body_text(0).ok_or("no text")?;
    claim(!plain.trim().is_empty(), "nothing to read")?;
    claim(!plain.contains(['\0', '\u{1b}', '\u{202e}', '\u{2066}']), "not legible")?;
    if form == Form::Rich && has_html {
        let html = mail.body_html(0).ok_or("no HTML")?;
        claim(html.len() < 102_000, "more than Gmail shows")?;
        claim(
            !html.contains("<script") && !html.contains("<img") && !html.contains("<a "),
            "markup of the alert",
        )?;
        claim(!html.contains(['\0', '\u{1b}', '\u{202e}', '\u{2066}']), "HTML not legible")?;
    }
    Ok(())
}

const KNOWN: [&str; 10] = [
    "From",
    "To",
    "Reply-To",
    "Date",
    "Message-ID",
    "In-Reply-To",
    "References",
    "Subject",
    "MIME-Version",
    "Auto-Submitted",
];

fn email() -> EmailBuilder {
    Email::to(["Zoë <zoe@example.com>"])
        .from("Shop <errors@example.com>")
        .server(format!("smtps://errors:{PASSWORD}@mail.example.com"))
        .subject_prefix("[shop] ")
        .reply_to("Ops <ops@example.com>")
}

const REFERENCE: &str = "<0@example.com> [shop] down";

#[test]
fn a_mail_holds_every_promise() {
    let valid = |form, body: &[u8]| valid(form, body, true);
    conformance::of(&email().build().unwrap())
        .cases(16)
        .secrets([PASSWORD])
        .reference(REFERENCE)
        .valid(valid)
        .check();
}

#[test]
fn a_mail_without_html_holds_every_promise() {
    let valid = |form, body: &[u8]| valid(form, body, false);
    conformance::of(&email().without_html().build().unwrap())
        .cases(16)
        .reference(REFERENCE)
        .valid(valid)
        .check();
}
