//! The measure: how many planted secrets leak, and how many ordinary texts are masked.
//!
//! The corpus is in `corpus/`, by kind. What its kinds have in common is also put together here: each name with each
//! form and value. Where a corpus of others lies beside the workspace, it is measured by the same bounds.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use crate::redact::Redactor;

/// A text, and what of it must be gone.
struct Planted {
    kind: String,
    text: String,
    secret: String,
}

/// Counts by kind: how many are wrong, of how many.
#[derive(Default)]
struct Measure {
    kinds: BTreeMap<String, (usize, usize)>,
    wrong: String,
}

impl Measure {
    fn count(&mut self, kind: &str, is_wrong: bool, shown: &str) {
        let (wrong, all) = self.kinds.entry(kind.to_owned()).or_default();
        *wrong += usize::from(is_wrong);
        *all += 1;
        if is_wrong {
            writeln!(self.wrong, "  {kind}: {shown}").unwrap();
        }
    }

    /// The percentage of the kinds that `is_meant` names.
    fn percent(&self, is_meant: impl Fn(&str) -> bool) -> f64 {
        let meant = self.kinds.iter().filter(|(kind, _)| is_meant(kind)).map(|(_, counts)| *counts);
        let (wrong, all) = meant.fold((0, 0), |sum, counts| (sum.0 + counts.0, sum.1 + counts.1));
        100.0 * wrong as f64 / f64::from(u32::try_from(all.max(1)).unwrap())
    }

    fn all(&self) -> usize {
        self.kinds.values().map(|counts| counts.1).sum()
    }
}

fn leaks(planted: &[Planted]) -> Measure {
    let redactor = Redactor::default();
    let mut measure = Measure::default();
    for Planted { kind, text, secret } in planted {
        let out = redactor.clean(text);
        measure.count(kind, left_of(secret, &out), &format!("{text:?} -> {out:?}"));
    }
    measure
}

/// Says whether the secret is left, or one of its words.
fn left_of(secret: &str, out: &str) -> bool {
    let words = secret.split(|char: char| char.is_whitespace() || ";=\"\\".contains(char));
    out.contains(secret) || words.filter(|word| word.len() > 3).any(|word| out.contains(word))
}

fn masked(ordinary: &[(String, String)]) -> Measure {
    let redactor = Redactor::default();
    let mut measure = Measure::default();
    for (kind, text) in ordinary {
        let out = redactor.clean(text);
        measure.count(kind, out != *text, &format!("{text:?} -> {out:?}"));
    }
    measure
}

/// The lines of a corpus with their kinds.
fn lines(corpus: &str) -> Vec<(String, String)> {
    let mut kind = "";
    let mut lines = Vec::new();
    for line in corpus.lines().filter(|line| !line.is_empty() && !line.starts_with("# ")) {
        match line.strip_prefix("== ") {
            Some(next) => kind = next,
            None => lines.push((kind.to_owned(), unescaped(line))),
        }
    }
    lines
}

fn unescaped(line: &str) -> String {
    let mut out = String::new();
    let mut chars = line.chars().peekable();
    while let Some(char) = chars.next() {
        let known = match (char, chars.peek()) {
            ('\\', Some('n')) => Some('\n'),
            ('\\', Some('r')) => Some('\r'),
            ('\\', Some('t')) => Some('\t'),
            ('\\', Some('\\')) => Some('\\'),
            _ => None,
        };
        out.push(known.unwrap_or(char));
        if known.is_some() {
            chars.next();
        }
    }
    out
}

fn written() -> Vec<Planted> {
    let mut planted = Vec::new();
    for (kind, line) in lines(include_str!("corpus/planted.txt")) {
        let text = line.replace(['«', '»'], "");
        let secrets = line.split('«').skip(1).map(|part| part.split('»').next().unwrap_or_default());
        for secret in secrets.filter(|secret| !secret.is_empty()) {
            planted.push(Planted { kind: kind.clone(), text: text.clone(), secret: secret.to_owned() });
        }
    }
    planted
}

const NAMES: &str = "password passwd pwd userPassword db_password DB_PASSWORD admin-password smtp.password secret \
    client_secret appSecret token access_token refreshToken X-Auth-Token api_key apiKey X-Api-Key private_key \
    session_id sessionToken credentials jwt signing_secret encryption_key webhook_secret bot_token csrf_token";

/// Names of what only looks alike.
const OTHERS: &str = "user path status method primary_key cache_key author tokenizer passenger session_count order_id \
    public_key keyword pinboard token_count password_policy has_password max_tokens cookie_domain code error_code";

