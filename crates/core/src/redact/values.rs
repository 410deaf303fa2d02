//! The scanner: one pass over the bytes of a text, masking what is a secret by its name or by its shape.
//!
//! Written by hand, because core has no dependency that could do it: a set of regular expressions would cost every
//! program a regex engine, would pass over each text once per rule, and cannot follow nested quotes and brackets.
//! The pass stops only at the bytes of `triggers`, looks back at most [`REACH`] bytes for a name, and looks ahead
//! either within a bound or over what it then masks, so that its time is linear in the text.
//!
//! It changes nothing in its own output: a value that is the mask is stepped over just as the secret was, and what
//! stands before a masked value is never looked at again (`floor`).

use std::borrow::Cow;

use super::known::Known;
use super::names::Names;
use super::triggers::first_trigger;
use super::{MASK, shapes};

/// How far the scanner looks back for a name, and ahead for the next one, in bytes.
pub(super) const REACH: usize = 96;

/// How far it looks for the `@` behind a password that holds a character which ends an authority (`/`, `?`, `#`).
const LONG_PASSWORD: usize = 256;

/// Masks the secrets of `text`. Of a `cut` text the end is taken for a secret where it could be the start of one.
pub(super) fn mask<'t>(names: &Names, text: &'t str, cut: bool) -> Cow<'t, str> {
    // Most texts have nothing that could begin a secret: the scanner is not even set up for them.
    let Some(at) = first_trigger(text.as_bytes()) else { return Cow::Borrowed(text) };
    let bytes = Bytes { bytes: text.as_bytes(), cut };
    let mut scan = Scan {
        names,
        text,
        bytes,
        known: Known::default(),
        brackets: None,
        at,
        floor: 0,
        userinfo: None,
        out: String::new(),
    };
    while scan.step() {}
    if scan.floor == 0 {
        return Cow::Borrowed(text);
    }
    scan.out.push_str(text.get(scan.floor..).unwrap_or_default());
    Cow::Owned(scan.out)
}

/// The bytes of a text, with accessors that never fail: behind the end stands 0.
#[derive(Clone, Copy)]
pub(super) struct Bytes<'t> {
    bytes: &'t [u8],
    pub(super) cut: bool,
}

impl<'t> Bytes<'t> {
    pub(super) fn len(self) -> usize {
        self.bytes.len()
    }

    pub(super) fn at(self, at: usize) -> u8 {
        self.bytes.get(at).copied().unwrap_or(0)
    }

    /// The byte before `at`; at the end of a masked value, which is the floor, the last byte of the mask.
    pub(super) fn before(self, at: usize, floor: usize) -> u8 {
        match at.checked_sub(1) {
            Some(before) if at > floor => self.at(before),
            Some(_) => b']',
            None => 0,
        }
    }

    pub(super) fn slice(self, start: usize, end: usize) -> &'t [u8] {
        self.bytes.get(start..end).unwrap_or_default()
    }

    pub(super) fn run(self, from: usize, test: impl Fn(u8) -> bool) -> usize {
        let rest = self.bytes.get(from..).unwrap_or_default();
        from + rest.iter().position(|byte| !test(*byte)).unwrap_or(rest.len())
    }

    pub(super) fn starts_with(self, at: usize, pattern: &[u8]) -> bool {
        self.bytes.get(at..).is_some_and(|rest| rest.starts_with(pattern))
    }

    pub(super) fn starts_with_any_case(self, at: usize, pattern: &[u8]) -> bool {
        self.slice(at, at + pattern.len()).eq_ignore_ascii_case(pattern)
    }

    /// The first place of `pattern` that ends before `to`.
    pub(super) fn find(self, from: usize, to: usize, pattern: &[u8]) -> Option<usize> {
        let range = self.bytes.get(from..to.min(self.len()))?;
        range.windows(pattern.len()).position(|window| window == pattern).map(|place| from + place)
    }

    pub(super) fn is_mask(self, start: usize, end: usize) -> bool {
        self.slice(start, end) == MASK.as_bytes()
    }
}

pub(super) fn is_base64url(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'
}

pub(super) fn is_blank(byte: u8) -> bool {
    byte <= b' ' || byte == 0x7f
}

/// What ends an URL's authority.
fn ends_authority(byte: u8) -> bool {
    is_blank(byte) || matches!(byte, b'/' | b'?' | b'#' | b'"' | b'\'' | b'<' | b'>' | b'`' | b'\\')
}

/// The scanner's state.
pub(super) struct Scan<'t> {
    pub(super) names: &'t Names,
    text: &'t str,
    pub(super) bytes: Bytes<'t>,
    /// What was found about names of this text; in JSON the same ones come again and again.
    pub(super) known: Known,
    /// Whether there is a bracket that a tuple could begin with, once that was looked for.
    brackets: Option<bool>,
    /// The next byte to look at.
    pub(super) at: usize,
    /// The end of the last masked value, up to which `out` is written.
    pub(super) floor: usize,
    /// The credentials of the URL that the scanner is in.
    userinfo: Option<Userinfo>,
    out: String,
}

