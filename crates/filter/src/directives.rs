//! Directives in the grammar of `RUST_LOG`: targets and levels are judged here, by whole segments; spans and fields
//! by tracing-subscriber's `EnvFilter`, one per directive.

mod error;
mod parse;
mod span_rule;
mod suggest;
mod value;

use tracing_core::{Level, LevelFilter, Metadata};
use watchfire_core::{LevelTable, covers};

use crate::{EventFilter, Verdict, node::SpanQuestion};

pub use error::{DirectiveError, DirectiveErrors};
pub(crate) use span_rule::SpanRule;

/// Lets events pass by directives in the grammar of `RUST_LOG`, such as `info,sqlx=warn,[request{tenant="a"}]=debug`.
///
/// The grammar is that of tracing-subscriber's `EnvFilter`: `level`, `target`, `target=level`, `[span]=level`,
/// `[span{field}]=level`, `[{field=value}]=level`, `target[span{field=value}]=level`; the levels `off`, `error`, `warn`,
/// `info`, `debug`, `trace` in any case or `0` to `5`; a value is a number, a boolean or a regular expression. The
/// longest target that covers decides. An empty text is `error`.
///
/// Two things differ:
///
/// 1. A target covers whole `::` segments: `app` covers `app::web`, and not `application`.
/// 2. What `EnvFilter` ignores, or takes for something that can never match, is an error: an unknown level, a span that
///    is not closed; and a level that is left empty: to `EnvFilter` `app=` is TRACE, and mostly a variable was not set
///    there. Blanks around a directive are left out, and a span may have several fields (`[request{tenant=a,user}]`),
///    which `EnvFilter`'s own splitting breaks.
///
/// A target with a hyphen is one that an event names itself (`target: "my-app"`); a module's path has `_` there.
///
/// Besides, spans are let through by levels of their own, see [`EventFilter::span_levels`]. As with `EnvFilter`, a
/// directive with a field's value switches the spans of all levels on for the process: their values are not known before
/// they are made. A pattern matches up to the end of the text.
///
/// # Errors
/// Names all directives that are wrong: where, why, and what may have been meant.
pub fn directives(text: &str) -> Result<EventFilter, DirectiveErrors> {
    Directives::parse(text).map(EventFilter::from)
}

/// Reads [`directives`] from an environment variable, as `env("RUST_LOG", "info")`; `default` is taken if it is unset or
/// empty.
///
/// # Errors
/// Names the variable and all directives that are wrong, in it or in `default`.
#[expect(clippy::disallowed_methods, reason = "reading the environment is what this function is for")]
pub fn env(variable: &str, default: &str) -> Result<EventFilter, DirectiveErrors> {
    match std::env::var(variable) {
        Ok(text) if !text.trim().is_empty() => directives(&text).map_err(|errors| errors.of(variable)),
        Ok(_) | Err(std::env::VarError::NotPresent) => directives(default),
        Err(std::env::VarError::NotUnicode(raw)) => {
            let part = raw.to_string_lossy().into_owned();
            let error = DirectiveError::new(part, 0, "is not valid UTF-8");
            Err(DirectiveErrors::from(vec![error]).of(variable))
        }
    }
}

/// Reads directives of targets and levels only, such as `info,tower_http=debug`: what span levels are made of.
///
/// # Errors
/// Names each directive that is wrong, and those with a span or a field.
pub fn level_table(text: &str) -> Result<LevelTable, DirectiveErrors> {
    let parsed = parse::parse(text)?;
    let spans = parsed.spans.iter().map(|(_, place)| place).chain(parsed.fields.iter());
    let errors: Vec<_> = spans
        .map(|place| {
            DirectiveError::new(
                place.part.clone(),
                place.at,
                "span levels have no spans and fields, only targets",
            )
        })
        .collect();
    if errors.is_empty() {
        let rules = parsed.statics.into_iter().map(|rule| (rule.target.unwrap_or_default(), rule.level));
        Ok(LevelTable::new(rules))
    } else {
        Err(DirectiveErrors::from(errors))
    }
}

/// Checks targets that stand alone.
pub(crate) fn checked_targets<T: AsRef<str>>(
    targets: impl IntoIterator<Item = T>,
) -> Result<Vec<String>, DirectiveErrors> {
    let (mut good, mut errors) = (Vec::new(), Vec::new());
    for target in targets {
        match parse::target(target.as_ref()) {
            Ok(target) => good.push(target),
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() { Ok(good) } else { Err(DirectiveErrors::from(errors)) }
}

/// Holds parsed directives, the most specific first.
#[derive(Clone, Debug)]
pub(crate) struct Directives {
    statics: Vec<StaticRule>,
    spans: Vec<SpanRule>,
    most_verbose_span: LevelFilter,
}

/// A directive that can be judged by metadata alone.
#[derive(Clone, Debug)]
struct StaticRule {
    target: Option<String>,
    /// The fields that an event must have. Spans pass without them, as with `EnvFilter`.
    fields: Vec<String>,
    level: LevelFilter,
}

impl Directives {
    fn parse(text: &str) -> Result<Self, DirectiveErrors> {
        let parsed = parse::parse(text)?;
        let spans: Vec<_> = parsed.spans.into_iter().map(|(rule, _)| rule).collect();
        let mut statics = parsed.statics;
        if statics.is_empty() && spans.is_empty() {
            statics.push(StaticRule { target: None, fields: Vec::new(), level: LevelFilter::ERROR });
        }
        let most_verbose_span = spans.iter().map(SpanRule::level).max().unwrap_or(LevelFilter::OFF);
        Ok(Self { statics, spans, most_verbose_span })
    }

    pub(crate) fn span_rules(&self) -> &[SpanRule] {
        &self.spans
    }

    /// Judges metadata with `level` in force.
    pub(crate) fn verdict(
        &self,
        metadata: &Metadata<'_>,
        level: Level,
        question: &SpanQuestion<'_>,
    ) -> Verdict {
        let decides = self.statics.iter().find(|rule| rule.is_about(metadata));
        if decides.is_some_and(|rule| level <= rule.level) {
            return Verdict::Always;
        }
        if self.spans.is_empty() {
            return Verdict::Never;
        }
        // A span that a directive is about has to be there, whatever its own level, for what is inside it.
        let named = metadata.is_span() && self.spans.iter().any(|rule| rule.is_about(metadata));
        if named { Verdict::Always } else { question.ask(&self.spans, self.most_verbose_span, level) }
    }

    /// Returns the level of the targets that have none of their own.
    pub(crate) fn level_of_all(&self) -> LevelFilter {
        let rule = self.statics.iter().find(|rule| rule.target.is_none() && rule.fields.is_empty());
        rule.map_or(LevelFilter::OFF, |rule| rule.level)
    }

    pub(crate) fn most_verbose(&self) -> LevelFilter {
        let statics = self.statics.iter().map(|rule| rule.level).max();
        statics.unwrap_or(LevelFilter::OFF).max(self.most_verbose_span)
    }
}

impl StaticRule {
    fn is_about(&self, metadata: &Metadata<'_>) -> bool {
        self.target.as_deref().is_none_or(|target| covers(target, metadata.target()))
            && (metadata.is_span()
                || self.fields.iter().all(|name| metadata.fields().field(name.as_str()).is_some()))
    }
}

#[cfg(test)]
mod tests;
