//! A small shop on a loopback port, whose payments, worker and ledger fail.

use std::{
    convert::Infallible,
    fmt,
    io::{self, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    thread,
    time::Duration,
};

use http_body_util::Full;
use hyper::{
    Request, Response, StatusCode, body::Bytes, body::Incoming, server::conn::http1, service::service_fn,
};
use hyper_util::rt::TokioIo;
use tracing::{Instrument, error, info, info_span, warn};

/// The secrets that the shop puts into its errors; they must arrive nowhere.
pub(super) const SECRETS: [&str; 5] = [
    "hunter2-planted",
    "4111 1111 1111 1111",
    "planted-session-77",
    "planted-bearer-5f2c9d0e77",
    "planted-db-password",
];

const BEARER: &str = "Bearer planted-bearer-5f2c9d0e77";

/// The shop under way.
pub(super) struct DemoShop {
    address: SocketAddr,
}

impl DemoShop {
    /// Opens a loopback port and serves on a thread of its own, for as long as the program runs.
    pub(super) fn open() -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        thread::Builder::new().name("shop".to_owned()).spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(serve(listener))
        })?;
        Ok(Self { address })
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Makes one request as a customer would, and returns the status.
    pub(super) fn ask(&self, method: &str, path: &str) -> io::Result<u16> {
        let mut stream = TcpStream::connect(self.address)?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nhost: shop\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let status = answer.split_whitespace().nth(1).and_then(|text| text.parse().ok());
        status.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "the shop answered without a status"))
    }
}

async fn serve(listener: TcpListener) -> io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    loop {
        let (stream, _) = listener.accept().await?;
        let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(answer));
        if let Err(error) = connection.await {
            warn!(target: "shop::web", error = &error as &dyn std::error::Error, "a connection broke");
        }
    }
}

async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let span =
        info_span!(target: "shop::web", "request", method = %request.method(), path = request.uri().path());
    let status = handle(request.uri().path()).instrument(span).await;
    let mut response = Response::new(Full::new(Bytes::from_static(b"")));
    *response.status_mut() = status;
    Ok(response)
}

async fn handle(path: &str) -> StatusCode {
    match path {
        "/" => {
            info!(target: "shop::web", "the front page was served");
            StatusCode::OK
        }
        "/health" => {
            warn!(target: "shop::health", pool = 9, "the connection pool is nearly empty");
            StatusCode::OK
        }
        "/orders/4711/pay" => pay(4711)
            .instrument(info_span!(target: "shop::payments", "pay", order = 4711, authorization = BEARER))
            .await
            .map_or(StatusCode::BAD_GATEWAY, |()| StatusCode::OK),
        "/thumbnails" => {
            let worker = thread::Builder::new().name("thumbnailer".to_owned()).spawn(make_thumbnail);
            match worker.map(thread::JoinHandle::join) {
                Ok(Ok(())) => StatusCode::ACCEPTED,
                // The panic itself is an event and an alert: it needs no line of the shop's.
                Ok(Err(_)) | Err(_) => StatusCode::INTERNAL_SERVER_ERROR,
            }
        }
        "/ledger/close" => {
            watchfire::critical!(target: "shop::ledger", difference_cents = 12, "the ledger does not balance");
            StatusCode::INTERNAL_SERVER_ERROR
        }
        _ => StatusCode::NOT_FOUND,
    }
}

async fn pay(order: u64) -> Result<(), PaymentError> {
    let failure = PaymentError(Declined);
    error!(
        target: "shop::payments",
        error = &failure as &dyn std::error::Error,
        order,
        password = "hunter2-planted",
        sent = "Card: 4111 1111 1111 1111\r\nCookie: session=planted-session-77",
        "payment failed"
    );
    Err(failure)
}

#[expect(clippy::panic, reason = "the demo shows what becomes of a panic in a worker")]
fn make_thumbnail() {
    panic!("cannot decode image 17 from postgres://shop:planted-db-password@db.internal/images");
}

#[derive(Debug)]
struct PaymentError(Declined);

impl fmt::Display for PaymentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the bank did not take the payment")
    }
}

impl std::error::Error for PaymentError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

#[derive(Debug)]
struct Declined;

impl fmt::Display for Declined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("declined with code 51: insufficient funds")
    }
}

impl std::error::Error for Declined {}
