//! Tests of the settings of a mail channel.

use super::*;
use crate::Email;

fn server(url: &str) -> Result<MailServer, ConfigError> {
    MailServer::parse(url)
}

#[test]
fn reads_what_a_url_says() {
    use Security::{Plain, StartTls, Tls};
    let cases = [
        ("smtps://mail.example.com", Tls, "mail.example.com", 465, None),
        ("SMTPS://mail.example.com:2465/", Tls, "mail.example.com", 2465, None),
        ("smtp://mail.example.com", StartTls, "mail.example.com", 587, None),
        ("smtp+plain://relay", Plain, "relay", 25, None),
        (
            " smtp://ada:s%3Ae%40c%2Fret@mail.example.com ",
            StartTls,
            "mail.example.com",
            587,
            Some(("ada", "s:e@c/ret")),
        ),
        ("smtps://ada%40example.com:zw%C3%B6lf@h", Tls, "h", 465, Some(("ada@example.com", "zwölf"))),
        ("smtp://ada:has@sign@h", StartTls, "h", 587, Some(("ada", "has@sign"))),
        ("smtp://[::1]:2525", StartTls, "::1", 2525, None),
        (
            "smtp+plain://ada:secret-word@127.0.0.1:2525",
            Plain,
            "127.0.0.1",
            2525,
            Some(("ada", "secret-word")),
        ),
    ];
    for (url, security, host, port, login) in cases {
        let login = login.map(|(user, password)| (user.to_owned(), Secret::new(password)));
        assert_eq!(server(url), Ok(MailServer { security, host: host.to_owned(), port, login }), "{url}");
    }
}

#[test]
fn a_wrong_url_is_an_error_with_the_field_and_no_value() {
    let cases = [
        "mail.example.com:587",
        "http://mail.example.com",
        "smtp://",
        "smtp://mail.example.com/inbox",
        "smtp://mail.example.com?tls=none",
        "smtp://mail example.com",
        "smtp://mail.example.com:0",
        "smtp://mail.example.com:65536",
        "smtp://mail.example.com:x",
        "smtp://mail..example.com",
        "smtp://-mail.example.com",
        "smtp://[::1",
        "smtp://[nowhere]:25",
        "smtp://ada@mail.example.com",
        "smtp://ada:@mail.example.com",
        "smtp://:hidden-word@mail.example.com",
        "smtp://ada:hidden-word%@mail.example.com",
        "smtp://ada:hidden-word%zz@mail.example.com",
        "smtp://ada:hidden-word%0d%0aQUIT@mail.example.com",
        "smtp://ada:hidden/word@mail.example.com",
        "smtp+plain://ada:hidden-word@mail.example.com",
    ];
    for url in cases {
        let error = server(url).expect_err(url);
        assert_eq!(error.field(), "email.server", "{url}");
        assert!(!error.to_string().contains("hidden") && !error.to_string().ends_with('.'), "{url}: {error}");
    }
}

#[test]
fn names_the_field_that_is_wrong() {
    let to = || Email::to(["Ada <ada@example.com>"]);
    let good = || to().from("errors@example.com").server("smtp://localhost");
    let plain = || to().from("errors@example.com").server("smtp+plain://mail.example.com");
    let sent_to = |addresses: &[&str]| {
        Email::to(addresses.iter().copied()).from("e@example.com").server("smtp://localhost")
    };
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let cases = [
        (sent_to(&[]), "email.to"),
        (sent_to(&[""]), "email.to"),
        (sent_to(&["ada"]), "email.to"),
        (sent_to(&["ada@"]), "email.to"),
        (sent_to(&["@example.com"]), "email.to"),
        (sent_to(&["a@example.com, b@example.com"]), "email.to"),
        (sent_to(&["ada@example.com\r\nBcc: eve@example.com"]), "email.to"),
        (sent_to(&["ada@example.com", "Ada <ada@example.com>"]), "email.to"),
        (to().server("smtp://localhost"), "email.from"),
        (to().from("nobody").server("smtp://localhost"), "email.from"),
        (to().from("errors@example.com"), "email.server"),
        (good().reply_to("nobody"), "email.reply_to"),
        (good().hello_name(""), "email.hello_name"),
        (good().hello_name("two words"), "email.hello_name"),
        (good().hello_name("line\r\nend"), "email.hello_name"),
        (good().hello_name("-x"), "email.hello_name"),
        (good().hello_name("[127.0.0.1"), "email.hello_name"),
        (good().ca_file("no/such/file.pem"), "email.ca_file"),
        (good().ca_file(manifest), "email.ca_file"),
        (good().login("ada", ""), "email.login"),
        (plain().login("ada", "hidden-word"), "email.login"),
    ];
    for (i, (builder, field)) in cases.into_iter().enumerate() {
        let error = builder.check().expect_err(field);
        assert_eq!(error.field(), field, "case {i}");
        assert_eq!(error.diagnostics().len(), 1, "case {i}: {error}");
        assert!(!error.to_string().contains("hidden"), "case {i}: {error}");
    }
    for name in ["web-1.example.com", "192.0.2.1", "2001:db8::1"] {
        assert!(good().hello_name(name).check().is_ok(), "{name:?}");
    }
}

