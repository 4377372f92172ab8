//! Times of the day, as people mean them where they live.

use std::{fmt, str::FromStr};

use chrono::{NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Timelike};
use serde::{Deserialize, Serialize};

use crate::{
    time::{TimeZone, Timestamp},
    violation::Violation,
};

/// A time of the day to the minute: `08:30`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClockTime(NaiveTime);

impl ClockTime {
    /// Eight in the morning.
    pub const EIGHT: Self = match NaiveTime::from_hms_opt(8, 0, 0) {
        Some(time) => Self(time),
        None => panic!("eight is a time"),
    };

    /// Checks `HH:MM`, from 00:00 to 23:59.
    pub fn parse(text: &str) -> Result<Self, Violation> {
        let plain = text.len() == 5 && text.bytes().all(|b| b.is_ascii_digit() || b == b':');
        let time = NaiveTime::parse_from_str(text, "%H:%M").ok().filter(|_| plain);
        time.map(Self).ok_or(Violation::Malformed { expected: "a time of the day such as 08:30" })
    }

    /// That time of this day.
    pub fn on(self, day: NaiveDate, zone: TimeZone) -> Timestamp {
        zone.instant(day.and_time(self.0))
    }

    /// The first such time after this instant.
    pub fn next(self, after: Timestamp, zone: TimeZone) -> Timestamp {
        let today = zone.local(after).date();
        let days = [0, 1, 2].into_iter().filter_map(|days| today.checked_add_signed(TimeDelta::days(days)));
        let mut times = days.map(|day| zone.instant(day.and_time(self.0)));
        times.find(|time| *time > after).unwrap_or(after)
    }
}

impl fmt::Display for ClockTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0.hour(), self.0.minute())
    }
}

impl FromStr for ClockTime {
    type Err = Violation;

    fn from_str(text: &str) -> Result<Self, Violation> {
        Self::parse(text)
    }
}

impl Serialize for ClockTime {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ClockTime {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// When one is left in peace, every day; over midnight if it ends before it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct QuietHours {
    /// The first minute of peace.
    pub from: ClockTime,
    /// The first minute after it.
    pub to: ClockTime,
}

impl QuietHours {
    /// When the peace of this instant ends; none if there is none.
    pub fn end(self, now: Timestamp, zone: TimeZone) -> Option<Timestamp> {
        let clock = zone.local(now).time();
        let (from, to) = (self.from.0, self.to.0);
        let quiet = if from <= to { from <= clock && clock < to } else { from <= clock || clock < to };
        quiet.then(|| self.to.next(now, zone))
    }
}

impl TimeZone {
    /// What calendar and clock say there.
    pub fn local(self, time: Timestamp) -> NaiveDateTime {
        time.as_datetime().with_timezone(&self.as_tz()).naive_local()
    }

    /// The instant when calendar and clock say this: the first of two, and where the clock is put forward over it, the
    /// first one after.
    pub fn instant(self, local: NaiveDateTime) -> Timestamp {
        const STEP: i64 = 15;
        const LONGEST_GAP: i64 = 26 * 60;
        let at = |minutes| local.checked_add_signed(TimeDelta::minutes(minutes));
        let there = |local: NaiveDateTime| local.and_local_timezone(self.as_tz()).earliest();
        let found = (0..=LONGEST_GAP / STEP).filter_map(|steps| at(steps * STEP)).find_map(there);
        found.map_or_else(|| local.and_utc().into(), |time| time.to_utc().into())
    }
}
