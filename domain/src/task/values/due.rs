//! When a task should be done.

use chrono::{Datelike, NaiveDate, NaiveTime};
use serde::{Deserialize, Serialize};

use crate::{
    time::{TimeZone, Timestamp},
    violation::Violation,
};

/// A day anywhere, or an instant with the zone it was meant in: `{"date"}` or `{"at", "zone"}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum Due {
    /// A calendar day, whatever the zone.
    Date {
        /// The day.
        date: NaiveDate,
    },
    /// An instant.
    At {
        /// The instant.
        at: Timestamp,
        /// The zone in which people think of it.
        zone: TimeZone,
    },
}

impl Due {
    /// The instant that it is sorted by: a day begins at midnight in UTC.
    pub fn begins(self) -> Timestamp {
        match self {
            Self::Date { date } => date.and_time(NaiveTime::MIN).and_utc().into(),
            Self::At { at, .. } => at,
        }
    }

    /// Checks a day `2026-11-21`, years 0001 to 9999.
    pub fn parse_date(date: &str) -> Result<NaiveDate, Violation> {
        let plain = date.len() == 10 && date.bytes().all(|b| b.is_ascii_digit() || b == b'-');
        date.parse::<NaiveDate>()
            .ok()
            .filter(|day| plain && is_plain_year(day.year()))
            .ok_or(Violation::Malformed { expected: "a date such as 2026-11-21" })
    }

    /// Checks an instant in RFC 3339, any offset, years 0001 to 9999 in UTC.
    pub fn parse_at(at: &str) -> Result<Timestamp, Violation> {
        at.parse::<Timestamp>()
            .ok()
            .filter(|time| is_plain_year(time.as_datetime().year()))
            .ok_or(Violation::Malformed { expected: "a time such as 2026-11-21T09:30:00Z" })
    }
}

/// Years that have four digits and that every database takes.
fn is_plain_year(year: i32) -> bool {
    (1..=9999).contains(&year)
}
