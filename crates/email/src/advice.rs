//! Say what a person can do about a step that failed: pure.

use crate::{
    config::{MailServer, Security},
    stage::{MailStage, StageFailure, is_about_greeting},
};

/// Returns what helps, in one short clause; nothing where waiting is all that helps.
///
/// `text` is what the server or a library said.
pub(crate) fn advice(
    server: &MailServer,
    stage: MailStage,
    trouble: StageFailure,
    text: &str,
) -> Option<&'static str> {
    match trouble {
        StageFailure::Refused(code) => refused(server, stage, code, text),
        StageFailure::Failed => failed(server, text),
        StageFailure::Silence => silent(server, stage),
    }
}

fn refused(server: &MailServer, stage: MailStage, code: u16, text: &str) -> Option<&'static str> {
    let wants_tls = text.to_ascii_lowercase().contains("starttls");
    Some(match (code, stage) {
        (538, _) | (530, _) if wants_tls || code == 538 => {
            "the server wants TLS first: use smtp:// (STARTTLS) or smtps://"
        }
        (530, _) => "the server wants a login: set user and password",
        (534 | 535, _) => {
            "somebody has to set the right user and password (many providers want an app password)"
        }
        (500.., MailStage::Connect) => HELLO,
        (500.., MailStage::Mail | MailStage::Rcpt | MailStage::Data) if is_about_greeting(code, text) => {
            HELLO
        }
        (500.., MailStage::Mail) if !is_about_size(code, text) => {
            "may this login send with this `from` address?"
        }
        (500.., MailStage::Rcpt)
            if text.starts_with("5.7.") || text.to_ascii_lowercase().contains("relay") =>
        {
            match server.login {
                Some(_) => "may this login send to this address?",
                None => "the server may want a login: set user and password",
            }
        }
        _ => return None,
    })
}

/// A server may also refuse all of a host; the name is the part that a setting can change.
const HELLO: &str = "does the server accept the name that the program greets with? set `hello_name` to this machine's full host name";

fn is_about_size(code: u16, text: &str) -> bool {
    matches!(code, 523 | 552) || text.starts_with("5.3.4") || text.starts_with("5.2.3")
}

fn failed(server: &MailServer, text: &str) -> Option<&'static str> {
    let text = text.to_ascii_lowercase();
    let said = |parts: &[&str]| parts.iter().any(|part| text.contains(part));
    if said(&["unknownissuer"]) {
        return Some(
            "is its authority a private one? name its PEM file with `.ca_file(..)`, in a config file `ca_file`",
        );
    }
    if said(&["not valid for name", "notvalidforname"]) {
        return Some("name the server as its certificate does");
    }
    if said(&["certificate expired", "not valid yet"]) {
        return Some("renew the server's certificate, or set this machine's clock");
    }
    if said(&["invalidcontenttype", "corrupt message", "wrong version number"]) {
        return Some(match server.security {
            Security::Tls => "this port does not speak TLS at once: use smtp:// (STARTTLS)",
            Security::StartTls | Security::Plain => "what answers there speaks no TLS",
        });
    }
    if said(&["no compatible authentication mechanism"]) {
        return Some(match server.security {
            Security::Plain => {
                "the server offers no login without TLS: use smtp:// or smtps://, or leave user and password out"
            }
            Security::StartTls if server.is_loopback() => {
                "the server offers no login, maybe because it offers no STARTTLS: use smtps://, or leave user and password out"
            }
            Security::StartTls | Security::Tls => {
                "the server offers no login by PLAIN or LOGIN: is this its port for submission (587 or 465)?"
            }
        });
    }
    if said(&["connection refused"]) {
        return Some("does a mail server run there, and on this port?");
    }
    if said(&["lookup address", "name or service not known", "no such host", "nodename nor servname"]) {
        return Some("is the host's name right?");
    }
    if said(&["unreachable"]) {
        return Some("is there a way from this machine to the host?");
    }
    if said(&["timed out", "timeout"]) {
        return silent(server, MailStage::Connect);
    }
    None
}

