//! Ends in a chosen way, for the tests of what survives: `ends <way> <file> [spool folder]`.
//!
//! Each delivered notification is a line in the file, `<title>` or `<title> (possible duplicate)`.

#![expect(clippy::panic, clippy::mem_forget, reason = "this program is there to end badly")]

use std::{fs::OpenOptions, io::Write, path::PathBuf};

use tracing_subscriber::prelude::*;
use watchfire_outbox::{Delivering, Notification, Occasion, Outbox, Outcome, Sink};

struct Lines(PathBuf);

impl Sink for Lines {
    fn kind(&self) -> &'static str {
        "lines"
    }

    fn render(&self, occasion: &Occasion<'_>) -> Vec<Notification> {
        vec![occasion.notification("file").plain(occasion.title())]
    }

    fn deliver<'a>(&'a self, notification: &'a Notification) -> Delivering<'a> {
        Box::pin(async move {
            let again = if notification.is_possible_duplicate() { " (possible duplicate)" } else { "" };
            let line = format!("{}{again}\n", String::from_utf8_lossy(notification.body()));
            let file = OpenOptions::new().create(true).append(true).open(&self.0);
            match file.and_then(|mut file| file.write_all(line.as_bytes())) {
                Ok(()) => Outcome::Delivered(None),
                Err(error) => Outcome::Transient(error.to_string().into()),
            }
        })
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let way = args.next().unwrap_or_default();
    let file = PathBuf::from(args.next().ok_or("expected a way to end and a file")?);
    let outbox = Outbox::start("ends")?;
    tracing_subscriber::registry().with(Lines(file).layer(&outbox)?).init();
    match way.as_str() {
        "return" => tracing::error!("before the return"),
        "exit" => {
            tracing::error!("before the exit");
            std::process::exit(3);
        }
        "exit-forgotten" => {
            std::mem::forget(outbox);
            tracing::error!("before the exit");
            std::process::exit(3);
        }
        "early-drop" => {
            drop(outbox);
            tracing::error!("after the drop");
        }
        "panic-main" => {
            tracing::error!("before the panic");
            panic!("on purpose");
        }
        other => return Err(format!("unknown way to end: {other}").into()),
    }
    Ok(())
}
