//! Read the text of directives, and find all mistakes in it.

use std::cmp::Ordering;

use tracing_core::LevelFilter;

use super::{
    DirectiveError, DirectiveErrors, StaticRule,
    span_rule::SpanRule,
    suggest::{level_in_place_of, nearest_level},
    value::FieldRule,
};

/// Holds directives without doubles, the most specific first.
pub(super) struct Parsed {
    pub(super) statics: Vec<StaticRule>,
    pub(super) spans: Vec<(SpanRule, PartPosition)>,
    /// The directives of fields alone, which are among the statics as well.
    pub(super) fields: Vec<PartPosition>,
}

#[derive(Clone)]
pub(super) struct PartPosition {
    pub(super) part: String,
    pub(super) at: usize,
}

pub(super) fn parse(text: &str) -> Result<Parsed, DirectiveErrors> {
    let mut parsed = Parsed { statics: Vec::new(), spans: Vec::new(), fields: Vec::new() };
    let mut errors = Vec::new();
    for part in split(text) {
        if let Err(error) = part.read(&mut parsed) {
            errors.push(error);
        }
    }
    if !errors.is_empty() {
        return Err(DirectiveErrors::from(errors));
    }
    parsed.statics.sort_by(StaticRule::most_specific_first);
    Ok(parsed)
}

/// Reads one target.
pub(super) fn target(text: &str) -> Result<String, DirectiveError> {
    TextPart { text, at: 0 }.target()
}

impl Parsed {
    /// The last of equal directives counts.
    fn put_static(&mut self, rule: StaticRule) {
        match self.statics.iter_mut().find(|known| known.target == rule.target && known.fields == rule.fields)
        {
            Some(known) => *known = rule,
            None => self.statics.push(rule),
        }
    }

    fn put_span(&mut self, rule: SpanRule, place: PartPosition) {
        match self.spans.iter_mut().find(|(known, _)| known.replaces(&rule)) {
            Some(known) => *known = (rule, place),
            None => self.spans.push((rule, place)),
        }
    }
}

impl StaticRule {
    /// The order of `EnvFilter`: the longest target, then the most fields; the rest only makes it a total order.
    fn most_specific_first(&self, other: &Self) -> Ordering {
        let length = |rule: &Self| rule.target.as_ref().map(String::len);
        (length(other), other.fields.len(), &other.target, &other.fields).cmp(&(
            length(self),
            self.fields.len(),
            &self.target,
            &self.fields,
        ))
    }
}

/// A stretch of the text and where it begins.
#[derive(Clone, Copy)]
struct TextPart<'t> {
    text: &'t str,
    at: usize,
}

/// Splits at commas, but not within `[..]`, and leaves blanks and empty parts out.
fn split(text: &str) -> Vec<TextPart<'_>> {
    let mut parts = Vec::new();
    let mut rest = TextPart { text, at: 0 };
    loop {
        let end = end_of_first(rest.text);
        let (part, after) = rest.split_at(end);
        let part = part.trim();
        if !part.text.is_empty() {
            parts.push(part);
        }
        match after.strip_prefix(",") {
            Some(next) => rest = next,
            None => return parts,
        }
    }
}

fn end_of_first(text: &str) -> usize {
    #[derive(PartialEq)]
    enum In {
        Target,
        Level,
        Span,
        Fields,
    }
    let mut place = In::Target;
    for (i, c) in text.char_indices() {
        place = match (place, c) {
            (In::Target | In::Level, ',') => return i,
            (In::Target, '=') => In::Level,
            (In::Target, '[') => In::Span,
            (In::Span, '{') => In::Fields,
            (In::Fields, '}') => In::Span,
            (In::Span, ']') => In::Level,
            (place, _) => place,
        };
    }
    text.len()
}

impl<'t> TextPart<'t> {
    fn read(self, parsed: &mut Parsed) -> Result<(), DirectiveError> {
        let split = self.text.find(['=', '[']).unwrap_or(self.text.len());
        let (before, after) = self.split_at(split);
        let target = before.trim();
        if after.text.starts_with('[') {
            return self.read_span(target, after, parsed);
        }
        let (target, level) = match after.strip_prefix("=") {
            Some(level) => (Some(target.target()?), self.level(level)?),
            None => target.bare()?,
        };
        parsed.put_static(StaticRule { target, fields: Vec::new(), level });
        Ok(())
    }

