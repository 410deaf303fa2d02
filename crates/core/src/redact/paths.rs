//! Rules by path: `request.headers.authorization` is a name below others, in the name of a field or in a structure that
//! a text shows.

use super::bytes::{Bytes, is_blank};
use super::ends::Ends;
use super::here::{Here, Key};
use super::rules::{Name, Rules, words_of};

/// One name of a path. `None` stands for any: `request.headers.*`.
type Step = Option<Name>;

/// A path, and whether it is masked or let pass.
#[derive(Clone, Debug, PartialEq)]
struct PathRule {
    steps: Vec<Step>,
    is_masked: bool,
}

/// The paths of one redactor.
#[derive(Clone, Debug, Default)]
pub(super) struct Paths {
    rules: Vec<PathRule>,
    /// The beginnings of the paths, the longest first: a field of such a name may hold the rest in its value.
    beginnings: Vec<Vec<Step>>,
}

/// A name in the text that a path decides on: its start, and whether its value is masked.
pub(super) type Decided = (usize, bool);

/// How many brackets are followed downwards. Deeper ones are not part of a path.
const DEEPEST: usize = 64;

impl Paths {
    pub(super) fn add(&mut self, path: &str, is_masked: bool) {
        let steps: Vec<Step> = path.split('.').filter(|name| !name.is_empty()).filter_map(step).collect();
        let rule = PathRule { steps, is_masked };
        if rule.steps.iter().all(Option::is_none) || self.rules.contains(&rule) {
            return;
        }
        for end in 1..rule.steps.len() {
            let beginning = rule.steps.get(..end).unwrap_or_default().to_vec();
            if !self.beginnings.contains(&beginning) {
                self.beginnings.push(beginning);
            }
        }
        self.beginnings.sort_by_key(|beginning| std::cmp::Reverse(beginning.len()));
        self.rules.push(rule);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Judges a dotted name: whether it is masked, if a path decides. What passes goes before what is masked.
    pub(super) fn judge(&self, name: &[u8]) -> Option<bool> {
        if self.rules.is_empty() {
            return None;
        }
        self.decide(&split(name))
    }

    /// The place of the longest beginning that a name ends with, plus one; 0 if there is none.
    pub(super) fn beginning_at(&self, name: &[u8]) -> u8 {
        if self.beginnings.is_empty() {
            return 0;
        }
        let names = split(name);
        let place = self.beginnings.iter().position(|beginning| ends_with(&names, beginning));
        // Beyond the last place stands none: its paths then begin in the value.
        place.and_then(|place| u8::try_from(place + 1).ok()).unwrap_or(0)
    }

    fn decide(&self, names: &[Name]) -> Option<bool> {
        let mut decided = None;
        for rule in self.rules.iter().filter(|rule| ends_with(names, &rule.steps)) {
            if !rule.is_masked {
                return Some(false);
            }
            decided = Some(true);
        }
        decided
    }
}

/// Finds the names in a text that a path decides on, in their order: one pass, which follows brackets, quotes that hold
/// such, and indentation. `beginning` is that of the name of the field that holds the text.
pub(super) fn decided(rules: &Rules, text: Bytes<'_>, beginning: u8) -> Vec<Decided> {
    if rules.paths.is_empty() {
        return Vec::new();
    }
    let given = usize::from(beginning).checked_sub(1).and_then(|place| rules.paths.beginnings.get(place));
    // A name that was any is one that no rule names.
    let above = given.into_iter().flatten().map(|step| step.clone().unwrap_or_default());
    let mut walk = Walk {
        paths: &rules.paths,
        here: Here { rules, text, ends: Ends(text), floor: 0, paths: &[] },
        above: above.collect(),
        open: Vec::new(),
        deeper: 0,
        pending: None,
        decided: Vec::new(),
    };
    let mut at = 0;
    while at < text.len() {
        at = walk.step(at).max(at + 1);
    }
    walk.decided
}

struct Walk<'t> {
    paths: &'t Paths,
    here: Here<'t>,
    /// The names of the field.
    above: Vec<Name>,
    open: Vec<Open>,
    /// How many brackets are open beyond these.
    deeper: usize,
    /// The names of the last key, which has no value yet.
    pending: Option<(Vec<Name>, Key)>,
    decided: Vec<Decided>,
}

/// A bracket, a quote or a block that is open, and the names it stands under.
struct Open {
    names: Vec<Name>,
    kind: Kind,
}

#[derive(PartialEq)]
enum Kind {
    Bracket,
    /// A quoted value up to this place.
    Quoted(usize),
    /// Lines that are indented more than this.
    Block(usize),
}

