//! Read templates: pure, all mistakes at once, each with its place.

use super::{
    ValueName,
    spec::{Align, Sign, Spec},
};

/// A part of a template.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum TemplatePiece {
    Text(String),
    /// `pattern` is how a time is written: `{time:%H:%M}`.
    Value {
        name: ValueName,
        pattern: Option<String>,
        spec: Spec,
    },
}

/// No line is wider.
const WIDEST: usize = 1000;

#[derive(Default)]
struct Pieces {
    pieces: Vec<TemplatePiece>,
    mistakes: Vec<String>,
    values: usize,
}

impl Pieces {
    fn text(&mut self, char: char) {
        // A line break in a template is the author's; everything else that is a control character is a mistake.
        match self.pieces.last_mut() {
            Some(TemplatePiece::Text(text)) => text.push(char),
            _ => self.pieces.push(TemplatePiece::Text(char.to_string())),
        }
    }

    fn value(&mut self, name: &str, pattern: Option<String>, spec: Spec) {
        self.values += 1;
        self.pieces.push(TemplatePiece::Value { name: ValueName::of(name), pattern, spec });
    }

    fn mistake(&mut self, at: usize, what: impl Into<String>) {
        self.mistakes.push(format!("at character {}: {}", at + 1, what.into()));
    }

    fn end(mut self, example: &str) -> Result<Vec<TemplatePiece>, Vec<String>> {
        if self.values == 0 && self.mistakes.is_empty() {
            self.mistakes.push(format!("names nothing of a record; expected something like {example}"));
        }
        if self.mistakes.is_empty() { Ok(self.pieces) } else { Err(self.mistakes) }
    }
}

/// Reads `{name!r:spec}`, with `{{` and `}}` for braces.
pub(super) fn braces(text: &str) -> Result<Vec<TemplatePiece>, Vec<String>> {
    let chars: Vec<char> = text.chars().collect();
    let at = |place: usize| chars.get(place).copied();
    let mut out = Pieces::default();
    let mut place = 0;
    while let Some(char) = at(place) {
        match char {
            '{' | '}' if at(place + 1) == Some(char) => {
                out.text(char);
                place += 2;
            }
            '}' => {
                out.mistake(place, "`}` closes nothing; write `}}` for the character");
                place += 1;
            }
            '{' => {
                let rest = chars.get(place + 1..).unwrap_or_default();
                let Some(length) = rest.iter().position(|char| *char == '}') else {
                    out.mistake(place, "`{` is not closed; write `{{` for the character");
                    break;
                };
                let inside: String = rest.get(..length).unwrap_or_default().iter().collect();
                match brace_value(&inside) {
                    Ok((name, pattern, spec)) => out.value(name, pattern, spec),
                    Err(what) => out.mistake(place, what),
                }
                place += length + 2;
            }
            char => {
                out.text(char);
                place += 1;
            }
        }
    }
    out.end("{time} {level} {message}")
}

fn brace_value(inside: &str) -> Result<(&str, Option<String>, Spec), String> {
    let (head, spec_text) = inside.split_once(':').map_or((inside, ""), |(head, spec)| (head, spec));
    let (name, conversion) = match head.split_once('!') {
        Some((name, conversion)) => (name, Some(conversion)),
        None => (head, None),
    };
    if name.is_empty() || name.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(format!("`{{{inside}}}` names nothing; expected a name such as {{message}}"));
    }
    if let Some(odd) =
        name.chars().find(|char| !char.is_alphanumeric() && !matches!(char, '_' | '.' | '-' | '#'))
    {
        return Err(format!("`{odd}` cannot stand in the name `{name}`"));
    }
    if name == "time" && spec_text.contains('%') {
        check_strftime(spec_text)?;
        return Ok((name, Some(spec_text.to_owned()), Spec::default()));
    }
    let mut spec = brace_spec(spec_text)?;
    spec.conversion = match conversion {
        None => None,
        Some(known @ ("r" | "s" | "a")) => known.chars().next(),
        Some(other) => return Err(format!("conversion `!{other}` is unknown; expected !r, !s or !a")),
    };
    Ok((name, None, spec))
}

/// Reads `[[fill]align][sign][z][#][0][width][grouping][.precision][type]`.
fn brace_spec(text: &str) -> Result<Spec, String> {
    let chars: Vec<char> = text.chars().collect();
    let mut rest = chars.as_slice();
    let mut spec = Spec::default();
    let align = |char: char| match char {
        '<' => Some(Align::Left),
        '>' => Some(Align::Right),
        '^' => Some(Align::Center),
        '=' => Some(Align::Inner),
        _ => None,
    };
    match rest {
        [fill, sign, after @ ..] if align(*sign).is_some() => {
            if fill.is_control() {
                return Err(format!("a control character cannot fill, in `{text}`"));
            }
            spec.fill = Some(*fill);
            spec.align = align(*sign).unwrap_or_default();
            rest = after;
        }
        [sign, after @ ..] if align(*sign).is_some() => {
            spec.align = align(*sign).unwrap_or_default();
            rest = after;
        }
        _ => {}
    }
    let mut take = |wanted: &[char]| -> Option<char> {
        let (first, after) = rest.split_first()?;
        wanted.contains(first).then(|| {
            rest = after;
            *first
        })
    };
    spec.sign = match take(&['+', '-', ' ']) {
        Some('+') => Sign::Plus,
        Some(' ') => Sign::Space,
        _ => Sign::Minus,
    };
    spec.no_negative_zero = take(&['z']).is_some();
    spec.alternate = take(&['#']).is_some();
    spec.zero = take(&['0']).is_some();
    spec.width = number(&mut rest)?.unwrap_or(0);
    let mut take = |wanted: &[char]| -> Option<char> {
        let (first, after) = rest.split_first()?;
        wanted.contains(first).then(|| {
            rest = after;
            *first
        })
    };
    spec.group = take(&[',', '_']);
    if take(&['.']).is_some() {
        spec.precision = Some(number(&mut rest)?.ok_or_else(|| format!("`.` without a number in `{text}`"))?);
    }
    match rest {
        [] => {}
        [kind] if "sbcdeEfFgGnoxX%".contains(*kind) => spec.kind = Some(*kind),
        _ => {
            let rest: String = rest.iter().collect();
            return Err(format!("`{rest}` is not a format; expected one like {{level:<8}} or {{ratio:.3f}}"));
        }
    }
    let is_integer = matches!(spec.kind, Some('b' | 'c' | 'd' | 'o' | 'x' | 'X'));
    if is_integer && spec.precision.is_some() {
        return Err(format!("an integer has no precision, in `{text}`"));
    }
    let is_text = spec.kind == Some('s');
    if is_text
        && (spec.align == Align::Inner || spec.group.is_some() || spec.sign != Sign::Minus || spec.alternate)
    {
        return Err(format!("a text has no sign and no groups, in `{text}`"));
    }
    Ok(spec)
}

