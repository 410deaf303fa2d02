//! Which names hide something.

use crate::redact::{MASK, Redactor};

const PASS: &str = "
    author authority authors authored_by authorize_url authenticated monkey monkeys passenger passengers primary_key
    foreign_key partition_key sort_key cache_key row_key lookup_key object_key public_key publicKey routing_key
    idempotency_key key keys key_count keyboard keynote keyword turkey hockey donkey oauth oauth2 auth_user
    auth_method auth.provider tokenizer tokenize tokenized token_count tokenCount token_type token_bucket max_tokens
    total_tokens prompt_tokens completion_tokens next_token next_page_token cancellation_token token_url
    token_expires_at secretary secretariat secretion passport passport_office passage compass bypass passed passive
    pass_count pass_rate first_pass password_length password_policy password_changed_at has_password is_secret
    passwordless pin_code pinned pinboard gpio_pin spinning opinion sessions session_count session_name
    user user_id username login email phone order_id request_id trace_id span_id correlation_id status status_code
    error_code country_code zip_code code cardinal card_type cardboard discard postcard signal sign design designer
    assign function_signature cookiecutter cookie_count cookie_domain jwtish bearing forbearance hash sha256 md5
    url host port path method target tenant amount number phone_number order_number
";

const CAUGHT: &str = "
    password Password PASSWORD passwd pwd pw pass passphrase pass_phrase pass-word passcode user_password userPassword
    user.password new-password password2 password_1 db_password DB_PASSWORD PGPASSWORD mysql_pwd MYSQL_PWD dbPass
    smtp_pass db.pass passwords password_hash password_confirmation secret secrets client_secret clientSecret
    ClientSecret CLIENT_SECRET client-secret app.secret secret_key SECRET_KEY_BASE secretkey token tokens Token
    access_token accessToken refresh_token id_token idToken auth_token authToken auth-token authtoken x-auth-token
    OAuthToken oauth2_token csrf csrf_token csrfmiddlewaretoken X-CSRF-Token xsrf bot_token session_token stripeToken
    api_key apiKey APIKey APIkey apikey API_KEY x-api-key X-Api-Key api.key aws_access_key_id access_key accessKey
    aws_secret_access_key private_key privateKey privatekey encryption_key signing_key ssh_key master_key auth_key
    authkey account_key AccountKey session_key shared_key credential credentials aws_credentials creds authorization
    Authorization HTTP_AUTHORIZATION proxy-authorization http_auth basic_auth auth_header cookie Cookie cookies
    set-cookie Set-Cookie HTTP_COOKIE session_id sessionid sessionId SESSION_ID JSESSIONID PHPSESSID jwt jwt_value
    bearer otp totp_seed pin card_pin cvv cvv2 cvc card_number cardNumber cardnumber credit_card ccnumber dsn
    SENTRY_DSN connection_string connectionString conn_str signature X-Amz-Signature x-hub-signature-256 sig hmac ssn
    social_security_number passport_number iban security_code verification_code backup_codes seed_phrase mnemonic
    saml_response SAMLResponse webhook_url slack_webhook connect.sid
";

fn is_secret(redactor: &Redactor, name: &str) -> bool {
    !redactor.judge_name(name).is_clear()
}

#[test]
fn a_name_is_judged_by_its_whole_words() {
    let redactor = Redactor::default();
    let (pass, caught): (Vec<_>, Vec<_>) =
        (PASS.split_whitespace().collect(), CAUGHT.split_whitespace().collect());
    assert!(pass.len() >= 100 && caught.len() >= 100, "{} {}", pass.len(), caught.len());
    let wrong: Vec<_> = pass.iter().filter(|name| is_secret(&redactor, name)).collect();
    assert!(wrong.is_empty(), "must pass: {wrong:?}");
    let wrong: Vec<_> = caught.iter().filter(|name| !is_secret(&redactor, name)).collect();
    assert!(wrong.is_empty(), "must be caught: {wrong:?}");
}

/// Every separator and every case of the letters gives the same verdict.
#[test]
fn separators_and_case_do_not_matter() {
    let redactor = Redactor::default();
    for name in ["api_key", "user_password", "session_id", "primary_key", "author_name", "token_count"] {
        let verdict = is_secret(&redactor, name);
        for separator in ["-", ".", " ", "__", "/", ":"] {
            let other = name.replace('_', separator);
            assert_eq!(is_secret(&redactor, &other), verdict, "{other}");
            assert_eq!(is_secret(&redactor, &other.to_uppercase()), verdict, "{other}");
        }
    }
}

#[test]
fn names_can_be_added_and_allowed() {
    let redactor =
        Redactor::default().name("seat_code").name("Tenant").allow("session_id").allow("primary_key");
    for (name, secret) in [
        ("seat_code", true),
        ("my.seatCode", true),
        ("seat", false),
        ("tenant", true),
        ("tenant_id", true),
        ("session_id", false),
        ("request.session_id", false),
        ("other_session_id", true),
        ("password", true),
    ] {
        assert_eq!(is_secret(&redactor, name), secret, "{name}");
    }
    assert_eq!(redactor.text("seat code: A1 session_id=5 x=1"), "seat code: [redacted] session_id=5 x=1");
    assert!(is_secret(&Redactor::default(), "session_id"), "a clone keeps its own rules");
}

#[test]
fn a_value_goes_by_its_name_first() {
    let redactor = Redactor::default();
    for (name, value, expected) in [
        ("password", "hunter2 and more", MASK),
        ("pin", "1234", MASK),
        ("password", "", ""),
        ("token", "None", "None"),
        ("user", "bob", "bob"),
        ("error", "password=hunter2", "password=[redacted]"),
    ] {
        assert_eq!(redactor.value(name, value), expected, "{name}");
        assert_eq!(Redactor::off().value(name, value), value, "{name}");
    }
}

#[test]
fn a_long_name_is_judged_by_all_of_its_words() {
    let long = format!("{}password{}", "a_".repeat(500), "_b".repeat(500));
    assert!(is_secret(&Redactor::default(), &long));
    assert!(!is_secret(&Redactor::default(), &"x".repeat(5000)));
    assert!(is_secret(&Redactor::default(), &format!("{}password", "x".repeat(5000))));
}

#[test]
fn a_kept_verdict_gives_what_the_name_gives() {
    let redactor = Redactor::default().name("seat_code");
    for name in ["password", "seat_code", "user", "error"] {
        let verdict = redactor.judge_name(name);
        assert_eq!(verdict.is_clear(), !is_secret(&redactor, name), "{name}");
        for value in ["", "None", "bob", "password=hunter2", "4111111111111111"] {
            assert_eq!(redactor.clean_under(verdict, value), redactor.value(name, value), "{name} {value}");
        }
    }
}

#[test]
fn equal_rules_have_equal_numbers() {
    let ids = [
        Redactor::default(),
        Redactor::off(),
        Redactor::default().name("a"),
        Redactor::default().allow("a"),
        Redactor::default().name("a").name("b"),
        Redactor::off().name("a"),
    ];
    for (i, one) in ids.iter().enumerate() {
        for (j, other) in ids.iter().enumerate() {
            assert_eq!(one.rules_id() == other.rules_id(), i == j, "{i} {j}");
        }
    }
    assert_eq!(Redactor::default().name("a").rules_id(), Redactor::default().name("a").rules_id());
}
