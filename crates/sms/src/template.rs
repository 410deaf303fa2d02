//! Fill a text that was registered for India: character for character, but for its variables.

use watchfire_core::ConfigError;
use watchfire_outbox::{Form, MessageContent, Occasion, OccasionKind, Outlook, one_line};

use crate::segments::{Segments, gsm_only};

/// Names what stands in a variable of a registered template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DltSlot {
    /// The severity and who speaks: `ERROR in storefront (production)`.
    Headline,
    /// The severity: `ERROR`; of many groups together `STORM` or `STORM OVER`.
    Severity,
    /// The program and its environment: `storefront (production)`.
    App,
    /// The message, otherwise the error.
    Title,
    /// Where: the file and the line, else the target.
    Place,
    /// How often it happened so far: digits only.
    Count,
    /// The group: 16 hexadecimal digits.
    Group,
}

/// A registered text with its variables assigned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Template {
    parts: Vec<TemplatePart>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum TemplatePart {
    Fixed(String),
    /// Up to `most` characters; several variables in a row hold one value.
    Variable {
        slot: DltSlot,
        most: usize,
        digits: bool,
    },
}

/// A variable holds up to 30 characters (TRAI's rule for `{#var#}`).
const VARIABLE: usize = 30;

impl Template {
    /// Parses a registered text: `{#var#}`, `{#alphanumeric#}` and `{#numeric#}` are its variables.
    ///
    /// Without `slots` the variables get, by their number, the title; the headline and the title; these and the group;
    /// or the severity, the program, the title and the group. A numeric one gets the count.
    pub(crate) fn parse(text: &str, slots: &[DltSlot]) -> Result<Self, ConfigError> {
        let wrong = |reason: String| ConfigError::new("sms.exotel.template", reason);
        if let Some(c) = text.chars().find(|c| crate::segments::septets(*c).is_none()) {
            return Err(wrong(format!("`{}` is outside of the GSM alphabet", c.escape_debug())));
        }
        let mut parts: Vec<TemplatePart> = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{#") {
            let (tag, after) =
                after.split_once("#}").ok_or_else(|| wrong("a variable has no end `#}`".to_owned()))?;
            let digits = match tag {
                "var" | "alphanumeric" => false,
                "numeric" => true,
                _ => {
                    return Err(wrong(format!(
                        "an alert has nothing for `{{#{}#}}`; expected {{#var#}}, {{#alphanumeric#}} or {{#numeric#}}",
                        tag.escape_debug()
                    )));
                }
            };
            if !before.is_empty() {
                parts.push(TemplatePart::Fixed(before.to_owned()));
            }
            match parts.last_mut() {
                Some(TemplatePart::Variable { most, digits: known, .. }) if *known == digits => {
                    *most += VARIABLE
                }
                _ => parts.push(TemplatePart::Variable { slot: DltSlot::Count, most: VARIABLE, digits }),
            }
            rest = after;
        }
        if !rest.is_empty() {
            parts.push(TemplatePart::Fixed(rest.to_owned()));
        }
        let mut template = Self { parts };
        template.assign(slots)?;
        Ok(template)
    }

    fn assign(&mut self, slots: &[DltSlot]) -> Result<(), ConfigError> {
        let variables = |parts: &[TemplatePart]| {
            let is = |part: &&TemplatePart, wanted: bool| matches!(part, TemplatePart::Variable { digits, .. } if *digits == wanted);
            (
                parts.iter().filter(|part| is(part, false)).count(),
                parts.iter().filter(|part| is(part, true)).count(),
            )
        };
        let (texts, numbers) = variables(&self.parts);
        let usual: &[DltSlot] = match texts {
            _ if !slots.is_empty() => slots,
            0 if numbers == 0 => {
                let reason = "has no variable; expected at least one {#var#}, or every alert says the same";
                return Err(ConfigError::new("sms.exotel.template", reason));
            }
            0 => &[],
            1 => &[DltSlot::Title],
            2 => &[DltSlot::Headline, DltSlot::Title],
            3 => &[DltSlot::Headline, DltSlot::Title, DltSlot::Group],
            4 => &[DltSlot::Severity, DltSlot::App, DltSlot::Title, DltSlot::Group],
            more => {
                let reason = format!("has {more} variables; say what stands in each with .slots([..])");
                return Err(ConfigError::new("sms.exotel.template", reason));
            }
        };
        let mut next = usual.iter();
        for part in &mut self.parts {
            let TemplatePart::Variable { slot, digits, .. } = part else { continue };
            // A number can only be the count, so it needs no name where none are given.
            let given = if *digits && slots.is_empty() { Some(&DltSlot::Count) } else { next.next() };
            *slot = *given.ok_or_else(|| count_wrong(texts + numbers, slots.len()))?;
            if *digits && *slot != DltSlot::Count {
                let reason =
                    format!("{slot:?} is not of digits only, as {{#numeric#}} wants it; expected Count");
                return Err(ConfigError::new("sms.exotel.slots", reason));
            }
        }
        match next.len() {
            0 => Ok(()),
            _ => Err(count_wrong(texts + numbers, slots.len())),
        }
    }

