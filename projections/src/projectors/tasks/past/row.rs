//! What the tables hold of what stands no more.

use chrono::{DateTime, NaiveTime, Utc};
use event_store::envelope::Envelope;
use uuid::Uuid;

use crate::projectors::tasks::row::TaskRow;

/// A version of a task that stands no more: what lists filter and sort by, as far as it can change.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow)]
pub struct VersionRow {
    /// The task.
    pub id: Uuid,
    /// Position of the event that made it …
    pub since: i64,
    /// … and of the task's next one.
    pub until: i64,
    /// When the one happened …
    pub update_time: DateTime<Utc>,
    /// … and the other.
    pub until_time: DateTime<Utc>,
    /// As of the task, when it was this version.
    pub ahead: bool,
    /// Wire word.
    pub status: String,
    /// low 0, normal 1, high 2, urgent 3.
    pub priority: i16,
    /// The instant, or the start of the day in UTC.
    pub due: Option<DateTime<Utc>>,
    /// In the order in which they were added.
    pub labels: Vec<String>,
    /// In the order in which they were assigned.
    pub assignees: Vec<Uuid>,
    /// In the order in which they began to watch.
    pub watchers: Vec<Uuid>,
    /// The task that it was a part of.
    pub parent: Option<Uuid>,
    /// The other system that knew it.
    pub external_system: Option<String>,
    /// Its id there.
    pub external_id: Option<String>,
    /// Seen by creator, assignees and watchers only.
    pub private: bool,
    /// When it was deleted.
    pub delete_time: Option<DateTime<Utc>>,
}

impl VersionRow {
    /// What `row` was until this event.
    pub fn ended(row: &TaskRow, at: &Envelope) -> Self {
        let day = |date: chrono::NaiveDate| date.and_time(NaiveTime::MIN).and_utc();
        Self {
            id: row.id,
            since: row.position,
            until: at.position,
            update_time: row.update_time,
            until_time: at.occurred_at.into(),
            ahead: row.ahead,
            status: row.status.clone(),
            priority: row.priority,
            due: row.due_at.or(row.due_date.map(day)),
            labels: row.labels.clone(),
            assignees: row.assignees.clone(),
            watchers: row.watchers.clone(),
            parent: row.parent,
            external_system: row.external_system.clone(),
            external_id: row.external_id.clone(),
            private: row.private,
            delete_time: row.delete_time,
        }
    }

    /// The event that ended it.
    pub fn ended_by(&self) -> Until {
        Until { position: self.until, time: self.until_time }
    }
}

/// What a task was found by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Link {
    /// `assignee`, `watcher` or `label`.
    pub kind: &'static str,
    /// The person's id, or the label.
    pub value: String,
    /// The task.
    pub task: Uuid,
}

/// Until when there was a link, at times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Until {
    /// By position …
    pub position: i64,
    /// … and by time, which need not be that of the same event.
    pub time: DateTime<Utc>,
}

impl Until {
    /// The later of both, in each respect.
    pub fn or_later(self, other: Self) -> Self {
        Self { position: self.position.max(other.position), time: self.time.max(other.time) }
    }
}
