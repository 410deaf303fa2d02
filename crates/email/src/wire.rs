//! Connect to a server, and read no more of its replies than a mail server sends.

use std::{
    fmt, io,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use futures_io::{AsyncRead as _, AsyncWrite as _};
#[expect(deprecated, reason = "lettre has no other way to encrypt a stream that it did not open")]
use lettre::transport::smtp::client::AsyncNetworkStream;
use lettre::transport::smtp::{
    Error,
    client::{AsyncTokioStream, TlsParameters},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::timeout,
};

/// The most bytes of one reply. RFC 5321 §4.5.3.1.5 has 512 for a line; the longest replies are those to EHLO.
const REPLY: usize = 8 * 1024;
/// The most lines of one reply: lettre reads the whole reply again after each.
const LINES: usize = 100;
/// The most bytes of a TLS handshake: chains of certificates are long.
const HANDSHAKE: usize = 48 * 1024;

/// The bytes that the server may still send before the next command.
#[derive(Clone, Debug, Default)]
pub(crate) struct Allowance(Arc<Left>);

#[derive(Debug, Default)]
struct Left {
    bytes: AtomicUsize,
    /// Counts only before TLS has begun.
    lines: AtomicUsize,
    /// Whether TLS has begun.
    is_encrypted: AtomicBool,
}

impl Allowance {
    /// Allows one reply.
    pub(crate) fn renew(&self) {
        self.allow(REPLY);
    }

    /// Allows a handshake and a reply.
    pub(crate) fn renew_for_handshake(&self) {
        self.allow(HANDSHAKE);
    }

    fn allow(&self, bytes: usize) {
        self.0.bytes.store(bytes, Ordering::Relaxed);
        self.0.lines.store(LINES, Ordering::Relaxed);
    }

    /// Takes what was read; tells whether it was allowed.
    fn take(&self, read: &[u8]) -> bool {
        let spend = |left: &AtomicUsize, spent: usize| {
            let rest = left.load(Ordering::Relaxed).checked_sub(spent);
            left.store(rest.unwrap_or_default(), Ordering::Relaxed);
            rest.is_some()
        };
        // A record of TLS has no lines. It begins with its type, 20 to 23, and the version (RFC 8446 §5.1).
        if matches!(read, [20..=23, 3, ..]) {
            self.0.is_encrypted.store(true, Ordering::Relaxed);
        }
        let is_encrypted = self.0.is_encrypted.load(Ordering::Relaxed);
        let lines = if is_encrypted { 0 } else { read.iter().filter(|byte| **byte == b'\n').count() };
        spend(&self.0.bytes, read.len()) && spend(&self.0.lines, lines)
    }
}

/// Connects to the first address of a host that answers, each for at most `each`.
pub(crate) async fn connect(
    host: &str,
    port: u16,
    each: Duration,
    allowance: &Allowance,
) -> io::Result<Wire> {
    let addresses: Vec<SocketAddr> = tokio::net::lookup_host((host, port)).await?.collect();
    let mut failure = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for (left, address) in addresses.iter().enumerate().map(|(n, address)| (addresses.len() - n, address)) {
        // An address that leads nowhere must not cost the time of one that works; the last has the whole of it.
        let limit = if left > 1 { each / 2 } else { each };
        match timeout(limit, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(Wire { stream, allowance: allowance.clone() }),
            Ok(Err(error)) => failure = error,
            Err(_) => failure = io::Error::new(io::ErrorKind::TimedOut, "connection timed out"),
        }
    }
    Err(failure)
}

/// A connection that ends with an error when the server sends more than its allowance.
#[derive(Debug)]
pub(crate) struct Wire {
    stream: TcpStream,
    allowance: Allowance,
}

impl Wire {
    /// Encrypts the connection before anything is said on it.
    #[expect(deprecated, reason = "lettre has no other way to encrypt a stream that it did not open")]
    pub(crate) async fn encrypted(self, tls: TlsParameters) -> Result<EncryptedWire, Error> {
        let peer = self.stream.peer_addr().ok();
        let mut stream = AsyncNetworkStream::use_existing_tokio1(Box::new(self));
        stream.upgrade_tls(tls).await?;
        Ok(EncryptedWire { stream, peer })
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, into))?;
        let read = into.filled().get(before..).unwrap_or_default();
        if self.allowance.take(read) {
            return Poll::Ready(Ok(()));
        }
        let what = format!("the server's reply has more than {} KiB or {LINES} lines", REPLY / 1024);
        Poll::Ready(Err(io::Error::other(what)))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl AsyncTokioStream for Wire {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.stream.peer_addr()
    }
}

/// A connection that was encrypted from its first byte.
#[expect(deprecated, reason = "lettre has no other way to encrypt a stream that it did not open")]
pub(crate) struct EncryptedWire {
    stream: AsyncNetworkStream,
    peer: Option<SocketAddr>,
}

impl fmt::Debug for EncryptedWire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EncryptedWire").field("peer", &self.peer).finish_non_exhaustive()
    }
}

impl AsyncRead for EncryptedWire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = ready!(Pin::new(&mut self.stream).poll_read(context, into.initialize_unfilled()))?;
        into.advance(read);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for EncryptedWire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_close(context)
    }
}

impl AsyncTokioStream for EncryptedWire {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.peer.ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_is_bounded_in_bytes_and_in_lines() {
        let line = |bytes: usize| vec![b'x'; bytes];
        let record = [vec![23, 3, 3], vec![b'\n'; 500]].concat();
        // (what is read one after the other, whether the last is allowed)
        let cases = [
            (vec![line(REPLY)], true),
            (vec![line(REPLY), line(1)], false),
            (vec![vec![b'\n'; LINES]], true),
            (vec![vec![b'\n'; LINES], b"x\n".to_vec()], false),
            (vec![record, vec![b'\n'; 2 * LINES]], true),
        ];
        for (reads, allowed) in cases {
            let allowance = Allowance::default();
            allowance.renew();
            let last = reads.iter().fold(None, |_, read| Some(allowance.take(read)));
            assert_eq!(last, Some(allowed), "{} reads", reads.len());
            allowance.renew_for_handshake();
            assert!(allowance.take(&line(HANDSHAKE)) && !allowance.take(b"x"));
        }
    }
}
