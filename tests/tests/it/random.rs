//! Readers of foreign input, under random bytes and random edits of valid input: they read or refuse it, and nothing
//! else suffers.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use serde_json::Value;
use watchfire::{
    App, Components, Config, Outbox, Severity,
    handler::{Alert, AlertId},
    sink::{Delivering, Notification, Occasion, Outcome, Scope, Sink},
};
use watchfire_http::{Response, by_status};
use watchfire_outbox::folder::SpoolFolder;

use crate::{
    chance::{Random, go_on},
    scenario::PATIENCE,
    shop::{Shop, brisk},
};

/// How many files are in the folder at once, besides the one that is sound.
const FILES: usize = 32;
const SOUND: &str = "the one that is sound";
const LATER: &str = "the one that came later";

#[test]
fn sound_messages_of_a_damaged_spool_are_delivered() {
    let letters = [letter("card declined"), letter(&"the ledger is out of balance; ".repeat(200))];
    let alert = alert_of(&letters[0]);
    let states = ["{}", "7 7", "group = 3f0c9a51e2d47b86\nuntil = 2026-11-18T13:06:40Z\n"];
    let words = [
        "null",
        "\"",
        "}",
        "{",
        "[",
        ",",
        "4294967296",
        "99999999999999999999",
        "-1",
        "1e400",
        "\\ud800",
        "\n",
        "\0",
        "ops",
        "../",
        "watchfire-spool 2",
    ];
    let folders = folders();
    let folders: Vec<&Path> = folders.iter().map(PathBuf::as_path).collect();
    go_on("files of the spool", |random| {
        let folder = tempfile::tempdir().unwrap();
        folders.iter().for_each(|name| fs::create_dir_all(folder.path().join(name)).unwrap());
        fs::write(folder.path().join("new").join(name(random, "takes")), letter(SOUND)).unwrap();
        for _ in 0..FILES {
            let valid = random.pick(&[&letters[0], &letters[1], &alert]);
            let bytes = match random.below(4) {
                0 => random.bytes(400),
                1 => random.edited(valid, &words),
                // With a checksum that is right, so that what is behind it is looked at.
                2 => sealed(&random.edited(content(valid), &words), random),
                _ => {
                    let text = random.pick(&states);
                    random.edited(text.as_bytes(), &words)
                }
            };
            // Mostly where messages wait, but also where the outbox keeps other things.
            let place = if random.below(4) == 0 { random.pick(&folders) } else { Path::new("new") };
            let label = random.pick(&["takes", "@alert"]);
            fs::write(folder.path().join(place).join(odd_name(random, label)), bytes).unwrap();
        }
        look_at(folder.path());

        let takes = Takes::default();
        let mut shop =
            Shop::open(Outbox::builder("shop").spool(folder.path())).channel("takes", takes.clone(), brisk);
        shop.until("the sound one is delivered", |_| takes.count(SOUND) == 1);
        shop.log(&[LATER]);
        shop.until("a new one is delivered", |_| takes.count(LATER) == 1);
        shop.until("nothing is under way", |stats| stats.channels[0].pending == 0);
        assert_eq!(takes.count(SOUND), 1);
    });
}

/// The folders of a spool, as an outbox makes them.
fn folders() -> Vec<PathBuf> {
    let place = tempfile::tempdir().unwrap();
    drop(Outbox::builder("shop").spool(place.path()).start().unwrap());
    let below = |path: &Path| -> Vec<PathBuf> {
        let paths = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
        paths.filter(|path| path.is_dir()).collect()
    };
    let (mut all, mut next) = (Vec::new(), below(place.path()));
    while let Some(path) = next.pop() {
        next.extend(below(&path));
        all.push(path);
    }
    let mut all: Vec<_> =
        all.into_iter().map(|path| path.strip_prefix(place.path()).unwrap().to_owned()).collect();
    all.sort();
    all
}

/// Lists and reads it, as an operator would.
fn look_at(folder: &Path) {
    let folder = SpoolFolder::open(folder).unwrap();
    for entry in folder.list().unwrap() {
        if let Err(error) = folder.read(&entry) {
            assert!(!error.to_string().is_empty());
        }
    }
}

/// A name as the spool gives one.
fn name(random: &mut Random, label: &str) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros();
    let id = u128::from(random.next()) << 64 | u128::from(random.next());
    format!("{now:016}.{id:032x}.{:013}.0.0.-.{label}", now / 1000)
}

