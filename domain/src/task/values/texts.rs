//! Texts on a task.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    text::{is_blank, many_lines, one_line, text},
    violation::Violation,
};

text!(
    /// A task's title: one line, 1 to 200 characters.
    Title
);
text!(
    /// A label: one line, 1 to 50 characters; case counts.
    Label
);
text!(
    /// A checklist item's text: one line, 1 to 500 characters.
    ChecklistText
);
text!(
    /// Why a status was changed: 1 to 2,000 bytes, may have several lines.
    Reason
);
text!(
    /// A description or comment in Markdown: at most 64 KiB, never blank.
    Markdown
);

impl Title {
    /// Trims, normalises, checks.
    pub fn parse(text: &str) -> Result<Self, Violation> {
        one_line(text, 200).map(|text| Self(text.into()))
    }
}

impl Label {
    /// Trims, normalises, checks.
    pub fn parse(text: &str) -> Result<Self, Violation> {
        one_line(text, 50).map(|text| Self(text.into()))
    }
}

impl ChecklistText {
    /// Trims, normalises, checks.
    pub fn parse(text: &str) -> Result<Self, Violation> {
        one_line(text, 500).map(|text| Self(text.into()))
    }
}

impl Reason {
    /// Normalises, checks.
    pub fn parse(text: &str) -> Result<Self, Violation> {
        not_blank(text, 2_000).map(|text| Self(text.into()))
    }
}

impl Markdown {
    /// Normalises and checks a text that must be there (comments).
    pub fn parse(text: &str) -> Result<Self, Violation> {
        not_blank(text, 64 * 1024).map(|text| Self(text.into()))
    }

    /// The same for a text that may be missing (description): a blank one is none.
    pub fn parse_optional(text: &str) -> Result<Option<Self>, Violation> {
        match Self::parse(text) {
            Ok(text) => Ok(Some(text)),
            Err(Violation::Empty) => Ok(None),
            Err(violation) => Err(violation),
        }
    }

    /// What the aggregate keeps of a comment's text.
    pub fn digest(&self) -> CommentDigest {
        CommentDigest(Sha256::digest(self.0.as_bytes()).into())
    }
}

fn not_blank(text: &str, max: usize) -> Result<std::borrow::Cow<'_, str>, Violation> {
    let text = many_lines(text, max)?;
    if is_blank(&text) { Err(Violation::Empty) } else { Ok(text) }
}

/// SHA-256 of a comment's text; tells an edit that changes nothing. Hexadecimal on the wire.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct CommentDigest([u8; 32]);

impl fmt::Display for CommentDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for CommentDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for CommentDigest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for CommentDigest {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        from_hex(text.as_bytes()).map(Self).ok_or_else(|| serde::de::Error::custom("not a SHA-256 digest"))
    }
}

fn from_hex(text: &[u8]) -> Option<[u8; 32]> {
    let nibble = |c: u8| char::from(c).to_digit(16);
    let mut bytes = [0; 32];
    if text.len() != 64 {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
        *byte = u8::try_from(nibble(pair[0])? * 16 + nibble(pair[1])?).ok()?;
    }
    Some(bytes)
}
