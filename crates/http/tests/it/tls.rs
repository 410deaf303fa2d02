//! TLS: an own authority is trusted when it is named, and nothing becomes the process's default.

use std::{
    io::Write,
    net::Ipv4Addr,
    sync::{Arc, Mutex},
};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tempfile::NamedTempFile;
use tokio::net::TcpListener;
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::{CryptoProvider, ring},
        pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    },
};
use watchfire_http::{Endpoint, HttpOptions, Request, by_status, exchange};
use watchfire_outbox::Outcome;

use crate::{
    run,
    server::{Behaviour, serve},
};

const OK: Behaviour = Behaviour::Answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");

/// Returns the port, the authority in PEM, and the protocols that were agreed on.
async fn start() -> (u16, String, Arc<Mutex<Vec<Option<Vec<u8>>>>>) {
    let ca_key = KeyPair::generate().unwrap();
    let mut ca = CertificateParams::new(Vec::new()).unwrap();
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let pem = ca.self_signed(&ca_key).unwrap();
    let pem = encode(pem.der());
    let issuer = Issuer::new(ca, ca_key);
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(["localhost".to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![leaf.der().clone()],
            PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der())),
        )
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let agreed = Arc::new(Mutex::new(Vec::new()));
    let list = Arc::clone(&agreed);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            if let Ok(mut stream) = acceptor.accept(stream).await {
                list.lock().unwrap().push(stream.get_ref().1.alpn_protocol().map(<[u8]>::to_vec));
                serve(&mut stream, OK, &Mutex::default()).await;
            }
        }
    });
    (port, pem, agreed)
}

fn encode(der: &[u8]) -> String {
    use std::fmt::Write;
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut pem = String::from("-----BEGIN CERTIFICATE-----\n");
    for chunk in der.chunks(48) {
        for part in chunk.chunks(3) {
            let bits =
                part.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - part.len()));
            for i in 0..4 {
                let digit = char::from(alphabet[(bits >> (18 - 6 * i) & 63) as usize]);
                pem.push(if i <= part.len() { digit } else { '=' });
            }
        }
        writeln!(pem).unwrap();
    }
    pem + "-----END CERTIFICATE-----\n"
}

fn file(content: &str) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(content.as_bytes()).unwrap();
    file
}

#[test]
fn trusts_a_private_authority_only_when_it_is_named() {
    run(async {
        let (port, pem, agreed) = start().await;
        let address = Endpoint::parse("url", &format!("https://localhost:{port}/")).unwrap();
        let request = || Request::post_json(&address, "{}");

        let strict = HttpOptions::new().no_proxy().client("x").unwrap();
        let outcome = exchange(&strict, request(), by_status).await;
        let Outcome::Transient(reason) = outcome else { panic!("{outcome:?}") };
        assert!(reason.as_str().contains("ca_file"), "{reason}");

        let pem = file(&pem);
        let trusting = HttpOptions::new().no_proxy().ca_file(pem.path()).client("x").unwrap();
        assert_eq!(exchange(&trusting, request(), by_status).await, Outcome::Delivered(None));
        assert_eq!(agreed.lock().unwrap().as_slice(), [Some(b"http/1.1".to_vec())]);
        assert!(CryptoProvider::get_default().is_none(), "nothing is installed for the process");
    });
}

#[test]
fn an_authority_file_is_checked_when_it_is_named() {
    let garbage = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let cases = [
        ("", "found none"),
        ("no certificate at all", "found none"),
        (garbage, "certificate 1 cannot be used"),
        ("-----BEGIN CERTIFICATE-----\n%%%\n-----END CERTIFICATE-----\n", "PEM"),
    ];
    for (content, expected) in cases {
        let file = file(content);
        let error = HttpOptions::new().ca_file(file.path()).client("x").unwrap_err();
        assert_eq!(error.field(), "x.ca_file");
        assert!(error.reason().contains(expected), "{error}");
        assert!(error.reason().contains(&file.path().display().to_string()), "{error}");
    }
    let error = HttpOptions::new().ca_file("/nowhere/ca.pem").client("x").unwrap_err();
    assert!(error.reason().contains("/nowhere/ca.pem: cannot be read"), "{error}");
}
