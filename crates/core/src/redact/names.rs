//! Which names hide a secret.
//!
//! A name is split into whole words at every character that is no ASCII letter or digit, between letters and digits,
//! and at camelCase humps. A word decides, never a part of one: `author` is not `auth`, `monkey` is not `key`.
//! `key`, `auth`, `pass`, `code` and other everyday words decide only together with the word before them.

use super::words::{Word, words};

/// How far an unquoted value reaches that stands behind the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Extent {
    /// One run of non-blank characters.
    Word,
    /// Words up to the end of the line, or to the next name, bracket or divider. No name has it by itself.
    Phrase,
    /// The rest of the line: headers, cookies, passphrases and connection strings contain blanks.
    Line,
}

/// The rules for names: the built-in table, and what the program added or let pass.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    added: Vec<Vec<Word>>,
    allowed: Vec<Vec<Word>>,
}

impl Names {
    pub(super) fn add(&mut self, name: &str) {
        push_words(&mut self.added, name);
    }

    pub(super) fn allow(&mut self, name: &str) {
        push_words(&mut self.allowed, name);
    }

    /// Says whether the value behind `name` is a secret, and how far it reaches.
    pub(super) fn judge(&self, name: &[u8]) -> Option<Extent> {
        let verdict = built_in(name).or_else(|| self.is_added(name).then_some(Extent::Word))?;
        (!self.is_allowed(name)).then_some(verdict)
    }

    /// Judges the last word of a run of blank-separated words by the words before it (`your api key`).
    ///
    /// `alone` is the verdict on the last name by itself.
    pub(super) fn judge_phrase(&self, phrase: &[u8], alone: Option<Extent>) -> Option<Extent> {
        let (mut prior, mut before, mut last) = (Word::EMPTY, Word::EMPTY, Word::EMPTY);
        for word in words(phrase) {
            (prior, before, last) = (before, last, word);
        }
        if alone.is_some() {
            let cleared = single(Word::EMPTY, last).is_some() && single(before, last).is_none();
            return alone.filter(|_| !cleared);
        }
        let tail = [prior, before, last];
        let is_tail = |name: &Vec<Word>| name.len() > 1 && tail.ends_with(name);
        let verdict = compound(prior, before, last)
            .or_else(|| self.added.iter().any(is_tail).then_some(Extent::Word))?;
        (!self.allowed.iter().any(is_tail)).then_some(verdict)
    }

    fn is_added(&self, name: &[u8]) -> bool {
        if self.added.is_empty() {
            return false;
        }
        let name: Vec<Word> = words(name).collect();
        self.added.iter().any(|added| name.windows(added.len()).any(|run| run == added.as_slice()))
    }

    /// A name passes as a whole, or by its last dotted segment (`request.session_id` by `session_id`).
    fn is_allowed(&self, name: &[u8]) -> bool {
        let last = name.rsplit(|byte| *byte == b'.').next().unwrap_or(name);
        self.allowed.iter().any(|allowed| {
            let allowed = || allowed.iter().copied();
            words(name).eq(allowed()) || words(last).eq(allowed())
        })
    }
}

fn push_words(list: &mut Vec<Vec<Word>>, name: &str) {
    let name: Vec<Word> = words(name.as_bytes()).collect();
    if !name.is_empty() && !list.contains(&name) {
        list.push(name);
    }
}

fn built_in(name: &[u8]) -> Option<Extent> {
    let mut found = None;
    let mut first = Word::EMPTY;
    let (mut prior, mut before) = (Word::EMPTY, Word::EMPTY);
    let mut count = 0_usize;
    for word in words(name).filter(|word| !word.is_number()) {
        if count == 0 {
            first = word;
        }
        count += 1;
        found = found.max(single(before, word)).max(compound(prior, before, word));
        (prior, before) = (before, word);
    }
    let last = before;
    if count == 1 && matches!(last.get(), b"pass" | b"pin" | b"sig") {
        return Some(Extent::Word);
    }
    if count > 1 && (is_measure(last) || is_question(first) || (count == 2 && is_token_url(first, last))) {
        return None;
    }
    found
}

