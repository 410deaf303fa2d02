//! The program whose ends `cargo xtask exits` tries: `shop SET-UP RUNTIME END`.
//!
//! It sets watchfire up in code, from a file or from the environment, logs a last word, writes `logged` and its process
//! id on stdout, and ends as it is told. `stay` ends in order when stdin is closed: the next start after another end.

use std::{
    env,
    error::Error,
    fmt,
    hint::black_box,
    io::{Read, Write},
    process::ExitCode,
    thread,
    time::Duration,
};

use axum::{Router, routing::get};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    runtime::Runtime,
};
use tower_http::catch_panic::CatchPanicLayer;
use watchfire::{App, Email, Handle, LogFile, Outbox, Severity, Slack, critical, prelude::*};

type Failure = Box<dyn Error + Send + Sync>;

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    let [set_up, runtime, end] = words.as_slice() else {
        eprintln!("usage: shop code|file|environment plain|tokio|forked END");
        return ExitCode::from(2);
    };
    watchfire::run(start(set_up), |_watchfire| match runtime.as_str() {
        "plain" => serve(end),
        "tokio" => tokio_runtime()?.block_on(serve_in_tokio(end)),
        _ => in_child(|| serve(end)),
    })
}

/// The handle that lives as long as the program.
#[expect(dead_code, reason = "it is kept for its drop")]
enum Watchfire {
    Handle(Handle),
    Outbox(Outbox),
}

fn start(set_up: &str) -> Result<Watchfire, Failure> {
    let is_flushed = env::var_os("SHOP_FLUSHES_ON_TERMINATION").is_some();
    if set_up == "code" {
        let outbox = set_up_in_code()?;
        if is_flushed {
            outbox.flush_on_termination()?;
        }
        return Ok(Watchfire::Outbox(outbox));
    }
    let handle = if set_up == "file" { watchfire::init("shop")? } else { watchfire::init_from_env()? };
    if is_flushed {
        handle.flush_on_termination()?;
    }
    Ok(Watchfire::Handle(handle))
}

/// Does in code what the variables say to the environment form.
fn set_up_in_code() -> Result<Outbox, Failure> {
    // More than a loaded machine needs: how long each takes is measured elsewhere.
    let plenty = Duration::from_secs(30);
    let mut outbox = Outbox::builder(App::new("shop"))
        .spool(env::var("WATCHFIRE_SPOOL")?)
        .sync_within(plenty)
        .drop_deadline(plenty)
        .exit_deadline(plenty);
    if env::var_os("WATCHFIRE_STACKS_FROM").is_some() {
        outbox = outbox.stacks_from(Severity::Error);
    }
    let outbox = outbox.start()?;
    let mail = Email::to([env::var("WATCHFIRE_EMAIL_TO")?])
        .from(env::var("WATCHFIRE_EMAIL_FROM")?)
        .server(env::var("WATCHFIRE_EMAIL_SERVER")?)
        .ca_file(env::var("WATCHFIRE_EMAIL_CA_FILE")?);
    tracing_subscriber::registry()
        .with(LogFile::new(env::var("WATCHFIRE_FILE")?).layer()?)
        .with(mail.layer(&outbox)?)
        .with(Slack::webhook(env::var("WATCHFIRE_SLACK_WEBHOOK")?).layer(&outbox)?)
        .init();
    Ok(outbox)
}

fn tokio_runtime() -> Result<Runtime, Failure> {
    Ok(tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?)
}

fn serve(end: &str) -> Result<(), Failure> {
    match end {
        "panic-task" | "panic-blocking" | "panic-handler" | "event-handler" => {
            tokio_runtime()?.block_on(serve_in_tokio(end))
        }
        _ => finish(end),
    }
}

async fn serve_in_tokio(end: &str) -> Result<(), Failure> {
    match end {
        "panic-task" => {
            say_the_last_word();
            // The task's panic is its end, not the program's.
            tokio::spawn(async { pay() }).await.unwrap_or_default();
            Ok(())
        }
        "panic-blocking" => {
            say_the_last_word();
            tokio::task::spawn_blocking(pay).await.unwrap_or_default();
            Ok(())
        }
        "panic-handler" => {
            say_the_last_word();
            request(Router::new().route("/", get(async || pay()))).await
        }
        "event-handler" => request(Router::new().route("/", get(async || report()))).await,
        _ => finish(end),
    }
}

/// Serves one request of our own behind `CatchPanicLayer`.
async fn request(router: Router) -> Result<(), Failure> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let mut stream = TcpStream::connect(listener.local_addr()?).await?;
    tokio::spawn(axum::serve(listener, router.layer(CatchPanicLayer::new())).into_future());
    stream.write_all(b"GET / HTTP/1.1\r\nhost: shop\r\nconnection: close\r\n\r\n").await?;
    stream.read_to_end(&mut Vec::new()).await?;
    Ok(())
}

