//! Cron expressions of five fields.

use std::{fmt, str::FromStr};

use chrono::{DateTime, Utc};
use croner::parser::{CronParser, Seconds, Year};
use domain::time::TimeZone;

/// When something is to be done, `0 3 * * *`: minute, hour, day of the month, month, day of the week.
///
/// A time that the clock jumps over in spring comes right after the jump, one that it repeats in autumn comes once.
#[derive(Clone, Debug)]
pub struct Cron {
    text: String,
    times: croner::Cron,
}

/// The text says no times.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a cron expression of five fields such as 0 3 * * *: {0}")]
pub struct InvalidCron(String);

impl Cron {
    /// The first time after this one, as the clocks of the zone show it; none if there is none in this age.
    pub fn after(&self, time: DateTime<Utc>, zone: TimeZone) -> Option<DateTime<Utc>> {
        let next = self.times.find_next_occurrence(&time.with_timezone(&zone.as_tz()), false);
        next.ok().map(|next| next.with_timezone(&Utc))
    }
}

impl FromStr for Cron {
    type Err = InvalidCron;

    fn from_str(text: &str) -> Result<Self, InvalidCron> {
        let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
        let times = parser.parse(text).map_err(|error| InvalidCron(error.to_string()))?;
        let cron = Self { text: text.trim().to_owned(), times };
        match cron.after(DateTime::UNIX_EPOCH, TimeZone::UTC) {
            Some(_) => Ok(cron),
            None => Err(InvalidCron("there is no such day".to_owned())),
        }
    }
}

impl fmt::Display for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn times(cron: &str, zone: &str, from: &str, count: usize) -> Vec<String> {
        let (cron, zone): (Cron, _) = (cron.parse().unwrap(), TimeZone::parse(zone).unwrap());
        let first = from.parse().unwrap();
        let times = std::iter::successors(Some(first), |time| cron.after(*time, zone));
        times.skip(1).take(count).map(|time: DateTime<Utc>| time.format("%d %H:%M").to_string()).collect()
    }

    #[test]
    fn times_are_those_of_the_zone() {
        assert_eq!(times("0 3 * * *", "UTC", "2026-11-21T02:59:59Z", 2), ["21 03:00", "22 03:00"]);
        assert_eq!(times("0 3 * * *", "Asia/Seoul", "2026-11-21T12:00:00Z", 2), ["21 18:00", "22 18:00"]);
        assert_eq!(times("30 9 * * MON-FRI", "UTC", "2026-11-20T09:30:00Z", 2), ["23 09:30", "24 09:30"]);
    }

    #[test]
    fn a_night_without_three_and_one_with_two_of_them_have_one_turn_each() {
        // New York: 02:00 to 03:00 is not there on 8 March, and 01:00 to 02:00 comes twice on 1 November.
        let spring = times("30 2 * * *", "America/New_York", "2026-03-07T12:00:00Z", 2);
        assert_eq!(spring, ["08 07:00", "09 06:30"]);
        let autumn = times("30 1 * * *", "America/New_York", "2026-10-31T12:00:00Z", 2);
        assert_eq!(autumn, ["01 05:30", "02 06:30"]);
    }

    #[test]
    fn what_says_no_time_is_refused() {
        for bad in
            ["", "3", "0 3 * *", "0 0 3 * * *", "60 3 * * *", "0 3 31 2 *", "x 3 * * *", "0 3 * * * 2027"]
        {
            assert!(bad.parse::<Cron>().is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn the_next_time_is_later_and_within_a_day_and_an_hour(
            minute in 0_u32..60, hour in 0_u32..24, seconds in 1_600_000_000_i64..2_000_000_000, zone in 0_usize..4
        ) {
            let zone = ["UTC", "Asia/Seoul", "America/New_York", "Australia/Lord_Howe"][zone];
            let cron: Cron = format!("{minute} {hour} * * *").parse().unwrap();
            let time = DateTime::from_timestamp(seconds, 0).unwrap();
            let next = cron.after(time, TimeZone::parse(zone).unwrap()).unwrap();
            prop_assert!(time < next && next <= time + chrono::TimeDelta::hours(25), "{next}");
        }
    }
}
