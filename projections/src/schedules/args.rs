//! Settings of all schedules.

use chrono::TimeDelta;
use clap::Args;
use domain::time::TimeZone;
use service::config::Span;

use super::Cron;

/// When things are done by the clock.
#[derive(Args, Clone, Debug)]
pub struct ScheduleArgs {
    /// The time zone that schedules are meant in, `Asia/Seoul`.
    #[arg(long, env = "TASKLEDGER_TIME_ZONE", value_name = "ZONE", default_value = "UTC", value_parser = zone)]
    pub time_zone: TimeZone,
    /// How long a task has to be overdue until managers are told.
    #[arg(long, env = "ESCALATE_AFTER", value_name = "SPAN", default_value = "3d")]
    pub escalate_after: Span,
    /// When the core system is told again what it has not taken: minute, hour, day of the month, month, day of the week.
    #[arg(long, env = "INTERFACE_NIGHTLY", value_name = "CRON", default_value = "0 3 * * *")]
    pub interface_nightly: Cron,
}

impl ScheduleArgs {
    /// How long a task has to be overdue until managers are told.
    pub(crate) fn escalate_after(&self) -> TimeDelta {
        const LONGEST: TimeDelta = TimeDelta::days(36_500);
        TimeDelta::from_std(self.escalate_after.0).unwrap_or(LONGEST).min(LONGEST)
    }
}

fn zone(name: &str) -> Result<TimeZone, &'static str> {
    TimeZone::parse(name).map_err(|_| "expected a time zone such as Asia/Seoul")
}
