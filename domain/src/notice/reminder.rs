//! When people are reminded of a task, and what they are told then.

use chrono::TimeDelta;
use sha2::{Digest, Sha256};

use super::{FieldChange, Happening};
use crate::{
    ids::{EventId, TaskId},
    notification::ClockTime,
    notification_rule::values::Reminder,
    task::{
        Task,
        values::{Due, Status},
    },
    time::{TimeZone, Timestamp},
};

/// When people are reminded of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reminders {
    /// That it is due soon.
    pub soon: Timestamp,
    /// That it is overdue.
    pub overdue: Timestamp,
}

impl Reminders {
    /// A day before, and when it is over. Of a day that is the morning of the day before, and that of the day after, there.
    pub fn of(due: Due, zone: TimeZone) -> Self {
        match due {
            Due::At { at, .. } => Self { soon: at.plus(TimeDelta::days(-1)), overdue: at },
            Due::Date { date } => {
                let day = TimeDelta::days(1);
                let morning = |date: chrono::NaiveDate| ClockTime::EIGHT.on(date, zone);
                let before = date.checked_sub_signed(day).unwrap_or(date);
                let after = date.checked_add_signed(day).unwrap_or(date);
                Self { soon: morning(before), overdue: morning(after) }
            }
        }
    }
}

impl Task {
    /// When it should be done, if anybody is to be reminded of it: it is open, and there.
    pub fn open_due(&self) -> Option<Due> {
        let open = match self.status {
            Status::Waiting | Status::InProgress | Status::OnHold => true,
            Status::Done | Status::Cancelled => false,
        };
        self.due.filter(|_| open && !self.deleted)
    }
}

impl Happening {
    /// A reminder, as if it were an event: the same for a task and when it is due, whoever computes it. None of what is no task.
    pub fn reminder(reminder: Reminder, (id, task): (TaskId, &Task), due: Due, at: Timestamp) -> Option<Self> {
        let said = match due {
            Due::Date { date } => date.to_string(),
            Due::At { at, zone } => format!("{at} {zone}"),
        };
        let digest = Sha256::digest(format!("{reminder} of {id} due {said}"));
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest[..16]);
        Some(Self {
            event: EventId(uuid::Builder::from_custom_bytes(bytes).into_uuid()),
            trigger: reminder.as_str().to_owned(),
            task: id,
            key: task.key?,
            title: task.title.clone()?,
            actor: None,
            occurred_at: at,
            changes: vec![FieldChange::told("due", due)],
        })
    }

    /// Whether it is a reminder.
    pub fn is_reminder(&self) -> bool {
        Reminder::WORDS.contains(&self.trigger.as_str())
    }
}
