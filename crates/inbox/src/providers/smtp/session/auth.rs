//! AUTH PLAIN and LOGIN (RFC 4954, RFC 4616).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Effect, Phase, Session, reply};
use crate::demo::Demo;

const NOT_BASE64: &str = "501 5.5.2 not Base64";

impl Session {
    pub(super) fn auth(&mut self, mechanism: &str, initial: Option<String>) -> Vec<Effect> {
        if !self.secure && !self.rules.plaintext {
            return vec![reply("538 5.7.11 Encryption required for requested authentication mechanism")];
        }
        if !self.extended || !self.offers("AUTH") {
            return vec![reply("503 5.5.1 AUTH is not offered")];
        }
        if self.user.is_some() || self.mail.is_some() {
            return vec![reply("503 5.5.1 not now")];
        }
        match (mechanism, initial) {
            ("PLAIN", Some(initial)) => self.auth_plain(&initial),
            ("PLAIN", None) => self.ask(Phase::AuthPlain, "334 "),
            ("LOGIN", None) => self.ask(Phase::AuthLoginUser, "334 VXNlcm5hbWU6"),
            ("LOGIN", Some(user)) => self.auth_login_user(&user),
            _ => vec![reply("504 5.5.4 Unrecognized authentication type")],
        }
    }

    pub(super) fn auth_response(&mut self, line: &str) -> Vec<Effect> {
        let phase = std::mem::replace(&mut self.phase, Phase::Command);
        if line == "*" {
            return vec![reply("501 5.7.0 Authentication aborted")];
        }
        match phase {
            Phase::AuthPlain => self.auth_plain(line),
            Phase::AuthLoginUser => self.auth_login_user(line),
            Phase::AuthLoginPassword(user) => match decode(line) {
                Some(password) => self.judge_credentials(&user, &password),
                None => vec![reply(NOT_BASE64)],
            },
            Phase::Command | Phase::Data => Vec::new(),
        }
    }

    pub(super) fn ask(&mut self, phase: Phase, challenge: &str) -> Vec<Effect> {
        self.phase = phase;
        vec![reply(challenge)]
    }

    /// RFC 4616: authorization identity, NUL, user, NUL, password.
    pub(super) fn auth_plain(&mut self, response: &str) -> Vec<Effect> {
        let Some(text) = decode(response) else { return vec![reply(NOT_BASE64)] };
        let mut parts = text.split('\0');
        match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(_), Some(user), Some(password), None) => self.judge_credentials(user, password),
            _ => vec![reply("501 5.5.2 malformed PLAIN response")],
        }
    }

    pub(super) fn auth_login_user(&mut self, response: &str) -> Vec<Effect> {
        match decode(response) {
            Some(user) => self.ask(Phase::AuthLoginPassword(user), "334 UGFzc3dvcmQ6"),
            None => vec![reply(NOT_BASE64)],
        }
    }

    pub(super) fn judge_credentials(&mut self, user: &str, password: &str) -> Vec<Effect> {
        if user == Demo::SMTP_USER && password == Demo::SMTP_PASSWORD {
            self.user = Some(user.to_owned());
            return vec![reply("235 2.7.0 Authentication successful")];
        }
        vec![reply("535 5.7.8 Authentication credentials invalid")]
    }
}

fn decode(line: &str) -> Option<String> {
    String::from_utf8(STANDARD.decode(line).ok()?).ok()
}