/// Now and then a name that the spool would not give.
fn odd_name(random: &mut Random, label: &str) -> String {
    let name = name(random, label);
    if label != "takes" || random.below(8) > 0 {
        return name;
    }
    let edited = random.edited(name.as_bytes(), &["+host.1,7,1-1", "+", ".", "-1", "f"]);
    let edited = String::from_utf8_lossy(&edited).replace(['/', '\0'], "_");
    if edited.len() > 250 || edited.trim_matches('.').is_empty() { name } else { edited }
}

/// Makes a file of the spool: that of an alert which could not be delivered.
fn letter(text: &str) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let shop = Shop::open(Outbox::builder("shop").spool(folder.path())).channel("takes", Down, brisk);
    // The same at each run, so that a seed edits the same.
    let at = UNIX_EPOCH + Duration::from_secs(1_773_500_966);
    let alert = Alert::new(App::new("shop").host("web-1.example.com").pid(7), Severity::Error, text)
        .id(AlertId::from_parts(at, 7, text.len() as _))
        .at(at)
        .field("order", 4711_u64)
        .place("src/pay.rs", 7);
    shop.outbox.alert(alert);
    shop.until("it is spooled", |stats| stats.channels[0].spooled == 1);
    drop(shop);
    // It is given back when the program ends; until then its name may change between a look and the other.
    let end = Instant::now() + PATIENCE;
    loop {
        let hosts = fs::read_dir(folder.path().join("hosts")).unwrap();
        let claims = hosts.map(|host| host.unwrap().path().join("cur"));
        let files =
            claims.chain([folder.path().join("new")]).flat_map(|folder| fs::read_dir(folder).unwrap());
        let mut files = files.collect::<Vec<_>>().into_iter();
        let read = files.find_map(|entry| fs::read(entry.unwrap().path()).ok());
        assert!(read.is_some() || Instant::now() < end, "it is in the folder");
        if let Some(bytes) = read {
            return bytes;
        }
    }
}

/// Makes the file that a panic leaves behind of that of a letter.
fn alert_of(letter: &[u8]) -> Vec<u8> {
    let content = content(letter);
    let head = content.split(|byte| *byte == b'\n').next().unwrap();
    let mut head = serde_json::from_slice::<Value>(head).unwrap()["alert"].take().to_string().into_bytes();
    head.push(b'\n');
    wrapped(&head, head.len())
}

/// The text after the first line.
fn content(file: &[u8]) -> &[u8] {
    let line = file.iter().position(|byte| *byte == b'\n').unwrap();
    &file[line + 1..]
}

/// Makes a file of a content: the head ends where the first line ends, but for now and then.
fn sealed(content: &[u8], random: &mut Random) -> Vec<u8> {
    let line = content.iter().position(|byte| *byte == b'\n').map_or(content.len(), |at| at + 1);
    let head = if random.below(8) == 0 { random.below(content.len() + 1) } else { line };
    wrapped(content, head)
}

fn wrapped(content: &[u8], head: usize) -> Vec<u8> {
    let line = format!("watchfire-spool 1 {head} {} {:08x}\n", content.len() - head, crc32c(content));
    [line.as_bytes(), content].concat()
}

/// CRC-32C (RFC 3720, appendix B.4), bit by bit.
fn crc32c(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(
            crc ^ u32::from(*byte),
            |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0x82f6_3b78 } else { crc >> 1 },
        )
    })
}

/// Takes everything.
#[derive(Clone, Default)]
struct Takes(Arc<Mutex<Vec<String>>>);

impl Takes {
    fn count(&self, text: &str) -> usize {
        self.0.lock().unwrap().iter().filter(|taken| taken.contains(text)).count()
    }
}

impl Sink for Takes {
    fn kind(&self) -> &'static str {
        "takes"
    }

    fn render(&self, occasion: &Occasion<'_>) -> Vec<Notification> {
        vec![occasion.notification("all").plain(occasion.title())]
    }

    fn deliver<'a>(&'a self, notification: &'a Notification) -> Delivering<'a> {
        self.0.lock().unwrap().push(String::from_utf8_lossy(notification.body()).into_owned());
        Box::pin(std::future::ready(Outcome::Delivered(None)))
    }
}

/// Takes nothing.
struct Down;