#[test]
fn all_problems_come_back_together() {
    let builder = Email::to(["ada", "", "bob@example.com"])
        .server("http://mail.example.com")
        .login("", "")
        .reply_to("nobody")
        .hello_name("two words")
        .ca_file("no/such/file.pem");
    let error = builder.check().unwrap_err();
    let paths: Vec<_> = error.diagnostics().map(|problem| problem.path().to_owned()).collect();
    let expected = ["to", "to", "from", "server", "login", "reply_to", "hello_name", "ca_file"];
    assert_eq!(paths, expected.map(|path| format!("email.{path}")), "{error}");
}

#[test]
fn a_wrong_address_says_what_is_wrong_with_it() {
    let from = |from: &str| Email::to(["ada@example.com"]).from(from).server("smtp://localhost");
    let to = |to: &str| Email::to([to]).from("errors@example.com").server("smtp://localhost");
    let cases = [
        (from(""), "email.from", "is empty; expected an address such as `ada@example.com`"),
        (to(" "), "email.to", "is empty; expected an address such as `ada@example.com`"),
        (
            to("a@x.com,b@x.com"),
            "email.to",
            "`a@x.com,b@x.com` is not an address; expected `ada@example.com` or `Ada <ada@example.com>`; one address per entry",
        ),
        (
            from("ada"),
            "email.from",
            "`ada` is not an address; expected `ada@example.com` or `Ada <ada@example.com>`",
        ),
        (
            from("errors@example.com").ca_file(""),
            "email.ca_file",
            "is empty; expected the path of a PEM file",
        ),
    ];
    for (builder, field, reason) in cases {
        let error = builder.check().unwrap_err();
        assert_eq!((error.field(), error.reason()), (field, reason));
    }
}

#[test]
fn an_address_that_no_server_takes_is_refused() {
    let (long, deep) = ("a".repeat(64), ["a".repeat(60).as_str(); 5].join("."));
    for (address, is_good) in [
        ("ada@example.com".to_owned(), true),
        ("ada.b+c@mail-1.example.com".to_owned(), true),
        ("root@localhost".to_owned(), true),
        ("ada@xn--bcher-kva.example".to_owned(), true),
        (format!("{long}@example.com"), true),
        (format!("a{long}@example.com"), false),
        (format!("ada@{long}.com"), false),
        (format!("ada@{deep}"), false),
        ("ada@-example.com".to_owned(), false),
        ("ada@example-.com".to_owned(), false),
        ("ada@exa_mple.com".to_owned(), false),
        ("ada@example..com".to_owned(), false),
        ("ada@192.0.2.1".to_owned(), false),
        ("ada..b@example.com".to_owned(), false),
        (".ada@example.com".to_owned(), false),
        ("ada@xn--\u{fc}.example".to_owned(), false),
        ("ada@xn--zzzzzzzz9999a.example".to_owned(), false),
        ("ada@b\u{fc}-.example".to_owned(), false),
    ] {
        let built =
            Email::to([address.as_str()]).from("errors@example.com").server("smtp://localhost").check();
        assert_eq!(built.is_ok(), is_good, "{address}");
    }
}

#[test]
fn a_domain_outside_ascii_becomes_its_a_labels() {
    let cases = [
        ("ada@b\u{fc}cher.example", "ada@xn--bcher-kva.example"),
        ("Ada <ada@B\u{dc}CHER.example>", "ada@xn--bcher-kva.example"),
        ("zo\u{eb}@b\u{fc}cher.example", "zo\u{eb}@xn--bcher-kva.example"),
        ("ada@\u{4f8b}\u{3048}.jp", "ada@xn--r8jz45g.jp"),
        ("ada@example.com", "ada@example.com"),
    ];
    for (given, expected) in cases {
        let settings =
            Email::to([given]).from(given).server("smtp://localhost").reply_to(given).check().unwrap();
        let addresses = [&settings.admins[0], &settings.from, settings.reply_to.as_ref().unwrap()];
        for address in addresses {
            assert_eq!(AsRef::<str>::as_ref(&address.email), expected, "{given}");
        }
    }
}

#[test]
fn debug_shows_no_password() {
    let builder = Email::to(["ada@example.com"]).from("e@example.com").server("smtps://ada:hidden-word@h");
    for shown in [format!("{builder:?}"), format!("{:?}", builder.build().unwrap())] {
        assert!(shown.contains("ada@example.com") && !shown.contains("hidden"), "{shown}");
    }
}