    /// Reads a directive that is one word: a level, or a target with all its levels.
    fn bare(self) -> Result<(Option<String>, LevelFilter), DirectiveError> {
        if let Ok(level) = self.text.parse() {
            return Ok((None, level));
        }
        if self.text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(self.wrong("is not a level: the numbers go from 0 (off) to 5 (trace)"));
        }
        if let Some(level) = level_in_place_of(self.text) {
            return Err(self.no_level().meant(Some(level)));
        }
        Ok((Some(self.target()?), LevelFilter::TRACE))
    }

    /// Reads the level of this directive.
    fn level(self, level: Self) -> Result<LevelFilter, DirectiveError> {
        let level = level.trim();
        if level.text.is_empty() {
            let before = self.text.trim_end().trim_end_matches('=');
            return Err(self.wrong("has no level after the `=`").meant(Some(format!("{before}=trace"))));
        }
        level.text.parse().map_err(|_| level.no_level().meant(nearest_level(level.text)))
    }

    fn no_level(self) -> DirectiveError {
        let reason = match self.text.to_ascii_lowercase().as_str() {
            "critical" | "fatal" => {
                "is not a level of directives: `filter::levels([Severity::Critical])` chooses what is critical"
            }
            _ => "is not a level: expected off, error, warn, info, debug, trace, or 0 to 5",
        };
        self.wrong(reason)
    }

    fn target(self) -> Result<String, DirectiveError> {
        let text = self.text;
        if text.is_empty() {
            return Err(self.wrong("is not a valid target: it is empty"));
        }
        if let Some(c) = text.chars().find(|c| !(c.is_alphanumeric() || "_-:.".contains(*c))) {
            let hint = match c {
                '*' => ": a target covers all that is below it, without a wildcard",
                '/' => ": a pattern after `/` is known to env_logger only, see the filter `callback`",
                _ => "",
            };
            return Err(self.wrong(format!("is not a valid target, `{c}` cannot be in one{hint}")));
        }
        let clean = text.split(':').filter(|segment| !segment.is_empty()).collect::<Vec<_>>().join("::");
        if clean.is_empty() || clean != text {
            let reason = "is not a valid target: segments are separated by `::`, with none at the ends";
            return Err(self.wrong(reason).meant(Some(clean).filter(|clean| !clean.is_empty())));
        }
        Ok(clean)
    }

    /// Reads `target[span{field=value,field}]=level`, of which `bracket` is what begins with `[`.
    fn read_span(self, target: Self, bracket: Self, parsed: &mut Parsed) -> Result<(), DirectiveError> {
        let place = PartPosition { part: self.text.to_owned(), at: self.at };
        let target = if target.text.is_empty() { None } else { Some(target.target()?) };
        let inner = bracket.strip_prefix("[").unwrap_or(bracket);
        let end = inner.text.find(['{', ']']).ok_or_else(|| self.wrong("has no `]` after the span"))?;
        let (name, rest) = inner.split_at(end);
        let (fields, rest) = match rest.strip_prefix("{") {
            Some(rest) => {
                let end = rest.text.find('}').ok_or_else(|| self.wrong("has no `}` after the fields"))?;
                let (fields, rest) = rest.split_at(end);
                (fields.fields()?, rest.strip_prefix("}").unwrap_or(rest))
            }
            None => (Vec::new(), rest),
        };
        let Some(rest) = rest.strip_prefix("]") else {
            return Err(self.wrong("has no `]` after the fields; a value cannot hold `,` or `}`"));
        };
        let level = match rest.strip_prefix("=") {
            Some(level) => self.level(level)?,
            None if rest.trim().text.is_empty() => LevelFilter::TRACE,
            None => return Err(rest.wrong("cannot follow a span: expected `=` and a level")),
        };
        if name.text.is_empty() && fields.is_empty() {
            return Err(self.wrong("names neither a span nor a field"));
        }
        if name.text.is_empty() && fields.iter().all(|field| !field.has_value()) {
            let names = fields.iter().map(|field| field.name().to_owned()).collect();
            parsed.put_static(StaticRule { target: target.clone(), fields: names, level });
            parsed.fields.push(place.clone());
        }
        let name = Some(name.text.to_owned()).filter(|name| !name.is_empty());
        let rule = SpanRule::new(target, name, fields, level)
            .map_err(|error| self.wrong(format!("is refused by the span filter: {error}")))?;
        parsed.put_span(rule, place);
        Ok(())
    }

    fn fields(self) -> Result<Vec<FieldRule>, DirectiveError> {
        let mut fields = Vec::new();
        let mut rest = self;
        loop {
            let end = rest.text.find(',').unwrap_or(rest.text.len());
            let (field, after) = rest.split_at(end);
            let rule = FieldRule::parse(field.text).map_err(|reason| field.wrong(reason))?;
            fields.push(rule);
            match after.strip_prefix(",") {
                Some(next) => rest = next,
                None => return Ok(fields),
            }
        }
    }

    fn wrong(self, reason: impl Into<String>) -> DirectiveError {
        DirectiveError::new(self.text, self.at, reason)
    }

    fn split_at(self, at: usize) -> (Self, Self) {
        let (before, after) = self.text.split_at_checked(at).unwrap_or((self.text, ""));
        (Self { text: before, at: self.at }, Self { text: after, at: self.at + before.len() })
    }

    fn strip_prefix(self, prefix: &str) -> Option<Self> {
        self.text.strip_prefix(prefix).map(|text| Self { text, at: self.at + prefix.len() })
    }

    fn trim(self) -> Self {
        let start = self.text.trim_start();
        Self { text: start.trim_end(), at: self.at + (self.text.len() - start.len()) }
    }
}
