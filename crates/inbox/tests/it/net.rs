//! A raw client: one HTTP exchange per connection, and SMTP line by line.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use watchfire_inbox::Inbox;

/// Long enough for a loaded machine; nothing waits for it when all is well.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct HttpAnswer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl HttpAnswer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("not JSON: {}", self.body))
    }
}

pub(crate) fn http(
    inbox: &Inbox,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> io::Result<HttpAnswer> {
    let mut stream = TcpStream::connect(inbox.http_addr())?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut head = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str(&format!("Content-Length: {}\r\n\r\n", body.len()));
    stream.write_all(head.as_bytes())?;
    stream.write_all(body)?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return Err(io::ErrorKind::UnexpectedEof.into());
    };
    let status = head.split(' ').nth(1).and_then(|s| s.parse().ok()).expect("a status line");
    Ok(HttpAnswer { status, head: head.to_owned(), body: body.to_owned() })
}

pub(crate) fn get(inbox: &Inbox, path: &str) -> HttpAnswer {
    http(inbox, "GET", path, &[], b"").unwrap()
}

pub(crate) fn post_json(inbox: &Inbox, path: &str, body: &str) -> HttpAnswer {
    let headers = [("Content-Type", "application/json; charset=utf-8")];
    http(inbox, "POST", path, &headers, body.as_bytes()).unwrap()
}

trait Stream: io::Read + io::Write {}
impl<T: io::Read + io::Write> Stream for T {}

/// An SMTP client that checks nothing.
pub(crate) struct Smtp {
    stream: BufReader<Box<dyn Stream>>,
}

impl Smtp {
    pub(crate) fn connect(addr: SocketAddr) -> Self {
        let stream = TcpStream::connect(addr).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { stream: BufReader::new(Box::new(stream)) }
    }

    /// Greets, starts TLS and says `EHLO` again.
    pub(crate) fn secure(inbox: &Inbox) -> Self {
        let stream = TcpStream::connect(inbox.smtp_addr()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let copy = stream.try_clone().unwrap();
        let mut plain = Self { stream: BufReader::new(Box::new(copy)) };
        assert!(plain.reply().starts_with("220 "));
        assert!(plain.say("EHLO client.example.com").contains("STARTTLS"));
        assert!(plain.say("STARTTLS").starts_with("220 "));
        let mut client = Self { stream: BufReader::new(Box::new(tls(inbox, stream))) };
        assert!(client.say("EHLO client.example.com").contains("AUTH PLAIN LOGIN"));
        client
    }

    pub(crate) fn implicit(inbox: &Inbox) -> Self {
        let stream = TcpStream::connect(inbox.smtps_addr()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { stream: BufReader::new(Box::new(tls(inbox, stream))) }
    }

    /// Secure, and logged in as the demo user.
    pub(crate) fn ready(inbox: &Inbox) -> Self {
        let mut client = Self::secure(inbox);
        assert_eq!(
            client.say(&auth_plain("demo", "inbox-demo-password")),
            "235 2.7.0 Authentication successful"
        );
        client
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) {
        self.stream.get_mut().write_all(bytes).unwrap();
        self.stream.get_mut().flush().unwrap();
    }

    pub(crate) fn say(&mut self, line: &str) -> String {
        self.write(format!("{line}\r\n").as_bytes());
        self.reply()
    }

    pub(crate) fn reply(&mut self) -> String {
        self.try_reply().unwrap()
    }

    /// All lines of a reply, joined by `\n`; an error when the connection is gone.
    pub(crate) fn try_reply(&mut self) -> io::Result<String> {
        let mut reply = String::new();
        loop {
            let mut line = String::new();
            if self.stream.read_line(&mut line)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let last = line.as_bytes().get(3) != Some(&b'-');
            reply.push_str(line.trim_end());
            if last {
                return Ok(reply);
            }
            reply.push('\n');
        }
    }

    /// A whole transaction from `MAIL` to the answer after the dot.
    pub(crate) fn send(&mut self, to: &[&str], mail: &[u8]) -> String {
        self.write(b"MAIL FROM:<errors@example.com>\r\n");
        assert_eq!(self.reply(), "250 2.1.0 Ok");
        for address in to {
            assert_eq!(self.say(&format!("RCPT TO:<{address}>")), "250 2.1.5 Ok");
        }
        assert!(self.say("DATA").starts_with("354 "));
        self.write(mail);
        self.write(b"\r\n.\r\n");
        self.reply()
    }
}

pub(crate) fn auth_plain(user: &str, password: &str) -> String {
    use base64::Engine as _;
    let token = base64::engine::general_purpose::STANDARD.encode(format!("\0{user}\0{password}"));
    format!("AUTH PLAIN {token}")
}

fn tls(inbox: &Inbox, stream: TcpStream) -> StreamOwned<ClientConnection, TcpStream> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(inbox.ca_pem().as_bytes()).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    StreamOwned::new(ClientConnection::new(Arc::new(config), name).unwrap(), stream)
}