impl Sink for Down {
    fn kind(&self) -> &'static str {
        "takes"
    }

    fn render(&self, occasion: &Occasion<'_>) -> Vec<Notification> {
        vec![occasion.notification("all").plain(occasion.title())]
    }

    fn deliver<'a>(&'a self, _: &'a Notification) -> Delivering<'a> {
        Box::pin(std::future::ready(Outcome::Transient("down".into())))
    }
}

#[test]
fn any_retry_after_is_a_wait_or_none() {
    let valid = [
        "0",
        "30",
        "1.5",
        "86400",
        "Wed, 21 Oct 2015 07:28:30 GMT",
        "Wednesday, 21-Oct-15 07:28:30 GMT",
        "Wed Oct 21 07:28:30 2015",
    ];
    let words = [
        "-",
        "+",
        "e9",
        ".",
        " ",
        "99999999999999999999",
        "inf",
        "NaN",
        "GMT",
        "+2500",
        "29 Feb",
        "\t",
        "24:60:61",
    ];
    // 2015-10-21T07:28:00Z
    let now = UNIX_EPOCH + Duration::from_secs(1_445_412_480);
    go_on("values of Retry-After", |random| {
        for _ in 0..100 {
            let bytes = match random.below(4) {
                0 => random.bytes(60),
                _ => {
                    let text = random.pick(&valid);
                    random.edited(text.as_bytes(), &words)
                }
            };
            let text = String::from_utf8_lossy(&bytes).into_owned();
            let response =
                Response::new(429, "busy").with_header("Retry-After", text.as_str()).received_at(now);
            let wait = response.retry_after();
            let trimmed = text.trim();
            if !trimmed.is_empty() && trimmed.bytes().all(|byte| byte.is_ascii_digit()) {
                let seconds = trimmed.parse().unwrap_or(u64::from(u32::MAX));
                assert_eq!(wait, Some(Duration::from_secs(seconds)), "{text:?}");
            }
            if trimmed.starts_with('-') {
                assert!(wait.is_none_or(|wait| wait.is_zero()), "{text:?}: {wait:?}");
            }
            let expected = wait.unwrap_or(Duration::from_secs(60));
            let outcome = by_status(&response);
            let Outcome::RateLimited { wait, scope: Scope::Channel, .. } = outcome else {
                panic!("{outcome:?}")
            };
            assert_eq!(wait, expected, "{text:?}");
        }
    });
}

#[test]
fn any_configuration_has_an_answer_with_spans_in_its_text() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let starter = fs::read_to_string(root.join("crates/cli/src/starter.toml")).unwrap();
    // Another copy has its comments in force too.
    let all: String =
        starter.lines().map(|line| format!("{}\n", line.strip_prefix("# ").unwrap_or(line))).collect();
    let readme = fs::read_to_string(root.join("README.md")).unwrap();
    let blocks = readme.split("```toml\n").skip(1).map(|block| block.split("```").next().unwrap().to_owned());
    let texts: Vec<String> = [starter, all].into_iter().chain(blocks).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let words = [
        "\"",
        "[",
        "]",
        "[[",
        "{",
        "}",
        "=",
        "\n",
        ".",
        "${",
        "${HOME}",
        "'''",
        "\"\"\"",
        "\\u",
        "\\ud800",
        "é",
        "\0",
        "#",
        ",",
        "level = 7\n",
        "[root]\n",
        "[handlers.x]\ntype = \"slack\"\n",
        "extends = \"checkout\"\n",
        "inf",
        "9223372036854775808",
        "true",
        "2026-11-18",
    ];
    let components = Components::new().assume_environment();
    go_on("configurations", |random| {
        let text = match random.below(10) {
            0 => random.bytes(200),
            _ => {
                let text = random.pick(&texts);
                random.edited(text.as_bytes(), &words)
            }
        };
        let text = String::from_utf8_lossy(&text);
        let diagnostics = Config::examine("edited.toml", &text, &components);
        for diagnostic in diagnostics.list() {
            if let Some(span) = diagnostic.span() {
                assert!(text.get(span.clone()).is_some(), "{diagnostic:?}");
            }
        }
        assert!(diagnostics.list().is_empty() || !diagnostics.to_string().is_empty());
        // A configuration that is read, written and read again stays the same.
        if let Ok(config) = Config::parse(&text) {
            let again = Config::parse(&config.to_string());
            assert!(again.as_ref().is_ok_and(|again| *again == config), "{text}\n{config}\n{again:?}");
        }
    });
}
