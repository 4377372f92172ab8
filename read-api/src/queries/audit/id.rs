//! What records are called.

use std::{fmt, str::FromStr};

use super::Source;

/// The permanent name of a record: its place in its log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordId {
    pub(super) source: Source,
    pub(super) position: i64,
}

/// The text is no name of a record.
#[derive(Clone, Copy, Debug)]
pub struct NoRecordId;

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let log = match self.source {
            Source::Events => 'e',
            Source::Attempts => 'a',
        };
        write!(f, "{log}{}", self.position)
    }
}

impl FromStr for RecordId {
    type Err = NoRecordId;

    fn from_str(text: &str) -> Result<Self, NoRecordId> {
        let place = |source, digits: &str| {
            let position = digits.parse().ok().filter(|position| *position > 0).ok_or(NoRecordId)?;
            Ok(Self { source, position })
        };
        match (text.strip_prefix('e'), text.strip_prefix('a')) {
            (Some(digits), _) => place(Source::Events, digits),
            (None, Some(digits)) => place(Source::Attempts, digits),
            (None, None) => Err(NoRecordId),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for name in ["e1", "a4711"] {
            assert_eq!(name.parse::<RecordId>().unwrap().to_string(), name);
        }
        for bad in ["", "e", "e0", "a-1", "x1", "1", "e99999999999999999999"] {
            assert!(bad.parse::<RecordId>().is_err(), "{bad}");
        }
    }
}
