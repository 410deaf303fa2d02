//! Texts with what is left of them, and texts that stay.

use std::borrow::Cow;

use crate::redact::Redactor;

/// `~` stands for the mask.
const MASKED: &[(&str, &str)] = &[
    // pairs
    ("password=hunter2", "password=~"),
    ("login failed: password=hunter2 user=bob", "login failed: password=~ user=bob"),
    ("password = hunter2", "password = ~"),
    ("password= hunter2", "password= ~"),
    ("password= user=bob", "password= user=bob"),
    ("password: hunter2, user: bob", "password: ~, user: bob"),
    ("password:hunter2,user:bob", "password:~,user:bob"),
    ("password=hun,ter2", "password=~"),
    ("(token=abc)", "(token=~)"),
    ("[token=abc] rest", "[token=~] rest"),
    ("a=1&token=abc&b=2", "a=1&token=~&b=2"),
    ("GET /cb?code=1&access_token=abc#x HTTP/1.1", "GET /cb?code=1&access_token=~ HTTP/1.1"),
    ("https://example.com/?token=abc&x=1", "https://example.com/?token=~&x=1"),
    ("next=%2Fcb%3Ftoken%3Dabc%26x%3D1", "next=%2Fcb%3Ftoken%3D~%26x%3D1"),
    ("user[password]=x&user%5Bpassword%5D=y", "user[password]=~&user%5Bpassword%5D=~"),
    ("your api key: abc123", "your api key: ~"),
    ("Card number: 12345678 ok", "Card number: ~ ok"),
    ("x_password='it''s' y", "x_password='~' y"),
    ("password='two words' y", "password='~' y"),
    ("password=\"two words\" y", "password=\"~\" y"),
    ("Server=db;Uid=u;Pwd=p;Timeout=5", "Server=db;Uid=u;Pwd=~;Timeout=5"),
    ("connection string: Server=db; Pwd=p", "connection string: ~"),
    ("passphrase: correct horse battery", "passphrase: ~"),
    (":password=>\"x\"", ":password=>\"~\""),
    ("token := abc", "token := ~"),
    ("password == \"x\"", "password == \"~\""),
    ("mysql --password hunter2 -u bob", "mysql --password ~ -u bob"),
    ("\"mysql\" \"--password\" \"hunter2\"", "\"mysql\" \"--password\" \"~\""),
    ("<Password>hunter2</Password>", "<Password>~</Password>"),
    ("<wsse:Password>a b</wsse:Password>", "<wsse:Password>~</wsse:Password>"),
    ("password=[redacted]hunter2", "password=~"),
    // lines of several words
    ("password: two words", "password: ~"),
    ("saved\n  Password: correct horse battery staple\nuser: bob", "saved\n  Password: ~\nuser: bob"),
    ("password: two words user=bob", "password: ~ user=bob"),
    ("password: two words, user: bob", "password: ~, user: bob"),
    ("password: two words (from the form)", "password: ~ (from the form)"),
    ("passwort: zwei w\u{f6}rter\r\nx", "passwort: ~\r\nx"),
    ("password: hunter2. Then it failed", "password: ~ Then it failed"),
    ("login with password: hunter2 failed", "login with password: ~ failed"),
    ("db_password: hunter2 failed", "db_password: ~ failed"),
    // headers
    ("Authorization: Bearer abc", "Authorization: ~"),
    ("Authorization: Basic dTpw\r\nHost: example.com", "Authorization: ~\r\nHost: example.com"),
    ("authorization: Token abc, host: example.com", "authorization: ~, host: example.com"),
    ("Authorization: Digest username=\"u\", response=\"r\"\nA: b", "Authorization: ~\nA: b"),
    ("Cookie: a=b; sid=c\nHost: x", "Cookie: ~\nHost: x"),
    ("curl -H 'Authorization: Bearer abc' example.com", "curl -H 'Authorization: ~' example.com"),
    ("\"Cookie: a=b; c=d\\r\\nHost: x\"", "\"Cookie: ~\\r\\nHost: x\""),
    ("{\"authorization\": \"Basic dTpw\", \"host\": \"x\"}", "{\"authorization\": \"~\", \"host\": \"x\"}"),
    ("X-Api-Key: abc\n", "X-Api-Key: ~\n"),
    ("token: Bearer abc def", "token: ~ def"),
    // JSON
    ("{\"password\":\"hunter2\"}", "{\"password\":\"~\"}"),
    ("{\"password\":\"hun\\\"ter2\",\"a\":1}", "{\"password\":\"~\",\"a\":1}"),
    ("{\"password\":\"a\\\\\",\"a\":1}", "{\"password\":\"~\",\"a\":1}"),
    ("{\"pin\":1234,\"a\":1}", "{\"pin\":\"~\",\"a\":1}"),
    ("{\"a\":{\"b\":[{\"api_key\":\"x\"}]}}", "{\"a\":{\"b\":[{\"api_key\":\"~\"}]}}"),
    ("{\"tokens\":[\"a\",\"b\"],\"c\":1}", "{\"tokens\":\"~\",\"c\":1}"),
    ("{\"credentials\":{\"u\":\"}\",\"p\":2},\"c\":1}", "{\"credentials\":\"~\",\"c\":1}"),
    (
        "{\"m\":\"{\\\"password\\\":\\\"x\\\",\\\"a\\\":1}\"}",
        "{\"m\":\"{\\\"password\\\":\\\"~\\\",\\\"a\\\":1}\"}",
    ),
    ("{\"m\":\"{\\\"pin\\\":1234,\\\"a\\\":1}\"}", "{\"m\":\"{\\\"pin\\\":\\\"~\\\",\\\"a\\\":1}\"}"),
    ("{\\\\\\\"token\\\\\\\": \\\\\\\"x\\\\\\\"}", "{\\\\\\\"token\\\\\\\": \\\\\\\"~\\\\\\\"}"),
    ("{\"api key\" : \"x\"}", "{\"api key\" : \"~\"}"),
    ("{'password': 'x', 'pin': 54321}", "{'password': '~', 'pin': '~'}"),
    ("{\"msg\":\"password=hunter2\",\"a\":1}", "{\"msg\":\"password=~\",\"a\":1}"),
    ("{\"password\":\"hunt", "{\"password\":\"~"),
    ("{\"credentials\":{\"p\":\"hunt", "{\"credentials\":\"~\""),
    // Debug
    ("Login { user: \"bob\", password: \"x\" }", "Login { user: \"bob\", password: \"~\" }"),
    ("Login { password: Some(\"x\"), user: 1 }", "Login { password: ~, user: 1 }"),
    ("Login { secret: Secret { inner: \"x\" }, a: 1 }", "Login { secret: ~, a: 1 }"),
    ("Login {\n    token: \"x\",\n    a: 1,\n}", "Login {\n    token: \"~\",\n    a: 1,\n}"),
    ("[(\"password\", \"x\"), (\"a\", \"b\")]", "[(\"password\", \"~\"), (\"a\", \"b\")]"),
    ("{\"cookie\": \"a=b\", \"x\": Some(1)}", "{\"cookie\": \"~\", \"x\": Some(1)}"),
    ("key: b\"x\", password: b\"x y\"", "key: b\"x\", password: b\"~\""),
    // URLs
    ("postgres://shop:hunter2@db.example.com/shop", "postgres://shop:~@db.example.com/shop"),
    ("redis://:hunter2@cache:6379", "redis://:~@cache:6379"),
    ("mongodb://u:p@ss@h1,h2/db", "mongodb://u:~@h1,h2/db"),
    ("postgres://u:p/s#s@db/x", "postgres://u:~@db/x"),
    ("(https://u:p@example.com:8080/a)", "(https://u:~@example.com:8080/a)"),
    ("https:\\/\\/u:p@example.com\\/a", "https:\\/\\/u:~@example.com\\/a"),
    ("https://0123456789abcdef0123456789abcdef@o1.example.com/1", "https://~@o1.example.com/1"),
    ("https://token:abc@example.com/a", "https://token:~@example.com/a"),
    ("postgres://shop:hunt", "postgres://shop:~"),
    // schemes and shapes
    ("sent Bearer abc123 to x", "sent Bearer ~ to x"),
    ("sent \"Bearer abc123\"", "sent \"Bearer ~\""),
    ("bearer abc123def", "bearer ~"),
    ("Basic dXNlcjpwYXNz was refused", "Basic ~ was refused"),
    ("jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc-_1 end", "jwt ~ end"),
    ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc.", "~"),
    ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc. Next", "~. Next"),
    ("paid with 4111111111111111", "paid with ~"),
    ("paid with 4111 1111 1111 1111 12/29", "paid with ~ 12/29"),
    ("paid with 4111-1111-1111-1111.", "paid with ~."),
    ("amex 3782 822463 10005", "amex ~"),
    ("mc '5555555555554444'", "mc '~'"),
    ("xoxb-1234567890-abcdef", "~"),
    ("ghp_0123456789abcdefghij", "~"),
    ("use sk_live_0123456789", "use ~"),
    ("id AKIAIOSFODNN7EXAMPLE.", "id ~."),
    ("k AIza0123456789abcdefghijABCDEFGHIJ01234", "k ~"),
    ("https://hooks.slack.com/services/T0/B0/abc failed", "https://hooks.slack.com/services/~ failed"),
    ("https://api.telegram.org/bot12:ab-c/sendMessage", "https://api.telegram.org/bot~/sendMessage"),
    ("bot 1234567890:AAbbccddeeffgghhiijjkkllmmnnooppqqr ok", "bot ~ ok"),
    ("a -----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY----- b", "a ~ b"),
    ("a -----BEGIN PRIVATE KEY-----\nMIIE", "a ~"),
    ("é password=é€ é", "é password=~ é"),
];