/// A word that is a secret wherever it stands, unless the word before it says otherwise.
fn single(before: Word, word: Word) -> Option<Extent> {
    let extent = match word.get() {
        b"authorization" | b"cookie" | b"cookies" | b"passphrase" | b"passphrases" | b"mnemonic" | b"dsn"
        | b"setcookie" | b"connectionstring" | b"connstring" | b"connstr" => Extent::Line,
        b"password"
        | b"passwords"
        | b"passwd"
        | b"passwds"
        | b"pwd"
        | b"pwds"
        | b"pw"
        | b"passcode"
        | b"passcodes"
        | b"passwort"
        | b"kennwort"
        | b"senha"
        | b"secret"
        | b"secrets"
        | b"credential"
        | b"credentials"
        | b"creds"
        | b"cred"
        | b"jwt"
        | b"jwts"
        | b"bearer"
        | b"otp"
        | b"totp"
        | b"hotp"
        | b"cvv"
        | b"cvc"
        | b"csc"
        | b"cvn"
        | b"ssn"
        | b"iban"
        | b"csrf"
        | b"xsrf"
        | b"hmac"
        | b"signatures"
        | b"htpasswd"
        | b"pgpass"
        | b"userpass"
        | b"dbpass"
        | b"cardnumber"
        | b"cardno"
        | b"cardnum"
        | b"ccnumber"
        | b"ccnum"
        | b"creditcard"
        | b"sessionid"
        | b"sessionkey"
        | b"phpsessid"
        | b"jsessionid"
        | b"sessid"
        | b"csrfmiddlewaretoken"
        | b"stripetoken"
        | b"idtoken"
        | b"usertoken"
        | b"bottoken"
        | b"xauth"
        | b"webhooksecret" => Extent::Word,
        b"signature" => match before.get() {
            b"function" | b"fn" | b"method" | b"type" | b"call" | b"time" | b"trait" => return None,
            _ => Extent::Word,
        },
        b"token" | b"tokens" => match before.get() {
            // Cursors, parsers, and the counters of language models.
            b"page" | b"next" | b"continuation" | b"cancellation" | b"cancel" | b"unexpected"
            | b"expected" | b"eos" | b"bos" | b"pad" | b"stop" | b"max" | b"min" | b"total" | b"prompt"
            | b"completion" | b"input" | b"output" | b"reasoning" | b"cached" | b"used" | b"remaining"
            | b"syntax" => return None,
            _ => Extent::Word,
        },
        // Run-together spellings (`PGPASSWORD`, `myapikey`); no English word ends so.
        [.., b'o', b'r', b'd']
        | [.., b'w', b'd']
        | [.., b'a', b's', b'e']
        | [.., b'e', b'y']
        | [.., b'e', b'y', b's']
        | [.., b'k', b'e', b'n']
        | [.., b'r', b'e', b't'] => {
            let ends = |tail: &&[u8]| word.get().ends_with(tail);
            return GLUED.iter().any(ends).then_some(Extent::Word);
        }
        _ => return None,
    };
    Some(extent)
}

/// Looked up for words with these last letters only: see the last arm of [`single`].
const GLUED: [&[u8]; 15] = [
    b"password",
    b"passwd",
    b"passphrase",
    b"apikey",
    b"apikeys",
    b"accesskey",
    b"secretkey",
    b"privatekey",
    b"authkey",
    b"authtoken",
    b"accesstoken",
    b"refreshtoken",
    b"apitoken",
    b"sessiontoken",
    b"clientsecret",
];

