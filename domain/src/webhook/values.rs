//! What a webhook is made of. `parse` checks what people send; deserialising trusts the log.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{
    task::values::Due,
    text::{many_lines, text},
    time::Timestamp,
    violation::{Unit, Violation},
    words::words,
};

/// Endpoints of one owner at most.
pub const MAX_ENDPOINTS: u16 = 100;
/// Types of events, or beginnings of them, that a webhook names at most.
pub const MAX_EVENT_TYPES: usize = 50;
/// Headers of one's own at most.
pub const MAX_HEADERS: usize = 20;

words! {
    /// Whether events are sent.
    #[derive(Default)]
    WebhookState {
        /// They are.
        #[default]
        Enabled = "enabled",
        /// Not for now: somebody wants so.
        Paused = "paused",
        /// Not any more: nobody has taken them for too long.
        Disabled = "disabled",
    }
}

words! {
    /// Why a webhook was disabled.
    DisabledReason {
        /// It has failed for days.
        Failing = "failing",
        /// It says that it is gone (410).
        Gone = "gone",
    }
}

words! {
    /// How much of an event is sent.
    #[derive(Default)]
    PayloadMode {
        /// All of it.
        #[default]
        Full = "full",
        /// What it is about, without data.
        Thin = "thin",
    }
}

words! {
    /// How calls are signed.
    #[derive(Default)]
    Signature {
        /// With a secret that both sides know.
        #[default]
        V1 = "v1",
        /// With a key that only we know; receivers have its public half.
        V1a = "v1a",
    }
}

words! {
    /// What waits for what.
    #[derive(Default)]
    Ordering {
        /// Nothing.
        None = "none",
        /// Events about the same thing for those before.
        #[default]
        PerAggregate = "per_aggregate",
        /// Every event for those before.
        Strict = "strict",
    }
}

text!(
    /// What a webhook is for: at most 500 bytes, may have several lines.
    Description
);

impl Description {
    /// Normalises, checks.
    pub fn parse(text: &str) -> Result<Self, Violation> {
        many_lines(text, 500).map(|text| Self(text.into()))
    }
}

/// Deliveries per second at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct Throttle(u16);

impl Throttle {
    const MAX: u16 = 1_000;

    /// Checks the range.
    pub fn parse(rate: i64) -> Result<Self, Violation> {
        let rate = u16::try_from(rate).ok().filter(|rate| (1..=Self::MAX).contains(rate));
        rate.map(Self).ok_or(Violation::OutOfRange { min: 1, max: Self::MAX.into() })
    }

    /// The number.
    pub fn get(self) -> u16 {
        self.0
    }
}

text!(
    /// The name of a header that one may set oneself, in lower case.
    HeaderName
);

impl HeaderName {
    /// Checks the characters, and that it is not one that makes the call what it is.
    pub fn parse(name: &str) -> Result<Self, Violation> {
        const TAKEN: &[&str] = &[
            "host",
            "content-length",
            "content-type",
            "content-encoding",
            "connection",
            "transfer-encoding",
            "te",
            "trailer",
            "upgrade",
            "expect",
            "keep-alive",
            "forwarded",
            "via",
        ];
        const TAKEN_STEMS: &[&str] = &["webhook-", "proxy-", "sec-", "x-forwarded-"];
        let name = name.to_ascii_lowercase();
        let plain = (1..=64).contains(&name.len())
            && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_".contains(&b));
        let taken = TAKEN.contains(&name.as_str()) || TAKEN_STEMS.iter().any(|stem| name.starts_with(stem));
        if plain && !taken {
            Ok(Self(name.into()))
        } else {
            Err(Violation::Malformed { expected: "the name of a header that may be set" })
        }
    }
}

text!(
    /// The value of such a header. Sealed before the domain takes it: it may be a password.
    HeaderValue
);

impl HeaderValue {
    /// Checks 1 to 1,000 visible ASCII characters, with single spaces between.
    pub fn parse(value: &str) -> Result<Self, Violation> {
        const MAX: usize = 1_000;
        if value.len() > MAX {
            return Err(Violation::TooLong { max: MAX, unit: Unit::Bytes });
        }
        let visible = value.bytes().all(|b| b.is_ascii_graphic() || b == b' ');
        let fits = visible && !value.is_empty() && value.trim() == value;
        fits.then(|| Self(value.into())).ok_or(Violation::Malformed { expected: "visible ASCII characters" })
    }
}

/// A place in the log: by position, or the first event at a time or after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// This event.
    Position(i64),
    /// What was recorded then or after.
    Time(Timestamp),
}

impl Moment {
    /// Whether nothing lies between here and there, as far as both are of one kind.
    pub fn is_past(self, end: Self) -> bool {
        match (self, end) {
            (Self::Position(begin), Self::Position(end)) => end <= begin,
            (Self::Time(begin), Self::Time(end)) => end <= begin,
            (Self::Position(_), Self::Time(_)) | (Self::Time(_), Self::Position(_)) => false,
        }
    }
}

impl FromStr for Moment {
    type Err = Violation;

    fn from_str(text: &str) -> Result<Self, Violation> {
        let position = text.parse().ok().filter(|position| *position > 0 && !text.starts_with('+'));
        let time = || Due::parse_at(text).map(Self::Time);
        let expected = "a position, or a time such as 2026-11-21T09:30:00Z";
        position.map(Self::Position).map_or_else(time, Ok).map_err(|_| Violation::Malformed { expected })
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Position(position) => position.fmt(f),
            Self::Time(time) => time.fmt(f),
        }
    }
}

/// From where on a new webhook gets events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Start {
    /// Those after its own beginning.
    #[default]
    Now,
    /// All there ever were.
    Beginning,
    /// Those from there on.
    At(Moment),
}

impl FromStr for Start {
    type Err = Violation;

    fn from_str(text: &str) -> Result<Self, Violation> {
        let expected = "now, beginning, a position, or a time such as 2026-11-21T09:30:00Z";
        match text {
            "now" => Ok(Self::Now),
            "beginning" => Ok(Self::Beginning),
            moment => moment.parse().map(Self::At).map_err(|_| Violation::Malformed { expected }),
        }
    }
}

impl fmt::Display for Start {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Now => f.write_str("now"),
            Self::Beginning => f.write_str("beginning"),
            Self::At(moment) => moment.fmt(f),
        }
    }
}

macro_rules! as_text {
    ($($name:ident)*) => {$(
        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}

as_text! { Moment Start }
