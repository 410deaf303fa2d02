//! What both doors do with a socket.

use tokio::net::TcpStream;

/// Closes so that the peer sees a reset instead of an orderly end.
pub(crate) fn reset(stream: TcpStream) {
    // Without it the peer sees an orderly end, which senders must survive as well.
    stream.set_zero_linger().ok();
    drop(stream);
}