#[derive(Clone, Copy)]
struct Userinfo {
    /// Where the scanner acts: at the colon or the start of what is masked.
    from: usize,
    start: usize,
    end: usize,
    masked: bool,
}

impl Scan<'_> {
    pub(super) fn has_brackets(&mut self) -> bool {
        let text = self.text;
        *self.brackets.get_or_insert_with(|| text.contains('('))
    }

    /// Masks from `start` to `end` and goes on behind.
    pub(super) fn mask(&mut self, start: usize, end: usize) {
        self.mask_as(start, end, |out| out.push_str(MASK));
    }

    pub(super) fn mask_as(&mut self, start: usize, end: usize, write: impl Fn(&mut String)) {
        self.out.push_str(self.text.get(self.floor..start).unwrap_or_default());
        write(&mut self.out);
        self.floor = end;
        self.at = end;
    }

    /// Goes to the next place of interest; says whether there is more.
    fn step(&mut self) -> bool {
        if let Some(userinfo) = self.userinfo
            && self.at >= userinfo.from
        {
            self.userinfo = None;
            self.leave_userinfo(userinfo);
            return true;
        }
        let until = self.userinfo.map_or(self.bytes.len(), |userinfo| userinfo.from);
        let ahead = self.bytes.slice(self.at, until);
        let Some(steps) = first_trigger(ahead) else {
            self.at = until;
            return self.userinfo.is_some();
        };
        self.at += steps;
        let was = self.at;
        match self.bytes.at(was) {
            b':' if self.url() => {}
            b':' => self.pair(1),
            b'=' => self.pair(1),
            b'%' if self.bytes.starts_with_any_case(was, b"%3D") => self.pair(3),
            b',' => self.tuple(),
            b'>' => self.element(),
            b'-' => self.dash(),
            b'_' | b'.' => self.prefixed(),
            b'/' => self.path(),
            b'I' => self.cloud_key(),
            b'J' => self.jwt(),
            b'B' | b'b' => self.scheme(),
            byte if byte.is_ascii_digit() => self.number(),
            _ => {}
        }
        if self.at == was {
            self.at += 1;
        }
        true
    }

    fn leave_userinfo(&mut self, userinfo: Userinfo) {
        let Userinfo { start, end, masked, .. } = userinfo;
        if self.at > end {
            return;
        }
        if !masked {
            self.at = end;
        } else if self.floor > start {
            // Something else was masked into it: that mask stands for all of it.
            self.floor = end;
            self.at = end;
        } else {
            self.mask(start, end);
        }
    }

    /// `scheme://user:password@host`: keeps the user and the host. A lone user that looks like a token goes too.
    fn url(&mut self) -> bool {
        let slashes: &[u8] = if self.bytes.at(self.at + 1) == b'\\' { br"\/\/" } else { b"//" };
        if !self.bytes.starts_with(self.at + 1, slashes) {
            return false;
        }
        let start = self.at + 1 + slashes.len();
        self.at = start;
        let mut end = self.bytes.run(start, |byte| !ends_authority(byte));
        let mut at_sign = self.last_at_sign(start, end);
        let colon = self.bytes.slice(start, at_sign.unwrap_or(end)).iter().position(|byte| *byte == b':');
        let colon = colon.map(|colon| start + colon);
        if let (None, Some(colon)) = (at_sign, colon)
            && self.bytes.at(start) != b'['
            && (self.is_cut(end) || !self.bytes.slice(colon + 1, end).iter().all(u8::is_ascii_digit))
        {
            // No port: the start of a password, which goes on behind a slash or is cut by the end.
            let far = self.bytes.len().min(end + LONG_PASSWORD);
            let stop = |byte: &u8| is_blank(*byte) || matches!(byte, b'"' | b'\'' | b'<' | b'>' | b'[');
            let rest = self.bytes.slice(end, far);
            let rest_end = end + rest.iter().position(stop).unwrap_or(rest.len());
            at_sign = self.last_at_sign(end, rest_end);
            // What was masked behind the user was no password.
            let masked = self.bytes.find(colon + 1, end, MASK.as_bytes()).is_some();
            if at_sign.is_none() && end == self.bytes.len() && colon + 1 < end && !masked {
                at_sign = Some(end);
            }
            end = at_sign.unwrap_or(end);
        }
        let Some(at_sign) = at_sign.filter(|at_sign| *at_sign <= end) else { return true };
        let password = colon.filter(|colon| colon + 1 < at_sign);
        let (from, start) = password.map_or((start, start), |colon| (colon, colon + 1));
        let userinfo = self.bytes.slice(start, at_sign);
        let long = userinfo.len() >= 20 && userinfo.iter().any(u8::is_ascii_digit);
        let masked = (password.is_some() || long) && !self.bytes.is_mask(start, at_sign);
        // A user without a password is looked at like other text.
        if masked || password.is_some() {
            self.userinfo = Some(Userinfo { from, start, end: at_sign, masked });
        }
        true
    }

    fn last_at_sign(&self, start: usize, end: usize) -> Option<usize> {
        self.bytes.slice(start, end).iter().rposition(|byte| *byte == b'@').map(|place| start + place)
    }

    pub(super) fn is_cut(&self, end: usize) -> bool {
        self.bytes.cut && end == self.bytes.len()
    }

    fn dash(&mut self) {
        if self.bytes.at(self.at + 1) == b'-' {
            if let Some(end) = shapes::pem(self.bytes, self.at) {
                return self.mask(self.at, end);
            }
            self.flag();
        } else {
            self.prefixed();
        }
    }

    fn prefixed(&mut self) {
        if let Some((start, end)) = shapes::prefixed(self.bytes, self.at, self.floor) {
            self.mask(start, end);
        }
    }

    fn cloud_key(&mut self) {
        if let Some((start, end)) = shapes::cloud_key(self.bytes, self.at, self.floor) {
            self.mask(start, end);
        }
    }

    fn jwt(&mut self) {
        let Some(start) = self.at.checked_sub(2).filter(|start| *start >= self.floor) else { return };
        if self.bytes.starts_with(start, b"ey")
            && !is_base64url(self.bytes.before(start, self.floor))
            && let Some(end) = shapes::jwt(self.bytes, start)
        {
            self.mask(start, end);
        }
    }

    /// `Bearer` and `Basic` with what follows.
    fn scheme(&mut self) {
        let (start, bytes) = (self.at, self.bytes);
        if bytes.before(start, self.floor).is_ascii_alphanumeric() {
            return;
        }
        let (word, basic) = if bytes.starts_with_any_case(start, b"bearer") {
            (start + 6, false)
        } else if bytes.starts_with_any_case(start, b"basic") {
            (start + 5, true)
        } else {
            return;
        };
        let token = if bytes.starts_with(word, b"%20") {
            word + 3
        } else {
            bytes.run(word, |byte| byte == b' ' || byte == b'\t')
        };
        if token == word {
            return;
        }
        // Of prose nothing is consumed: what is looked at must end before the next scheme can begin.
        let (kept, end, prose) = if basic {
            let end = bytes.run(token, |byte| is_base64url(byte) || matches!(byte, b'+' | b'/' | b'='));
            (false, end, !shapes::is_basic(bytes.slice(token, end), end == bytes.len()))
        } else {
            let (kept, end) = self.word(token);
            (kept, end, shapes::is_bearer_prose(bytes.slice(token, end), bytes.at(start) == b'B'))
        };
        if kept {
            self.at = end;
            return;
        }
        if end == token {
            return;
        }
        if !prose {
            self.mask(token, end);
        }
    }

    /// Paths that hold the secret of a webhook or a bot.
    fn path(&mut self) {
        const HOOKS: [(&[u8], &[u8]); 4] = [
            (b".slack.com", b"/services/"),
            (b".slack.com", b"/workflows/"),
            (b".slack.com", b"/triggers/"),
            (b"", b"/api/webhooks/"),
        ];
        let (at, bytes) = (self.at, self.bytes);
        if bytes.starts_with(at, b"/bot") {
            let id = bytes.run(at + 4, |byte| byte.is_ascii_digit());
            let known = self.host_ends_with(b"api.telegram.org");
            let end = bytes.run(at + 4, |byte| is_base64url(byte) || byte == b':');
            if end > at + 4 && (known || (id > at + 4 && bytes.at(id) == b':')) {
                self.mask(at + 4, end);
            }
            return;
        }
        let found =
            HOOKS.iter().find(|(host, path)| bytes.starts_with(at, path) && self.host_ends_with(host));
        if let Some((_, path)) = found {
            let start = at + path.len();
            let end = bytes.run(start, |byte| is_base64url(byte) || matches!(byte, b'/' | b'%'));
            if end > start {
                self.mask(start, end);
            }
        }
    }

    fn host_ends_with(&self, host: &[u8]) -> bool {
        let start = self.at.checked_sub(host.len()).filter(|start| *start >= self.floor);
        start.is_some_and(|start| self.bytes.starts_with(start, host))
    }

    /// Card numbers, and the `digits:secret` of a Telegram bot.
    fn number(&mut self) {
        let (start, bytes) = (self.at, self.bytes);
        let end = bytes.run(start, |byte| byte.is_ascii_digit());
        if bytes.at(end) == b':' && (6..=12).contains(&(end - start)) {
            let secret = bytes.run(end + 1, is_base64url);
            if secret - end > 30 || (secret - end > 3 && self.is_cut(secret)) {
                return self.mask(start, secret);
            }
        }
        match shapes::card(bytes, start, self.floor) {
            Some(end) => self.mask(start, end),
            None => self.at = end,
        }
    }
}