impl Walk<'_> {
    fn step(&mut self, at: usize) -> usize {
        match self.here.text.at(at) {
            b'"' | b'\\' => self.quote(at),
            b'{' | b'[' | b'(' => {
                self.open(Kind::Bracket);
                at + 1
            }
            b'}' | b']' | b')' => {
                if self.deeper > 0 {
                    self.deeper -= 1;
                } else if let Some(place) = self.open.iter().rposition(|open| open.kind == Kind::Bracket) {
                    self.open.truncate(place);
                }
                self.pending = None;
                at + 1
            }
            b',' | b';' => {
                self.pending = None;
                at + 1
            }
            b'\n' => self.line(at + 1),
            b':' if self.here.text.at(at + 1) == b':' => at + 2,
            b':' | b'=' => {
                self.key(at);
                at + 1
            }
            _ => at + 1,
        }
    }

    fn open(&mut self, kind: Kind) {
        let names = self.pending.take().map(|(names, _)| names).unwrap_or_default();
        if self.open.len() < DEEPEST {
            self.open.push(Open { names, kind });
        } else if kind == Kind::Bracket {
            self.deeper += 1;
        }
    }

    /// A quote: a key is left to its separator, a value is passed over, unless it holds a structure.
    fn quote(&mut self, at: usize) -> usize {
        let text = self.here.text;
        let Some(quote) = self.here.ends.quote_at(at) else {
            return text.run(at, |byte| byte == b'\\').max(at + 1);
        };
        let content = at + quote.len();
        let closes = |open: &Open| matches!(open.kind, Kind::Quoted(end) if end <= at);
        if let Some(place) = self.open.iter().position(closes) {
            self.open.truncate(place);
            self.pending = None;
            return content;
        }
        let first = text.run(content, is_blank);
        if self.pending.is_some() && matches!(text.at(first), b'{' | b'[') {
            let end = self.here.ends.close(content, quote);
            self.open(Kind::Quoted(end));
            return first;
        }
        let end = if self.pending.is_some() {
            self.here.ends.close(content, quote)
        } else {
            // A key, or a text by itself: up to the next quote of its kind.
            text.run(content, |byte| byte != quote.mark && byte != b'\\')
        };
        match self.here.ends.quote_at(end) {
            Some(close) => end + close.len(),
            None => end.max(content),
        }
    }

    /// The start of a line: blocks that are not indented more are closed, and a name with nothing behind it opens one.
    fn line(&mut self, start: usize) -> usize {
        let text = self.here.text;
        let indent = |from: usize| text.run(from, |byte| byte == b' ' || byte == b'\t') - from;
        let is_in_bracket = self.open.last().is_some_and(|open| !matches!(open.kind, Kind::Block(_)));
        if is_in_bracket {
            return start;
        }
        let this = indent(start);
        if let Some((_, key)) = &self.pending {
            let begin = text.run_back(key.start, 0, |byte| byte != b'\n');
            let of_key = indent(begin);
            if this > of_key || (this == of_key && text.at(start + this) == b'-') {
                self.open(Kind::Block(of_key));
                return start;
            }
        }
        self.pending = None;
        while let Some(Open { kind: Kind::Block(of_key), .. }) = self.open.last()
            && this <= *of_key
            && text.at(start + this) != b'-'
        {
            self.open.pop();
        }
        start
    }

    fn key(&mut self, separator: usize) {
        let Some(key) = self.here.key_before(separator) else { return };
        let names = split(self.here.text.slice(key.start, key.end));
        let above = self.above.iter().chain(self.open.iter().flat_map(|open| &open.names));
        let path: Vec<Name> = above.chain(&names).cloned().collect();
        if let Some(is_masked) = self.paths.decide(&path) {
            self.decided.push((key.start, is_masked));
        }
        self.pending = Some((names, key));
    }
}

fn step(name: &str) -> Option<Step> {
    if name == "*" {
        return Some(None);
    }
    let words = words_of(name.as_bytes());
    (!words.is_empty()).then_some(Some(words))
}

/// The names of a dotted name.
fn split(name: &[u8]) -> Vec<Name> {
    name.split(|byte| *byte == b'.').map(words_of).filter(|words| !words.is_empty()).collect()
}

fn ends_with(names: &[Name], steps: &[Step]) -> bool {
    names.len() >= steps.len()
        && names
            .iter()
            .rev()
            .zip(steps.iter().rev())
            .all(|(name, step)| step.as_ref().is_none_or(|step| step == name))
}
