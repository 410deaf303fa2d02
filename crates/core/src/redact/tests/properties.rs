//! What holds for any text.

use proptest::prelude::*;

use crate::{
    own_secrets::OwnSecrets,
    redact::{MASK, Redactor},
};

/// Texts made of the pieces that the scanner looks for, so that they meet in every order.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        3 => prop::sample::select(vec![
            "password", "token", "Cookie", "authorization", "Bearer ", "basic ", "Basic ", "api", "key", "api key",
            "user", "eyJ", "eyJhbGciOiJIUzI1NiJ9", ".eyJzdWIiOiIxIn0", "ghp_", "sk_live_", "xoxb-", "AKIA", "AIza",
            "0123456789abcdef", "ABCDEFGHIJKLMNOP", "4111", "4111111111111111", "1111 1111 1111", "-----BEGIN ",
            "RSA PRIVATE KEY-----", "-----END ", "-----", "--password", "http", "://", ":\\/\\/", "/bot123:", "/services/",
            "hooks.slack.com", "Some(", "null", "[redacted]", "[redac", "123456:", "%3D", "%26", "%5D", "%20", "Secret { ",
            "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "SG.", "ya29.", "key:", "\\n", "is",
        ]).prop_map(str::to_owned),
        4 => prop::sample::select(
            ": = , ; & | @ / \\ \" ' ` ( ) [ ] { } < > - _ . ? # + ! ~ % \n a b r 1 é \u{0} \t".split(' ').chain([" "])
                .collect::<Vec<_>>()
        ).prop_map(str::to_owned),
        1 => any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

fn secret() -> impl Strategy<Value = String> {
    "[A-Za-z0-9]{6,40}Zq7"
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1024, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_stays_within_bounds(text in any::<String>()) {
        let redactor = Redactor::default();
        let once = redactor.text(&text);
        prop_assert!(once.len() <= (text.len() + 1) * (MASK.len() + 2));
        prop_assert_eq!(redactor.judge_name(&text), redactor.judge_name(&text));
    }

    #[test]
    fn every_cut_of_a_text_is_masked_without_harm(text in pieces(), cut in any::<prop::sample::Index>()) {
        let mut cut = cut.index(text.len() + 1);
        while !text.is_char_boundary(cut) {
            cut -= 1;
        }
        Redactor::default().cut_text(text.get(..cut).unwrap());
    }

    #[test]
    fn a_planted_secret_does_not_survive(before in pieces(), after in pieces(), secret in secret(), form in 0..16) {
        // The text before ends outside of a name. Before a quoted secret it leaves no quotation open: with one, what
        // is inside and what is outside of the quotes cannot be told.
        let quoted = matches!(form, 2 | 3 | 4 | 8 | 9 | 12 | 13);
        let before = if quoted { before.replace(['"', '\'', '`', '\\'], "") + "\n" } else { before + "\n" };
        let planted = match form {
            0 => format!(" password={secret} "),
            1 => format!("?a=b&access_token={secret}&"),
            2 => format!("{{\"password\":\"{secret}\"}}"),
            3 => format!("{{\\\"api_key\\\":\\\"{secret}\\\"}}"),
            4 => format!("{{\\\\\\\"secret\\\\\\\": \\\\\\\"{secret}\\\\\\\"}}"),
            5 => format!(" postgres://user:{secret}@db.example.com/shop "),
            6 => format!(" Bearer {secret} "),
            7 => format!("\nAuthorization: Custom a={secret}, b {secret}\n"),
            8 => format!(" password: Some(\"{secret}\") "),
            9 => format!("Login {{ user: \"x\", pwd: \"{secret}\" }}"),
            10 => format!(" ghp_{secret}{secret} "),
            11 => format!(" x-api-key: {secret}\n"),
            12 => format!("[(\"client_secret\", \"{secret}\")]"),
            13 => format!("{{\"credentials\":{{\"user\":\"a\",\"inner\":[\"{secret}\"]}}}}"),
            14 => format!("\nSet-Cookie: sid={secret}; Path=/; HttpOnly\n"),
            _ => format!(" --token {secret} "),
        };
        let text = format!("{before}{planted}{after}");
        let out = Redactor::default().text(&text).into_owned();
        prop_assert!(!out.contains(&secret), "{:?}\n{:?}", text, out);
    }

    #[test]
    fn an_own_credential_never_survives(before in pieces(), after in pieces(), secret in "[ -~é]{8,40}") {
        let mut own = OwnSecrets::default();
        own.insert(&secret);
        let text = format!("{before}{secret}{after}");
        let masked = own.find_and_mask(&text);
        prop_assert!(own.contains_any(text.as_bytes()));
        prop_assert!(masked.contains(MASK));
        prop_assert!(!own.contains_any(masked.as_bytes()) || secret.get(..1).is_some_and(|first| MASK.contains(first)) || secret.contains(']'));
    }
}

/// The units that a scanner may look at again and again. Time is not asserted: a growth with the square of the length
/// shows as minutes.
#[test]
fn hostile_repetition_stays_within_bounds() {
    let redactor = Redactor::default();
    for unit in [
        "basic%20",
        "Basic ( ",
        "://a:b/",
        "token: {",
        "--a",
        "eyJ.",
        "a,b;",
        "\\\\\\\\",
        "\"\\\"",
        "password= a ",
        "<token>",
        "-----BEGIN ",
        "4111 ",
        "bearer of ",
        "a=",
        "::::",
        "xoxb-",
        "%3D",
        "(\"a\",",
        "Cookie: {",
        "Cookie: a=\"",
    ] {
        let text = unit.repeat(400_000 / unit.len());
        let out = redactor.text(&text);
        assert!(out.len() <= text.len() * 12);
    }
}
