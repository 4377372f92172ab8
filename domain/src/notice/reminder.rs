//! When people are reminded of a task, and what they are told then.

use chrono::TimeDelta;

use super::{FieldChange, Happening};
use crate::{
    ids::{EventId, TaskId, UserId},
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
    /// Whether there is still something to be done.
    pub fn is_open(&self) -> bool {
        let open = match self.status {
            Status::Waiting | Status::InProgress | Status::OnHold => true,
            Status::Done | Status::Cancelled => false,
        };
        open && !self.deleted && self.title.is_some()
    }

    /// When it should be done, if anybody is to be reminded of it.
    pub fn open_due(&self) -> Option<Due> {
        self.due.filter(|_| self.is_open())
    }
}

impl Happening {
    /// A reminder, as if it were an event: the same for a task and when it is due, whoever computes it. None of what is no task.
    pub fn reminder(
        reminder: Reminder,
        (id, task): (TaskId, &Task),
        due: Due,
        at: Timestamp,
    ) -> Option<Self> {
        let said = match due {
            Due::Date { date } => date.to_string(),
            Due::At { at, zone } => format!("{at} {zone}"),
        };
        let event = EventId::standing_for(&format!("{reminder} of {id} due {said}"));
        let changes = vec![FieldChange::told("due", due)];
        Some(Self { changes, ..Self::outline(event, reminder, (id, task), at)? })
    }

    /// That nothing blocks a task any more: as if it were an event that follows from this one of another task.
    pub fn unblocked(
        cause: EventId,
        (id, task): (TaskId, &Task),
        actor: Option<UserId>,
        at: Timestamp,
    ) -> Option<Self> {
        let event = EventId::standing_for(&format!("{} of {id} by {cause}", Reminder::Unblocked));
        Some(Self { actor, ..Self::outline(event, Reminder::Unblocked, (id, task), at)? })
    }

    fn outline(
        event: EventId,
        reminder: Reminder,
        (id, task): (TaskId, &Task),
        occurred_at: Timestamp,
    ) -> Option<Self> {
        Some(Self {
            event,
            trigger: reminder.as_str().to_owned(),
            task: id,
            key: task.key?,
            title: task.title.clone()?,
            actor: None,
            occurred_at,
            changes: Vec::new(),
        })
    }

    /// Whether it says that a task should be done: of what is done there is no need to.
    pub fn urges(&self) -> bool {
        match self.trigger.parse() {
            Ok(Reminder::DueSoon | Reminder::Overdue | Reminder::Escalated) => true,
            Ok(Reminder::Unblocked) | Err(_) => false,
        }
    }
}