const UNTOUCHED: &[&str] = &[
    "password: must be longer than that",
    "Card number: 12 ok",
    "",
    "order 550e8400-e29b-41d4-a716-446655440000 not found",
    "commit 356a192b7913b04c54574d18c28d46e6395428ab",
    "at 20260101123456",
    "at 2026-01-01T12:34:56.123456789Z, 12:30:05",
    "started 1760000000000, 1760000000000000, 1760000000000000000",
    "order 1234567890123456",
    "order 4111111111111112",
    "ratio 0.4111111111111111",
    "hex 4111111111111111abcdef",
    "tokio::time::timeout elapsed",
    "token::Kind and password::hash",
    "a token bucket of 5 tokens",
    "the key is missing",
    "key=value, author: Ada, monkey=1, primary_key: 5",
    "password reset mail sent",
    "listening on [::1]:8080 and fe80::1",
    "http://localhost:8080/users/@me",
    "http://[::1]:8080/a@b",
    "https://example.com:443",
    "ssh://git@example.com/a.git",
    "mail ada@example.com",
    "GET /a?page=2&sort=name",
    "{\"user\":\"bob\",\"key\":\"a\",\"n\":[1,2]}",
    "{\"password\":null,\"token\":\"\",\"x\":1}",
    "password: None, token: None",
    "unexpected token: '}' at line 3",
    "max_tokens=100 token_count: 5",
    "Basic usage of Bearer token authentication",
    "WWW-Authenticate: Bearer realm=\"shop\"",
    "a bearer of bad news",
    "Basic HTTP access",
    "src/auth/token.rs:12:5",
    "sk-learn ghp_ xoxb- AKIA eyJ",
    "-----BEGIN CERTIFICATE-----\nMIIE\n-----END CERTIFICATE-----",
    "--verbose --output a.txt",
    "Option<Token> is not Send",
    "expected `)`, found `,`",
    "password=[redacted] user=bob",
    "select * from users where id = $1",
    "missing fields: \"password\", \"email\"",
];

