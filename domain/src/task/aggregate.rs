//! The state of a task: what its events add up to.

use std::collections::BTreeMap;

use cqrs_es::{Aggregate, event_sink::EventSink};
use serde::{Deserialize, Serialize};

use super::{
    TaskCommand, TaskContext, TaskError, TaskEvent,
    values::{
        ChecklistText, CommentDigest, Due, ExternalRef, Label, Markdown, Priority, Progress, Relation,
        Status, Title, Visibility,
    },
};
use crate::{
    event::Timed,
    ids::{ChecklistItemId, CommentId, TaskId, TaskKey, UserId},
    time::Timestamp,
};

/// A task as it stands; before its first event `key` is none. Also what a snapshot holds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// Sequence of the last event; 0 before the first.
    pub version: i64,
    /// The short name; none until created.
    pub key: Option<TaskKey>,
    /// Title; none until created.
    pub title: Option<Title>,
    /// Description.
    pub description: Option<Markdown>,
    /// Sequence of the event that last set the description.
    pub description_set_by: Option<i64>,
    /// Status.
    pub status: Status,
    /// Priority.
    pub priority: Priority,
    /// Due day or time.
    pub due: Option<Due>,
    /// Labels in the order added.
    pub labels: Vec<Label>,
    /// Assignees in the order added.
    pub assignees: Vec<UserId>,
    /// Watchers in the order added.
    pub watchers: Vec<UserId>,
    /// Who created it; none until created.
    pub creator: Option<UserId>,
    /// The task that this one is a part of.
    pub parent: Option<TaskId>,
    /// The relations that this task keeps, in the order added.
    pub relations: Vec<Relation>,
    /// Checklist in the order added.
    pub checklist: Vec<ChecklistItem>,
    /// Progress.
    pub progress: Progress,
    /// Name in another system.
    pub external_ref: Option<ExternalRef>,
    /// Who may see it.
    pub visibility: Visibility,
    /// The comments that stand.
    pub comments: BTreeMap<CommentId, Comment>,
    /// Whether it is deleted now.
    pub deleted: bool,
    /// When it was created.
    pub create_time: Option<Timestamp>,
    /// When its last event occurred.
    pub update_time: Option<Timestamp>,
    /// When it was deleted, if it is.
    pub delete_time: Option<Timestamp>,
}

/// One item of a checklist.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChecklistItem {
    /// Its id.
    pub id: ChecklistItemId,
    /// Its text.
    pub text: ChecklistText,
    /// Whether it is checked.
    pub done: bool,
}

/// What a task keeps of a comment; the text is in the events.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comment {
    /// Who wrote it.
    pub author: UserId,
    /// Digest of the text that stands.
    pub digest: CommentDigest,
    /// Sequence of the event that set the text.
    pub set_by: i64,
}

impl Task {
    /// Version of the shape that snapshots have; another one is ignored and folded anew.
    pub const SHAPE: i32 = 1;
    /// Days from delete until the task is gone for good.
    pub const PURGE_DAYS: i64 = 30;

    /// Whether the first event has happened.
    pub fn exists(&self) -> bool {
        self.key.is_some()
    }

    /// When a deleted task is gone for good.
    pub fn purge_time(&self) -> Option<Timestamp> {
        self.delete_time.map(|time| time.plus_days(Self::PURGE_DAYS))
    }
}

impl Timed for Task {
    fn occurred(&mut self, at: Timestamp) {
        self.create_time.get_or_insert(at);
        self.update_time = Some(at);
        if self.deleted {
            self.delete_time.get_or_insert(at);
        }
    }

    fn last_occurred_at(&self) -> Option<Timestamp> {
        self.update_time
    }
}

impl Aggregate for Task {
    const TYPE: &'static str = "task";
    type Command = TaskCommand;
    type Event = TaskEvent;
    type Error = TaskError;
    type Services = TaskContext;

    async fn handle(
        &mut self,
        command: TaskCommand,
        context: &TaskContext,
        sink: &EventSink<Self>,
    ) -> Result<(), TaskError> {
        let time = self.effective_time(context.now);
        for event in self.decide(command, context)? {
            sink.write(event, self).await;
            self.occurred(time);
        }
        Ok(())
    }

    fn apply(&mut self, event: TaskEvent) {
        self.take(event);
    }
}
