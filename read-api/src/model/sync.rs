//! What a device takes in to be where the log is.

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Comment, Task, User};

/// Some of what has changed. Whatever is here stands as a whole in place of what the device had.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct SyncPage {
    /// The beginning of a snapshot: what the device has is to be dropped first.
    pub reset: bool,
    /// Tasks as they stand.
    pub tasks: Vec<Task>,
    /// Comments as they stand.
    pub comments: Vec<SyncComment>,
    /// Users with what everybody may see of them.
    pub users: Vec<User>,
    /// What the device has to drop, if it has it: a task with all of its comments, or one comment.
    pub tombstones: Vec<Tombstone>,
    /// The `since` of the next request; good for ever.
    pub next: String,
    /// Whether there is more now.
    pub has_more: bool,
}

impl SyncPage {
    /// How much is on it.
    pub fn count(&self) -> usize {
        self.tasks.len() + self.comments.len() + self.users.len() + self.tombstones.len()
    }
}

/// A comment with the task that it is on.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SyncComment {
    /// The task.
    pub task: Uuid,
    /// The comment.
    #[serde(flatten)]
    pub comment: Comment,
}

/// Something that is gone, at least for this caller.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Tombstone {
    /// `task` or `comment`.
    pub r#type: &'static str,
    /// Which.
    pub id: Uuid,
    /// It was deleted.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    pub deleted: bool,
    /// It is there, but the caller sees it no more.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    pub access_lost: bool,
}

impl Tombstone {
    /// Of something deleted.
    pub fn deleted(r#type: &'static str, id: Uuid) -> Self {
        Self { r#type, id, deleted: true, access_lost: false }
    }

    /// Of a task that is somebody else's now.
    pub fn access_lost(id: Uuid) -> Self {
        Self { r#type: "task", id, deleted: false, access_lost: true }
    }
}