#[test]
fn secrets_in_texts_are_masked() {
    let redactor = Redactor::default();
    let mut wrong = Vec::new();
    for (text, expected) in MASKED {
        let expected = expected.replace('~', "[redacted]");
        let out = redactor.text(text);
        if out != expected {
            wrong.push(format!("{text:?}\n  got  {out:?}\n  want {expected:?}"));
        } else if redactor.text(&out) != out {
            wrong.push(format!("twice {out:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn other_texts_are_borrowed() {
    let redactor = Redactor::default();
    let wrong: Vec<_> = UNTOUCHED
        .iter()
        .filter(|text| !matches!(redactor.text(text), Cow::Borrowed(same) if same == **text))
        .map(|text| format!("{text:?}\n  got {:?}", redactor.text(text)))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(MASKED.len() + UNTOUCHED.len() >= 80);
}

/// Whatever the size limit leaves of a secret, nothing of it stays.
#[test]
fn a_secret_cut_anywhere_is_masked() {
    let redactor = Redactor::default();
    for (head, secret, shown) in [
        ("password=", "hunter2Zq7", 0),
        ("{\"password\":\"", "hunter2Zq7", 0),
        ("{\\\"password\\\":\\\"", "hunter2Zq7", 0),
        ("postgres://shop:", "1234567890", 0),
        ("postgres://shop:", "hunter2Zq7", 0),
        ("Authorization: Basic ", "dXNlcjpwYXNz", 0),
        ("x Bearer ", "hunter2Zq7", 0),
        ("x ", "ghp_0123456789abcdefghij", 4),
        ("x ", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc", 5),
        ("paid ", "4111111111111111", 6),
        ("paid ", "4111 1111 1111 1111", 8),
        ("-----BEGIN PRIVATE KEY-----", "\nMIIEabcdef", 0),
    ] {
        for len in 1..=secret.len() {
            let text = format!("{head}{}", secret.get(..len).unwrap());
            let out = redactor.cut_text(&text);
            let left = out.strip_prefix(head).unwrap_or("").replace("[redacted]", "");
            assert!(left.len() <= shown, "{text:?} {out:?}");
        }
    }
}

#[test]
fn a_redactor_that_is_off_masks_nothing() {
    let text = "password=hunter2 Bearer abc";
    assert_eq!(Redactor::off().text(text), text);
    assert!(Redactor::off().judge_name("password").is_clear());
}

/// The mark of the cut stands behind what is left of a credential, and must not hide that the text ends there.
#[test]
fn an_own_credential_cut_by_the_cap_is_masked() {
    crate::process::register_secret("qX7-vivid-otter-lamp");
    for redactor in [Redactor::default(), Redactor::off()] {
        let out = redactor.clean("key qX7-vivid-ott… [cut]").into_owned();
        assert_eq!(out, "key [redacted]… [cut]");
    }
}
