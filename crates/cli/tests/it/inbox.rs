//! `watchfire inbox`: what its help shows works, and a lack of descriptors is survived.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
};

use watchfire_inbox::{Inbox, Provider};

use crate::watchfire;

#[test]
fn the_faults_of_the_help_can_be_armed() {
    let help = String::from_utf8(watchfire(&["inbox", "--help"]).stdout).unwrap();
    let line = help.lines().find(|line| line.contains("/faults/")).unwrap();
    let path = line.split("8025").nth(1).unwrap().split(' ').next().unwrap();
    let body = line.split("-d '").nth(1).unwrap().trim_end_matches('\'');
    let inbox = Inbox::start().unwrap();
    let mut stream = TcpStream::connect(inbox.http_addr()).unwrap();
    let length = body.len();
    // As curl sends `-d`.
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}",
        inbox.http_addr()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let (provider, plan) = inbox.faults().remove(0);
    assert_eq!((provider, plan.fault.name(), plan.times), (Provider::SlackWebhook, "status", Some(3)));
}

#[cfg(target_os = "linux")]
#[test]
#[expect(clippy::disallowed_methods, reason = "the processor time that a second takes is what is measured")]
fn without_descriptors_left_it_waits_and_does_not_spin() {
    use std::{fs, process::Command, process::Stdio, thread, time::Duration};
    let script = "ulimit -n 24; exec \"$0\" inbox --http-port 0 --smtp-port 0";
    let mut child = Command::new("sh")
        .args(["-c", script, env!("CARGO_BIN_EXE_watchfire")])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.split("http://").nth(1).unwrap().trim_end().trim_end_matches('/');
    let held: Vec<_> = (0..40).map(|_| TcpStream::connect(address).unwrap()).collect();
    // utime and stime, in ticks of 10 ms: proc_pid_stat(5).
    let ticks = || -> u64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap();
        let fields = stat.rsplit(')').next().unwrap().split_whitespace();
        fields.skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap()).sum()
    };
    let before = ticks();
    thread::sleep(Duration::from_secs(1));
    let spent = ticks() - before;
    drop(held);
    // With some free again it answers.
    let mut answer = String::new();
    for _ in 0..100 {
        let mut stream = TcpStream::connect(address).unwrap();
        write!(stream, "GET /messages.json HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            .unwrap();
        answer.clear();
        if stream.read_to_string(&mut answer).is_ok() && !answer.is_empty() {
            break;
        }
        thread::sleep(Duration::from_millis(50));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(spent <= 20, "{} ms of processor time in one second", spent * 10);
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}
