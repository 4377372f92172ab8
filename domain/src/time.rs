//! Instants as clients see them: RFC 3339, UTC, microseconds, `Z`.

use std::{fmt, str::FromStr};

use chrono::{DateTime, Months, NaiveTime, SecondsFormat, SubsecRound, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::{task::values::Due, violation::Violation};

/// An instant in UTC, kept to the microsecond (what Postgres keeps).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(DateTime<Utc>);

impl From<DateTime<Utc>> for Timestamp {
    fn from(time: DateTime<Utc>) -> Self {
        Self(time.trunc_subsecs(6))
    }
}

impl From<Timestamp> for DateTime<Utc> {
    fn from(time: Timestamp) -> Self {
        time.0
    }
}

impl Timestamp {
    /// A time with an offset, or the start of a day in UTC; years 0001 to 9999.
    pub fn parse_start(text: &str) -> Result<Self, Violation> {
        const MALFORMED: Violation = Violation::Malformed {
            expected: "a time such as 2026-11-21T09:30:00Z or a day such as 2026-11-21",
        };
        let day = || Due::parse_date(text).map(|day| day.and_time(NaiveTime::MIN).and_utc().into());
        Due::parse_at(text).or_else(|_| day()).map_err(|_| MALFORMED)
    }

    /// The instant as chrono has it.
    pub fn as_datetime(&self) -> DateTime<Utc> {
        self.0
    }

    /// The instant this much later; saturates at the end of time.
    pub fn plus(self, span: TimeDelta) -> Self {
        self.0.checked_add_signed(span).map_or(self, Self)
    }

    /// The instant this many whole days later; saturates at the end of time.
    pub fn plus_days(self, days: i64) -> Self {
        self.plus(TimeDelta::days(days))
    }

    /// The same day and time a year later, or a day before where that year has no such day.
    pub fn plus_year(self) -> Self {
        self.0.checked_add_months(Months::new(12)).map_or(self, Self)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.to_rfc3339_opts(SecondsFormat::Micros, true))
    }
}

impl FromStr for Timestamp {
    type Err = chrono::ParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        DateTime::parse_from_rfc3339(text).map(|time| time.with_timezone(&Utc).into())
    }
}

impl Serialize for Timestamp {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A time zone of the IANA database: `Asia/Seoul`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TimeZone(chrono_tz::Tz);

impl TimeZone {
    /// The zone without offset.
    pub const UTC: Self = Self(chrono_tz::Tz::UTC);

    /// Checks that the database knows the name (exact case).
    pub fn parse(name: &str) -> Result<Self, Violation> {
        name.parse()
            .map(Self)
            .map_err(|_| Violation::Malformed { expected: "a time zone such as Asia/Seoul" })
    }

    /// The zone's name.
    pub fn as_str(self) -> &'static str {
        self.0.name()
    }

    /// The zone as chrono has it.
    pub fn as_tz(self) -> chrono_tz::Tz {
        self.0
    }
}

impl fmt::Display for TimeZone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for TimeZone {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for TimeZone {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}