    /// Returns how many segments the text takes at least.
    pub(crate) fn least(&self) -> usize {
        let text: String = self
            .parts
            .iter()
            .map(|part| match part {
                TemplatePart::Fixed(text) => text.as_str(),
                TemplatePart::Variable { .. } => "0",
            })
            .collect();
        Segments::of(&text).count
    }

    /// Fills the variables; the longest value is shortened first, until the text takes at most `most` segments.
    pub(crate) fn fill(
        &self,
        occasion: &Occasion<'_>,
        page: &MessageContent,
        most: usize,
        form: Form,
    ) -> String {
        let mut values: Vec<String> = self
            .parts
            .iter()
            .map(|part| match part {
                TemplatePart::Fixed(text) => text.clone(),
                TemplatePart::Variable { slot, most, digits } => {
                    value(*slot, *most, *digits, form, occasion, page)
                }
            })
            .collect();
        loop {
            let text = values.concat();
            let longest = self
                .parts
                .iter()
                .zip(&mut values)
                .filter(|(part, value)| {
                    matches!(part, TemplatePart::Variable { .. }) && value.chars().count() > 1
                })
                .max_by_key(|(_, value)| value.len());
            match longest {
                Some((_, value)) if Segments::of(&text).count > most => {
                    value.pop();
                }
                _ => return text,
            }
        }
    }
}

fn count_wrong(variables: usize, slots: usize) -> ConfigError {
    let reason =
        format!("the template has {variables} variables (several in a row are one), and {slots} are named");
    ConfigError::new("sms.exotel.slots", reason)
}

fn value(
    slot: DltSlot,
    most: usize,
    digits: bool,
    form: Form,
    occasion: &Occasion<'_>,
    page: &MessageContent,
) -> String {
    let text = match slot {
        DltSlot::Headline => page.context().replace('×', "x"),
        DltSlot::Severity => page.label.replace('×', "x"),
        DltSlot::App => page.app.clone(),
        DltSlot::Title => title(occasion, page),
        DltSlot::Place => place(occasion),
        DltSlot::Count => occasion.tally().total.to_string(),
        DltSlot::Group => page.group.to_string(),
    };
    let plain = if digits { text } else { harmless(&text) };
    // There is no other text to degrade to: a plainer form has shorter values.
    let (most, ascii) = match form {
        Form::Rich => (most, false),
        Form::Plain => (VARIABLE, false),
        Form::Short => (VARIABLE / 2, false),
        _ => (VARIABLE / 2, true),
    };
    let cut: String =
        plain.chars().take(most).map(|c| if ascii && !c.is_ascii() { '?' } else { c }).collect();
    match cut.trim() {
        // An empty variable does not match its template.
        "" if digits => "0".to_owned(),
        "" => "-".to_owned(),
        cut => cut.to_owned(),
    }
}

/// Returns the title; that of a storm with its number and its oldest alert within the first variable.
fn title(occasion: &Occasion<'_>, page: &MessageContent) -> String {
    let oldest = one_line(&occasion.alert().message, 200);
    match occasion.kind() {
        OccasionKind::Storm if !oldest.is_empty() => {
            let kinds = occasion.tally().groups.max(occasion.mentions().len() as u64);
            let over = if occasion.forecast() == Some(Outlook::Over) { " over" } else { "" };
            format!("storm{over} {kinds}: {oldest}")
        }
        _ => page.title.clone(),
    }
}

fn place(occasion: &Occasion<'_>) -> String {
    let alert = occasion.alert();
    one_line(&alert.place_text().unwrap_or_else(|| alert.target.to_string()), 80)
}

/// Leaves out what operators refuse in a variable: links, line ends, and what is outside of the GSM alphabet.
fn harmless(text: &str) -> String {
    let is_link = |word: &str| word.contains("://") || word.to_ascii_lowercase().contains("www.");
    let words: Vec<&str> =
        text.split_whitespace().map(|word| if is_link(word) { "link" } else { word }).collect();
    gsm_only(&words.join(" "))
}

#[cfg(test)]
mod tests;
