//! Accepts connections, and closes them.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

/// How many connections one port has at a time; the next one waits to be accepted.
const CONNECTIONS: usize = 512;
/// How long a connection may live, whatever it does. A fault that hangs ends with it.
const LIFETIME: Duration = Duration::from_secs(600);
/// How long nothing is accepted after an error: without descriptors left, accepting fails at once, again and again.
const PAUSE: Duration = Duration::from_millis(100);

/// Hands connections to `serve` until the task is dropped.
pub(crate) async fn accept<F>(listener: TcpListener, serve: impl Fn(TcpStream) -> F)
where
    F: Future<Output = ()> + 'static,
{
    let free = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        // The semaphore is never closed.
        let Ok(permit) = Arc::clone(&free).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let served = serve(stream);
                tokio::task::spawn_local(async move {
                    tokio::time::timeout(LIFETIME, served).await.ok();
                    drop(permit);
                });
            }
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

/// Closes so that the peer sees a reset instead of an orderly end.
pub(crate) fn reset(stream: TcpStream) {
    // Without it the peer sees an orderly end, which senders must survive as well.
    stream.set_zero_linger().ok();
    drop(stream);
}
