//! Rules for texts that people write, and newtypes over them.
//!
//! Texts are put into NFC, so that Hangul typed on any system is the same text. One-line texts lose white space and
//! invisible fillers (U+200B, U+2060, U+FEFF) at both ends and hold no control characters. Texts of many lines are kept as
//! written and may hold `\n` and `\t`. Bidirectional marks, joiners and all else inside are kept.

use std::borrow::Cow;

use unicode_normalization::{UnicodeNormalization, is_nfc};

use crate::violation::{Unit, Violation};

/// Checks a text of one line: trimmed, 1 to `max` characters.
pub(crate) fn one_line(text: &str, max: usize) -> Result<Cow<'_, str>, Violation> {
    let text = nfc(text.trim_matches(is_filler));
    if text.is_empty() {
        return Err(Violation::Empty);
    }
    if text.chars().any(char::is_control) {
        return Err(Violation::ControlCharacter);
    }
    at_most_characters(text, max)
}

/// Checks a text of many lines: at most `max` bytes, may be empty.
pub(crate) fn many_lines(text: &str, max: usize) -> Result<Cow<'_, str>, Violation> {
    if text.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
        return Err(Violation::ControlCharacter);
    }
    let text = nfc(text);
    if text.len() > max {
        return Err(Violation::TooLong { max, unit: Unit::Bytes });
    }
    Ok(text)
}

/// Whether nothing in the text can be seen.
pub(crate) fn is_blank(text: &str) -> bool {
    text.chars().all(is_filler)
}

fn at_most_characters(text: Cow<'_, str>, max: usize) -> Result<Cow<'_, str>, Violation> {
    let fits = text.len() <= max || text.chars().nth(max).is_none();
    if fits { Ok(text) } else { Err(Violation::TooLong { max, unit: Unit::Characters }) }
}

fn is_filler(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{200b}' | '\u{2060}' | '\u{feff}')
}

fn nfc(text: &str) -> Cow<'_, str> {
    if text.is_ascii() || is_nfc(text) { Cow::Borrowed(text) } else { Cow::Owned(text.nfc().collect()) }
}

/// Makes a newtype over shared text. Deserialising trusts the log: only `parse` checks.
macro_rules! text {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
        #[serde(transparent)]
        pub struct $name(std::sync::Arc<str>);

        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
    };
}

pub(crate) use text;
