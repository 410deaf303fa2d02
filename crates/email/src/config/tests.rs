use super::*;

fn server(url: &str) -> Result<Server, ConfigError> {
    Server::parse(url)
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
        assert_eq!(server(url), Ok(Server { security, host: host.to_owned(), port, login }), "{url}");
    }
}

#[test]
fn a_wrong_url_is_an_error_that_names_the_field_and_holds_nothing_of_it() {
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
fn wrong_addresses_and_names_are_errors_that_name_their_field() {
    let good = || Email::to(["Ada <ada@example.com>"]).from("errors@example.com");
    let field =
        |result: Result<Email, ConfigError>| result.map(drop).map_err(|error| error.field().to_owned());
    let wrong = |field: &str| Err::<(), _>(field.to_owned());
    let url = "smtp://localhost";
    let none: [&str; 0] = [];
    assert_eq!(field(good().server(url)), Ok(()));
    assert_eq!(field(Email::to(none).from("e@example.com").server(url)), wrong("email.to"));
    for to in [
        "",
        "ada",
        "ada@",
        "@example.com",
        "a@example.com, b@example.com",
        "ada@example.com\r\nBcc: eve@example.com",
    ] {
        assert_eq!(field(Email::to([to]).from("e@example.com").server(url)), wrong("email.to"), "{to:?}");
    }
    let twice = Email::to(["ada@example.com", "Ada <ada@example.com>"]);
    assert_eq!(field(twice.from("e@example.com").server(url)), wrong("email.to"));
    assert_eq!(field(Email::to(["ada@example.com"]).server(url)), wrong("email.from"));
    assert_eq!(field(Email::to(["ada@example.com"]).from("nobody").server(url)), wrong("email.from"));
    let email = || good().server(url).unwrap();
    assert_eq!(field(email().reply_to("nobody")), wrong("email.reply_to"));
    for name in ["", "two words", "line\r\nend", "-x", "[127.0.0.1"] {
        assert_eq!(field(email().hello_name(name)), wrong("email.hello_name"), "{name:?}");
    }
    for name in ["web-1.example.com", "192.0.2.1", "2001:db8::1"] {
        assert_eq!(field(email().hello_name(name)), Ok(()), "{name:?}");
    }
    assert_eq!(field(email().ca_file("no/such/file.pem")), wrong("email.ca_file"));
    assert_eq!(
        field(email().ca_file(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))),
        wrong("email.ca_file")
    );
    assert_eq!(field(email().login("ada", "")), wrong("email.login"));
    let plain = good().server("smtp+plain://mail.example.com").unwrap();
    assert_eq!(field(plain.login("ada", "secret-word")), wrong("email.login"));
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
            "`a@x.com,b@x.com` is no address; expected `ada@example.com` or `Ada <ada@example.com>`; one address per entry",
        ),
        (
            from("ada"),
            "email.from",
            "`ada` is no address; expected `ada@example.com` or `Ada <ada@example.com>`",
        ),
        (
            from("errors@example.com").and_then(|email| email.ca_file("")),
            "email.ca_file",
            "is empty; expected the path of a PEM file",
        ),
    ];
    for (made, field, reason) in cases {
        let error = made.unwrap_err();
        assert_eq!((error.field(), error.reason()), (field, reason));
    }
}

#[test]
fn debug_shows_no_password() {
    let email =
        Email::to(["ada@example.com"]).from("e@example.com").server("smtps://ada:hidden-word@h").unwrap();
    let shown = format!("{email:?}");
    assert!(shown.contains("ada@example.com") && !shown.contains("hidden"), "{shown}");
}

#[test]
fn a_sink_goes_between_threads() {
    fn goes<T: Send + Sync + 'static>() {}
    goes::<Email>();
    goes::<EmailBuilder>();
}