fn finish(end: &str) -> Result<(), Failure> {
    match end {
        "stay" => {
            println!("ready");
            std::io::stdin().read_to_end(&mut Vec::new())?;
            return Ok(());
        }
        "event" => {
            report();
            return Ok(());
        }
        "event-thread" => return thread::spawn(report).join().map_err(|_| "the thread panicked".into()),
        _ => say_the_last_word(),
    }
    match end {
        "return" => Ok(()),
        "exit" => std::process::exit(0),
        "error" => Err(Outage.into()),
        "panic" => {
            pay();
            Ok(())
        }
        "panic-thread" => {
            // The thread's panic is its end, not the program's.
            thread::spawn(pay).join().unwrap_or_default();
            Ok(())
        }
        "panic-value" => std::panic::panic_any(Outage),
        "panic-in-drop" => {
            let _account = Account;
            pay();
            Ok(())
        }
        "panic-in-thread-local" => {
            thread_local!(static ACCOUNT: Account = const { Account });
            thread::spawn(|| ACCOUNT.with(|_| ())).join().unwrap_or_default();
            Ok(())
        }
        "panic-in-text" => panic!("{}", Unprintable),
        "exit-in-thread" => {
            thread::spawn(|| {
                while black_box(true) {
                    tracing::error!("the bank is slow");
                    thread::park_timeout(Duration::from_millis(1));
                }
            });
            thread::spawn(|| -> () { std::process::exit(0) }).join().unwrap_or_default();
            Ok(())
        }
        "error-secret" => Err(Box::new(Refused)),
        "panic-c" => {
            pay_in_c();
            Ok(())
        }
        "abort" => std::process::abort(),
        "fault" => {
            fault();
            Ok(())
        }
        "overflow" => {
            black_box(overflow(black_box(0)));
            Ok(())
        }
        // A signal ends it.
        "wait" => loop {
            thread::park();
        },
        other => Err(format!("there is no end `{other}`").into()),
    }
}

fn say_the_last_word() {
    critical!("the last word");
    println!("logged {}", std::process::id());
    std::io::stdout().flush().unwrap_or_default();
}

#[inline(never)]
fn pay() {
    if black_box(true) {
        panic!("the bank did not answer");
    }
}

#[inline(never)]
extern "C" fn pay_in_c() {
    pay();
}

#[inline(never)]
fn report() {
    tracing::error!("the bank did not answer");
    black_box(());
}

/// The error that `main` returns, with a cause.
#[derive(Debug)]
struct Outage;

impl fmt::Display for Outage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the bank did not answer")
    }
}

impl Error for Outage {}

/// A value whose end panics.
struct Account;

impl Drop for Account {
    fn drop(&mut self) {
        panic!("the account is closed");
    }
}

/// A value that panics while it is printed.
struct Unprintable;

impl fmt::Display for Unprintable {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        pay();
        Ok(())
    }
}

/// The error that `main` returns, with a password in its cause.
#[derive(Debug)]
struct Refused;

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the bank did not answer")
    }
}

impl Error for Refused {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        static CAUSE: Login = Login;
        Some(&CAUSE)
    }
}

#[derive(Debug)]
struct Login;

impl fmt::Display for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("cannot log in at postgres://shop:s3cr3t-Pa55w0rd@db/ledger")
    }
}

impl Error for Login {}

/// Reads where nothing is.
#[expect(unsafe_code, reason = "a segmentation fault is what is tried")]
#[inline(never)]
fn fault() {
    let nowhere = std::ptr::without_provenance::<u64>(black_box(4096));
    // SAFETY: none, as in the programs that this stands for. Nothing is mapped in the first pages.
    black_box(unsafe { nowhere.read_volatile() });
}

#[inline(never)]
fn overflow(depth: u64) -> u64 {
    let room = black_box([depth; 64]);
    if depth == u64::MAX { 0 } else { overflow(depth + 1) + room[0] }
}

/// Runs `work` in a forked child, and writes on stdout how that ended.
#[expect(unsafe_code, reason = "std does not fork")]
fn in_child(work: impl FnOnce() -> Result<(), Failure>) -> Result<(), Failure> {
    // SAFETY: the child does what a program may expect of a child with one thread; what breaks there is tried here.
    match unsafe { libc::fork() } {
        -1 => Err(std::io::Error::last_os_error().into()),
        0 => work(),
        child => {
            let mut status = 0;
            // SAFETY: waitpid(2) writes into `status`.
            unsafe { libc::waitpid(child, &raw mut status, 0) };
            println!("child {status}");
            Ok(())
        }
    }
}