/// Reads `%(name)-8.3s`, with `%%` for the character.
pub(super) fn percent(text: &str) -> Result<Vec<TemplatePiece>, Vec<String>> {
    let chars: Vec<char> = text.chars().collect();
    let mut out = Pieces::default();
    let mut place = 0;
    while let Some(char) = chars.get(place) {
        if *char != '%' {
            out.text(*char);
            place += 1;
            continue;
        }
        let rest = chars.get(place + 1..).unwrap_or_default();
        match percent_value(rest) {
            Ok((None, length)) => {
                out.text('%');
                place += 1 + length;
            }
            Ok((Some((name, spec)), length)) => {
                out.value(&name, None, spec);
                place += 1 + length;
            }
            Err(what) => {
                out.mistake(place, what);
                place += 1;
            }
        }
    }
    out.end("%(asctime)s %(levelname)s %(message)s")
}

type PercentValue = (Option<(String, Spec)>, usize);

fn percent_value(chars: &[char]) -> Result<PercentValue, String> {
    let rest = match chars {
        ['%', ..] => return Ok((None, 1)),
        ['(', rest @ ..] => rest,
        _ => return Err("`%` is followed by no name; expected one like %(message)s, or `%%`".to_owned()),
    };
    let end = rest.iter().position(|char| *char == ')').ok_or("`%(` is not closed by `)`")?;
    let name: String = rest.get(..end).unwrap_or_default().iter().collect();
    if name.is_empty() {
        return Err("`%()` names nothing; expected one like %(message)s".to_owned());
    }
    let mut rest = rest.get(end + 1..).unwrap_or_default();
    let mut spec = Spec { percent: true, ..Spec::default() };
    while let [flag @ ('#' | '0' | '-' | ' ' | '+'), after @ ..] = rest {
        match flag {
            '#' => spec.alternate = true,
            '0' => spec.zero = true,
            '-' => spec.align = Align::Left,
            '+' => spec.sign = Sign::Plus,
            _ if spec.sign == Sign::Minus => spec.sign = Sign::Space,
            _ => {}
        }
        rest = after;
    }
    if rest.first() == Some(&'*') {
        return Err(format!("the width of `%({name})` cannot be `*`; expected a number"));
    }
    spec.width = number(&mut rest)?.unwrap_or(0);
    if let ['.', after @ ..] = rest {
        rest = after;
        if rest.first() == Some(&'*') {
            return Err(format!("the precision of `%({name})` cannot be `*`; expected a number"));
        }
        // As in C, a point alone means none.
        spec.precision = Some(number(&mut rest)?.unwrap_or(0));
    }
    while let ['h' | 'l' | 'L', after @ ..] = rest {
        rest = after;
    }
    match rest.first() {
        Some(kind) if "diouxXeEfFgGcrsa".contains(*kind) => {
            match kind {
                'r' | 'a' => spec.conversion = Some(*kind),
                's' => {}
                kind => spec.kind = Some(*kind),
            }
            let length = chars.len() - rest.len() + 1;
            Ok((Some((name, spec)), length))
        }
        Some(kind) => Err(format!("`{kind}` after `%({name})` is not a type; expected one such as s or d")),
        None => Err(format!("`%({name})` has no type; expected `%({name})s`")),
    }
}

/// Takes a number from the front.
fn number(rest: &mut &[char]) -> Result<Option<usize>, String> {
    let mut value: Option<usize> = None;
    while let [char, after @ ..] = *rest
        && let Some(digit) = char.to_digit(10)
    {
        let next = value.unwrap_or(0).saturating_mul(10).saturating_add(digit as usize);
        value = Some(next);
        *rest = after;
    }
    match value {
        Some(value) if value > WIDEST => Err(format!("{value} is too wide; expected at most {WIDEST}")),
        value => Ok(value),
    }
}

/// Tells what is wrong with a pattern for `strftime`.
pub(super) fn check_strftime(pattern: &str) -> Result<(), String> {
    let epoch = jiff::Timestamp::UNIX_EPOCH.to_zoned(jiff::tz::TimeZone::UTC);
    jiff::fmt::strtime::format(pattern, &epoch).map(drop).map_err(|error| {
        format!("`{pattern}` is not a pattern for a time ({error}); expected one like %H:%M:%S")
    })
}
