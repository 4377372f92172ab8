//! What the tables hold of one version of a task, and of one link.

use chrono::{DateTime, Utc};
use event_store::envelope::Envelope;
use uuid::Uuid;

/// An event, as the beginning or end of a span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Its position.
    pub position: i64,
    /// When it happened.
    pub time: DateTime<Utc>,
}

impl Mark {
    /// That of this event.
    pub fn of(at: &Envelope) -> Self {
        Self { position: at.position, time: at.occurred_at.into() }
    }
}

/// One version of a task.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow)]
pub struct VersionRow {
    /// The task.
    pub id: Uuid,
    /// Position of the event that made it.
    pub since: i64,
    /// Position of the task's next event; none while it stands.
    pub until: Option<i64>,
    /// Number of the event that made it.
    pub version: i64,
    /// When that happened.
    pub update_time: DateTime<Utc>,
    /// When the next one happened.
    pub until_time: Option<DateTime<Utc>>,
    /// Whether that was more than a day after the log took it.
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
    /// Who created it.
    pub creator: Uuid,
    /// The task that it is a part of.
    pub parent: Option<Uuid>,
    /// The other system that knows it.
    pub external_system: Option<String>,
    /// Its id there.
    pub external_id: Option<String>,
    /// Seen by creator, assignees and watchers only.
    pub private: bool,
    /// When its first event happened.
    pub create_time: DateTime<Utc>,
    /// When it was deleted.
    pub delete_time: Option<DateTime<Utc>>,
}

impl VersionRow {
    /// Where its span begins.
    pub fn mark(&self) -> Mark {
        Mark { position: self.since, time: self.update_time }
    }

    /// Ends its span.
    pub fn end(&mut self, mark: Mark) {
        (self.until, self.until_time) = (Some(mark.position), Some(mark.time));
    }
}

/// What a task is found by: `creator`, `assignee`, `watcher` or `label`, and which.
pub type Link = (&'static str, String);

/// A link and the span in which it stood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkSpan {
    /// The link.
    pub link: Link,
    /// The task.
    pub task: Uuid,
    /// Where it begins.
    pub since: Mark,
    /// Where it ends; none while it stands.
    pub until: Option<Mark>,
}