const FORMS: &[(&str, &str)] = &[
    ("logfmt", "level=info {name}={value} user=eve"),
    ("colon", "rejected {name}: {value}"),
    ("json", "{\"a\":1,\"{name}\":\"{value}\",\"b\":[2]}"),
    ("json within json", "{\"body\":\"{\\\"{name}\\\":\\\"{value}\\\"}\"}"),
    ("debug", "Config { host: \"db\", {name}: \"{value}\", port: 5432 }"),
    ("option", "Config { {name}: Some(\"{value}\"), port: 5432 }"),
    ("query", "GET /cb?a=1&{name}={value}&b=2 HTTP/1.1"),
    ("percent code", "next=%2Fcb%3F{name}%3D{value}%26b%3D2"),
    ("pairs", "[(\"{name}\", \"{value}\"), (\"a\", \"b\")]"),
    ("flag", "./shop --{name} {value} --port 80"),
    ("yaml", "db:\n  host: db\n  {name}: {value}\n  port: 5432"),
    ("quotes", "export {name}='{value}'"),
    ("attribute", "<server {name}=\"{value}\" port=\"80\"/>"),
    ("attributes", "<property name=\"{name}\" value=\"{value}\"/>"),
    ("element", "<x><{name}>{value}</{name}></x>"),
    ("hash rocket", "{:{name}=>\"{value}\", :a=>1}"),
];

const VALUES: &[&str] =
    &["violet7stone", "q8V2xZp1aBc9", "0f3a9be1c2d4e5f6", "vio!let$9", "correct.horse-7x"];

/// What says nothing under any name.
const EMPTY: &[&str] =
    &["expired", "missing", "invalid", "null", "none", "true", "***", "[redacted]", "${VALUE}"];

fn put_together(names: &str, values: &[&str]) -> Vec<Planted> {
    let mut all = Vec::new();
    for name in names.split_whitespace() {
        for (kind, form) in FORMS {
            for value in values {
                let text = form.replace("{name}", name).replace("{value}", value);
                all.push(Planted { kind: (*kind).to_owned(), text, secret: (*value).to_owned() });
            }
        }
    }
    all
}

fn ordinary() -> Vec<(String, String)> {
    let mut ordinary = lines(include_str!("corpus/ordinary.txt"));
    let named =
        put_together(OTHERS, VALUES).into_iter().map(|other| (format!("other {}", other.kind), other.text));
    ordinary.extend(named);
    // `{name}: ${VALUE}` of a shell is another text in quotes.
    let empty =
        put_together(NAMES, EMPTY).into_iter().map(|empty| (format!("empty {}", empty.kind), empty.text));
    ordinary.extend(empty);
    ordinary
}

fn report(name: &str, measure: &Measure) {
    println!("{name}: {:.1} % of {}", measure.percent(|_| true), measure.all());
    for (kind, (wrong, all)) in &measure.kinds {
        println!("  {wrong:4} of {all:4}  {kind}");
    }
    print!("{}", measure.wrong);
}

/// The bounds: at most 5 % of what the policy claims leak, and 15 % of all; at most 3 % of ordinary texts are masked,
/// and 15 % of no kind. A kind with `?` is one that the policy lets through.
fn assert_within_bounds(name: &str, planted: &[Planted], ordinary: &[(String, String)]) {
    let (leaks, masked) = (leaks(planted), masked(ordinary));
    report(&format!("{name}: planted, leaked (bounds 5 and 15 %)"), &leaks);
    report(&format!("{name}: ordinary, masked (bounds 3 and 15 %)"), &masked);
    assert!(leaks.percent(|_| true) <= 15.0, "{}", leaks.wrong);
    assert!(leaks.percent(|kind| !kind.ends_with('?')) <= 5.0, "{}", leaks.wrong);
    assert!(masked.percent(|_| true) <= 3.0, "{}", masked.wrong);
    for kind in masked.kinds.keys() {
        assert!(masked.percent(|known| known == kind) <= 15.0, "{kind}: {}", masked.wrong);
    }
}

#[test]
fn few_secrets_leak_and_few_ordinary_texts_are_masked() {
    let mut planted = written();
    planted.extend(put_together(NAMES, VALUES));
    let ordinary = ordinary();
    assert!(planted.len() > 2_000 && ordinary.len() > 3_000);
    assert_within_bounds("own corpus", &planted, &ordinary);
    if let Some((planted, ordinary)) = of_others() {
        assert!(planted.len() > 100 && ordinary.len() > 100, "the corpus of others cannot be read");
        assert_within_bounds("corpus of others", &planted, &ordinary);
    }
}

/// The kind of an ordinary text, and the text.
type Ordinary = (String, String);

/// Reads the corpus of others, if it lies beside the workspace: lines of JSON with `text`, and `secret` where one is
/// planted.
fn of_others() -> Option<(Vec<Planted>, Vec<Ordinary>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/trials/redaction");
    let rows = |name: &str| -> Option<Vec<serde_json::Value>> {
        let text = std::fs::read_to_string(folder.join(name)).ok()?;
        Some(text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
    };
    let text = |row: &serde_json::Value, name: &str| row[name].as_str().unwrap_or_default().to_owned();
    let planted = rows("planted.jsonl")?
        .iter()
        .map(|row| Planted { kind: "planted".into(), text: text(row, "text"), secret: text(row, "secret") })
        .collect();
    let ordinary = rows("ordinary.jsonl")?.iter().map(|row| ("ordinary".into(), text(row, "text"))).collect();
    Some((planted, ordinary))
}
