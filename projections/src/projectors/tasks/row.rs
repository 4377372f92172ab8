//! What the tables hold of one task.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// One task: its row, and those of its comments that matter at the moment (all of them after a fold from the beginning).
#[derive(Clone, Debug, PartialEq, sqlx::FromRow)]
pub struct TaskRow {
    /// The task.
    pub id: Uuid,
    /// 123 of `T-123`.
    pub key: i64,
    /// Sequence of its last event.
    pub version: i64,
    /// Position of its last event.
    pub position: i64,
    /// Title.
    pub title: String,
    /// Description.
    #[sqlx(skip)]
    pub description: LargeText,
    /// Wire word.
    pub status: String,
    /// low 0, normal 1, high 2, urgent 3.
    pub priority: i16,
    /// Due on a day.
    pub due_date: Option<NaiveDate>,
    /// Due at an instant …
    pub due_at: Option<DateTime<Utc>>,
    /// … thought of in this zone.
    pub due_zone: Option<String>,
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
    /// Percent.
    pub progress: i16,
    /// Links that start here.
    #[sqlx(json)]
    pub relations: Vec<Relation>,
    /// In the order in which they were added.
    #[sqlx(json)]
    pub checklist: Vec<ChecklistItem>,
    /// Comments that stand.
    pub comment_count: i32,
    /// When its first event happened.
    pub create_time: DateTime<Utc>,
    /// When its last event happened.
    pub update_time: DateTime<Utc>,
    /// Whether that was more than a day after the log took it.
    pub ahead: bool,
    /// When it was deleted.
    pub delete_time: Option<DateTime<Utc>>,
    /// When a deleted one goes for good.
    pub purge_time: Option<DateTime<Utc>>,
    /// By id.
    #[sqlx(skip)]
    pub comments: BTreeMap<Uuid, CommentRow>,
}

/// A text of up to 64 KiB that a change of status need not carry back and forth.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum LargeText {
    /// Whatever the table holds.
    #[default]
    AsStored,
    /// This one.
    Set(Option<String>),
}

/// A link to another task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Relation {
    /// Wire word.
    #[serde(rename = "type")]
    pub kind: String,
    /// The other task.
    pub task: Uuid,
}

/// One item of a checklist.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChecklistItem {
    /// The item.
    pub id: Uuid,
    /// What is to be done.
    pub text: String,
    /// Whether it is.
    pub done: bool,
}

/// One comment.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow)]
pub struct CommentRow {
    /// The task that it is on.
    pub task_id: Uuid,
    /// The comment.
    pub id: Uuid,
    /// Who wrote it.
    pub author: Uuid,
    /// Markdown.
    pub text: String,
    /// When it was written.
    pub create_time: DateTime<Utc>,
    /// When its text was last changed.
    pub edit_time: Option<DateTime<Utc>>,
    /// Sequence of the event that last set the text.
    pub version: i64,
    /// Position of that event.
    pub position: i64,
}