fn silent(server: &MailServer, stage: MailStage) -> Option<&'static str> {
    match (stage, server.security) {
        (MailStage::Connect, Security::StartTls | Security::Plain) => Some(
            "is the port open in the firewall? a port that speaks TLS at once, as 465 mostly does, needs smtps://",
        ),
        (MailStage::Connect, Security::Tls) => Some("is the port right, and open in the firewall?"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_trouble_that_a_person_can_end_says_how() {
        use MailStage::{Auth, Connect, Mail, Rcpt, Tls};
        use StageFailure::{Failed, Refused, Silence};
        let cases = [
            ("smtp://h", Connect, Failed, "Connection refused (os error 111)", "on this port?"),
            (
                "smtp://h",
                Connect,
                Failed,
                "failed to lookup address information: Name or service not known",
                "name right",
            ),
            ("smtp://h", Connect, Failed, "Network is unreachable (os error 101)", "a way from this machine"),
            ("smtp://h:465", Connect, Silence, "", "needs smtps://"),
            ("smtps://h", Connect, Silence, "", "firewall"),
            ("smtp://h", Connect, Failed, "deadline has elapsed: timed out", "firewall"),
            ("smtp://h", Tls, Failed, "invalid peer certificate: UnknownIssuer", "`.ca_file(..)`"),
            (
                "smtps://h",
                Connect,
                Failed,
                "invalid peer certificate: certificate not valid for name \"h\"",
                "as its certificate",
            ),
            (
                "smtps://h",
                Connect,
                Failed,
                "invalid peer certificate: certificate expired: verification time 1",
                "renew",
            ),
            (
                "smtps://h:25",
                Connect,
                Failed,
                "received corrupt message of type InvalidContentType",
                "use smtp://",
            ),
            (
                "smtp+plain://h",
                Auth,
                Failed,
                "No compatible authentication mechanism was found",
                "without TLS",
            ),
            (
                "smtp://localhost",
                Auth,
                Failed,
                "No compatible authentication mechanism was found",
                "no STARTTLS",
            ),
            ("smtps://h", Auth, Failed, "No compatible authentication mechanism was found", "submission"),
            ("smtp://h", Auth, Refused(535), "5.7.8 bad credentials", "the right user and password"),
            ("smtp://h", Auth, Refused(534), "5.7.9 application-specific password required", "app password"),
            ("smtp+plain://h", Mail, Refused(530), "5.7.0 Must issue a STARTTLS command first", "TLS first"),
            ("smtp+plain://h", Auth, Refused(538), "5.7.11 Encryption required", "TLS first"),
            ("smtp://h", Mail, Refused(530), "5.7.0 Authentication required", "wants a login"),
            ("smtp://h", Mail, Refused(553), "5.1.8 sender domain not found", "`from`"),
            ("smtp://h", Rcpt, Refused(554), "5.7.1 Relay access denied", "want a login"),
            (
                "smtp://h",
                Rcpt,
                Refused(504),
                "5.5.2 <shop>: Helo command rejected: need fqdn",
                "`hello_name`",
            ),
            ("smtp://h", Rcpt, Refused(554), "5.7.1 <shop>: Helo command rejected", "`hello_name`"),
            ("smtp://h", Mail, Refused(550), "5.7.1 EHLO name is wrong", "`hello_name`"),
            ("smtp://h", Connect, Refused(501), "5.5.4 invalid argument", "`hello_name`"),
            ("smtp://h", Connect, Refused(554), "5.7.1 no service for you", "`hello_name`"),
            ("smtp://a:b@h", Rcpt, Refused(554), "5.7.1 Relay access denied", "may this login"),
        ];
        for (url, stage, trouble, text, part) in cases {
            let said = advice(&MailServer::parse(url).unwrap(), stage, trouble, text);
            assert!(said.is_some_and(|said| said.contains(part)), "{url} {stage} {text}: {said:?}");
        }
    }

    #[test]
    fn what_passes_by_itself_gets_no_advice() {
        let server = MailServer::parse("smtp://h").unwrap();
        for (stage, trouble, text) in [
            (MailStage::Rcpt, StageFailure::Refused(451), "4.7.1 greylisted"),
            (MailStage::Auth, StageFailure::Refused(454), "4.7.0 Temporary authentication failure"),
            (MailStage::Mail, StageFailure::Refused(552), "5.3.4 Message size exceeds fixed limit"),
            (MailStage::Dot, StageFailure::Silence, ""),
            (MailStage::Data, StageFailure::Failed, "connection reset by peer"),
        ] {
            assert_eq!(advice(&server, stage, trouble, text), None, "{stage} {text}");
        }
    }
}
