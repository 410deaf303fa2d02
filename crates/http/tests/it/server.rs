//! A server on loopback that answers as told, or does not.

use std::{
    net::{Ipv4Addr, TcpListener as StdListener},
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpListener,
};

#[derive(Clone, Copy)]
pub(crate) enum Behaviour {
    Answer(&'static str),
    Endless,
    Close,
    Hang,
}

pub(crate) struct TestServer {
    pub(crate) port: u16,
    seen: Arc<Mutex<Vec<String>>>,
}

impl TestServer {
    pub(crate) async fn start(behaviour: Behaviour) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let list = Arc::clone(&seen);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let list = Arc::clone(&list);
                tokio::spawn(async move { serve(&mut stream, behaviour, &list).await });
            }
        });
        Self { port, seen }
    }

    pub(crate) fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

pub(crate) async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    behaviour: Behaviour,
    seen: &Mutex<Vec<String>>,
) {
    let request = read_request(stream).await;
    seen.lock().unwrap().push(request);
    // The client may be gone already: that is its right.
    match behaviour {
        Behaviour::Answer(text) => drop(stream.write_all(text.as_bytes()).await),
        Behaviour::Endless => {
            drop(stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").await);
            while stream.write_all(b"a\r\n0123456789\r\n").await.is_ok() {}
        }
        Behaviour::Close => {}
        Behaviour::Hang => std::future::pending().await,
    }
}

/// Reads the head and as much body as it announces.
async fn read_request<S: AsyncRead + Unpin>(stream: &mut S) -> String {
    let (mut text, mut buffer) = (String::new(), [0; 4096]);
    loop {
        let read = stream.read(&mut buffer).await.unwrap_or(0);
        text.push_str(&String::from_utf8_lossy(&buffer[..read]));
        let head = text.find("\r\n\r\n");
        let length = text
            .to_ascii_lowercase()
            .split("content-length: ")
            .nth(1)
            .map_or(0, |rest| rest.split("\r\n").next().unwrap().parse::<usize>().unwrap());
        if read == 0 || head.is_some_and(|head| text.len() >= head + 4 + length) {
            return text;
        }
    }
}

/// Returns a port on which nobody listens.
pub(crate) fn closed_port() -> u16 {
    StdListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}
