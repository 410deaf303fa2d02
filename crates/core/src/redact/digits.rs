//! Tokens that have digits: numbers of cards, tokens, and what stands behind a name in a sentence.

use super::bytes::{is_blank, is_digit, is_name};
use super::here::{Here, Stretch};
use super::lexicon::{self as lex, look_up, look_up_value};
use super::names::NameVerdict;
use super::words::spoken;
use super::{card, sentence, token, url};

/// A token of letters and digits.
pub(super) fn mixed(here: Here<'_>, start: usize, end: usize) -> Option<Stretch> {
    let text = here.text;
    let end_of = match text.at(start) {
        b'e' => token::jwt(text, start).filter(|_| here.before(start) != b'.'),
        b'M' | b'N' | b'O' => token::discord(text, start, end),
        _ => None,
    };
    let end_of =
        end_of.or_else(|| text.at(start).is_ascii_uppercase().then(|| token::iban(text, start)).flatten());
    end_of.map(|end| (start, end)).or_else(|| sentence::token(here, start, end))
}

/// A token that begins with a digit: numbers, and tokens by chance.
pub(super) fn number(here: Here<'_>, field: NameVerdict, start: usize, end: usize) -> Option<Stretch> {
    let text = here.text;
    let first = text.run(start, is_digit);
    let length = first - start;
    if length >= 4 {
        if length >= 6 && matches!(text.at(first), b':' | b'/') {
            let found = token::telegram(text, start, first)
                .map(|end| (start, end))
                .or_else(|| url::bare_path(text, start, first, here.floor));
            if found.is_some() {
                return found;
            }
        }
        if (length == 4 || (7..20).contains(&length))
            && let Some(card) = card::card(text, start, first, here.floor)
            && (card.grouped || !is_identifier(here, field, start, card.end))
        {
            return Some((start, card.end));
        }
        if first < end && text.at(first) != b'-' && here.before(start).is_ascii_alphanumeric() {
            return None;
        }
    }
    if end - start >= 3 { sentence::token(here, start, end) } else { None }
}

/// Says whether a number of a card's length is an identifier by the name or word before it.
fn is_identifier(here: Here<'_>, field: NameVerdict, start: usize, end: usize) -> bool {
    let text = here.text;
    if start == 0 && end == text.len() && field.is_identifier {
        return true;
    }
    let least = here.reach_of(start);
    let close = text.run_back(start, least.max(start.saturating_sub(6)), |byte| {
        is_blank(byte)
            || matches!(byte, b':' | b'=' | b'"' | b'\'' | b'#' | b'(' | b'[' | b'\\' | b'/' | b'_' | b'-')
    });
    let name = text.run_back(close, least, is_name);
    let mut last = (0, 0);
    for word in spoken(text.slice(name, close)) {
        last = (last.1, look_up(word));
    }
    if last.1 & lex::NUMBER != 0 {
        // `card number 4111...`, `card_no=`
        let before = if last.0 == 0 {
            here.words_before(name).first().map_or(0, |word| look_up_value(word))
        } else {
            last.0
        };
        return before & (lex::BEFORE_NUMBER | lex::CARD) == 0;
    }
    last.1 & lex::IDENTIFIER != 0
}
