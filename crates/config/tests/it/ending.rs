//! The end of a program with a configuration file: one deadline, real sinks, a signal that the program handles itself.

#![cfg(unix)]

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
    path::Path,
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use watchfire_core::clock;

const CHILD: &str = "WATCHFIRE_ENDING_CHILD";
/// The effective deadline of the file: the longer of the two.
const DEADLINE: Duration = Duration::from_secs(2);
const SLACK: Duration = Duration::from_millis(500);

/// The program: three errors, then it ends as its own handler of SIGTERM has it.
#[test]
#[expect(
    clippy::disallowed_methods,
    clippy::exit,
    reason = "tells the child apart, and ends as a program does"
)]
fn the_program() {
    let Ok(path) = std::env::var(CHILD) else { return };
    let handle = watchfire_config::setup("shop").file(path).rust_log("").init().unwrap();
    let ends = Arc::new(AtomicBool::new(false));
    signal_hook::flag::register(signal_hook::consts::SIGTERM, Arc::clone(&ends)).unwrap();
    for kind in ["ledger", "stock", "mail"] {
        tracing::error!(target: "shop", kind, "out of {kind}");
    }
    let is_tried = || handle.stats().unwrap().channels.iter().any(|channel| channel.attempts > 0);
    while !is_tried() {
        std::thread::park_timeout(Duration::from_millis(1));
    }
    println!("ready");
    while !ends.load(Ordering::Acquire) {
        std::thread::park_timeout(Duration::from_millis(1));
    }
    drop(handle);
    // The test harness would end in another way.
    std::process::exit(7);
}

/// Answers every request with this status, or with nothing at all.
fn provider(status: Option<&'static str>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut silent = Vec::new();
        for connection in listener.incoming() {
            let mut connection = connection.unwrap();
            let Some(status) = status else {
                silent.push(connection);
                continue;
            };
            let mut request = [0_u8; 65_536];
            connection.read(&mut request).map(drop).unwrap_or_default();
            let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok");
            connection.write_all(answer.as_bytes()).unwrap_or_default();
        }
    });
    address.to_string()
}

fn config(spool: &Path, log: &Path, address: &str) -> String {
    format!(
        r#"
[app]
name = "shop"
[outbox]
spool = "{}"
drop_deadline = "2s"
exit_deadline = "1s"
unclean_end = "critical"
sync_from = "never"
sync_within = "50ms"
[handlers.ops]
type = "slack"
webhook = "http://{address}/services/T0EXAMPLE/B0EXAMPLE/notARealSecretNotARealOne"
[handlers.log]
type = "file"
path = "{}"
[root]
level = "info"
handlers = ["ops", "log"]
"#,
        spool.display(),
        log.display()
    )
}

#[test]
fn handle_outbox_and_exit_share_one_deadline() {
    let folder = tempfile::tempdir().unwrap();
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    // (state, address, how many messages are left, whether all the time is needed)
    let cases = [
        ("healthy", provider(Some("200 OK")), 0, true),
        ("refused", closed, 3, false),
        ("failing", provider(Some("503 Service Unavailable")), 3, false),
        ("held", provider(Some("403 Forbidden")), 3, false),
        ("hanging", provider(None), 3, true),
    ];
    for (state, address, left, takes_time) in cases {
        let spool = folder.path().join(state);
        let (file, log) =
            (folder.path().join(format!("{state}.toml")), folder.path().join(format!("{state}.log")));
        std::fs::write(&file, config(&spool, &log, &address)).unwrap();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "ending::the_program", "--nocapture"])
            .env(CHILD, &file)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        while !line.contains("ready") {
            line.clear();
            assert!(out.read_line(&mut line).unwrap() > 0, "{state}: the program has ended");
        }
        let began = clock::instant();
        assert!(Command::new("kill").arg(child.id().to_string()).status().unwrap().success());
        assert_eq!(child.wait().unwrap().code(), Some(7), "{state}");
        let took = began.elapsed();
        println!("{state}: {took:?}");
        assert!(took < DEADLINE + SLACK, "{state}: {took:?}");
        assert!(takes_time || took < DEADLINE, "{state}: {took:?}");
        let count = |name: &str| std::fs::read_dir(spool.join(name)).unwrap().count();
        // The pace of the provider, one message a second, may leave one of the healthy ones to the next start.
        let hosts = std::fs::read_dir(spool.join("hosts")).unwrap();
        let claims = hosts.map(|host| std::fs::read_dir(host.unwrap().path().join("cur")).unwrap().count());
        let waits = count("new") + claims.sum::<usize>();
        assert!(if left == 0 { waits <= 1 } else { waits == left }, "{state}: {waits}");
        assert_eq!(count("state/running"), 0, "{state}: an orderly end");
        assert_eq!(std::fs::read_to_string(&log).unwrap().lines().count(), 3, "{state}");
    }
}