/// An everyday word that is a secret together with the word before it.
fn compound(prior: Word, before: Word, word: Word) -> Option<Extent> {
    let before = before.get();
    let found = match word.get() {
        b"key" | b"keys" => matches!(
            before,
            b"api"
                | b"access"
                | b"secret"
                | b"private"
                | b"priv"
                | b"auth"
                | b"encryption"
                | b"encrypt"
                | b"decryption"
                | b"signing"
                | b"sign"
                | b"master"
                | b"session"
                | b"ssh"
                | b"gpg"
                | b"pgp"
                | b"account"
                | b"service"
                | b"shared"
                | b"client"
                | b"app"
                | b"application"
                | b"webhook"
                | b"license"
                | b"licence"
                | b"subscription"
                | b"stripe"
                | b"hmac"
                | b"aes"
                | b"rsa"
                | b"cipher"
                | b"crypto"
                | b"deploy"
                | b"root"
                | b"admin"
                | b"wrapping"
                | b"server"
                | b"recovery"
                | b"bot"
                | b"integration"
                | b"tls"
                | b"ssl"
        ),
        // `APIkey`, split at its hump.
        b"ikey" => before == b"ap",
        b"auth" => matches!(before, b"basic" | b"proxy" | b"http" | b"digest"),
        b"pass" => matches!(
            before,
            b"db"
                | b"database"
                | b"user"
                | b"smtp"
                | b"mail"
                | b"email"
                | b"imap"
                | b"ftp"
                | b"ssh"
                | b"mysql"
                | b"pg"
                | b"postgres"
                | b"redis"
                | b"admin"
                | b"root"
                | b"proxy"
                | b"auth"
                | b"http"
                | b"login"
        ),
        b"word" => before == b"pass",
        b"phrase" => {
            let found = matches!(before, b"pass" | b"seed" | b"mnemonic" | b"recovery");
            return found.then_some(Extent::Line);
        }
        b"string" | b"str" => {
            let found = matches!(before, b"connection" | b"conn" | b"auth");
            return found.then_some(Extent::Line);
        }
        b"code" | b"codes" => matches!(
            before,
            b"pass"
                | b"auth"
                | b"access"
                | b"security"
                | b"verification"
                | b"recovery"
                | b"backup"
                | b"mfa"
                | b"otp"
        ),
        b"header" => {
            let found = before == b"auth";
            return found.then_some(Extent::Line);
        }
        b"hash" | b"data" | b"digest" => before == b"auth",
        b"id" => before == b"session",
        b"sid" => before == b"connect",
        b"pin" => matches!(before, b"card" | b"user" | b"sim" | b"atm" | b"upi" | b"account"),
        b"sig" => matches!(before, b"req" | b"request" | b"x"),
        b"card" => matches!(before, b"credit" | b"debit"),
        b"number" | b"no" | b"num" => match before {
            b"card" | b"cc" | b"passport" => true,
            b"security" => prior.get() == b"social",
            _ => false,
        },
        b"response" => before == b"saml",
        b"assertion" => matches!(before, b"saml" | b"client"),
        b"url" => before == b"webhook",
        b"webhook" => matches!(before, b"slack" | b"discord" | b"teams"),
        b"material" => before == b"key",
        _ => false,
    };
    found.then_some(Extent::Word)
}

/// A last word that makes the name speak about a secret instead of holding it (`token_count`, `password_changed_at`).
fn is_measure(last: Word) -> bool {
    matches!(
        last.get(),
        b"count" | b"len" | b"length" | b"size" | b"limit" | b"type" | b"kind" | b"policy" | b"strength" | b"attempt"
            | b"attempts" | b"retries" | b"enabled" | b"disabled" | b"required" | b"valid" | b"present" | b"version"
            | b"algorithm" | b"alg" | b"bucket" | b"buckets" | b"bytes" | b"ms" | b"secs" | b"seconds" | b"minutes"
            | b"hours" | b"days" | b"index" | b"usage" | b"budget" | b"rate" | b"endpoint" | b"banner" | b"consent"
            | b"domain" | b"path" | b"file" | b"dir" | b"name" | b"names" | b"status" | b"issuer" | b"audience"
            | b"scope" | b"scopes" | b"provider" | b"rotation" | b"requirements" | b"manager" | b"at" | b"in" | b"age"
            | b"ttl" | b"expires" | b"expired" | b"expiry" | b"expiration" | b"changed"
            // The name of a source file.
            | b"rs" | b"py" | b"js" | b"ts" | b"go" | b"java" | b"rb" | b"php" | b"cpp" | b"html"
    )
}

/// A first word that makes the name a question or a number (`has_password`, `max_password_age`).
fn is_question(first: Word) -> bool {
    matches!(
        first.get(),
        b"is"
            | b"has"
            | b"had"
            | b"needs"
            | b"requires"
            | b"should"
            | b"num"
            | b"max"
            | b"min"
            | b"total"
            | b"without"
    )
}

/// `token_url` of OAuth is an address; `reset_token_url` would carry the token itself.
fn is_token_url(first: Word, last: Word) -> bool {
    first.get() == b"token" && matches!(last.get(), b"url" | b"uri")
}
