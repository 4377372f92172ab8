//! Tasks and their parts.

use domain::time::Timestamp;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// The path of a task.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct TaskPath {
    /// UUID or key, `T-123`.
    pub id: String,
}

/// The path of a comment.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct CommentPath {
    /// UUID or key of the task.
    pub id: String,
    /// The comment.
    pub comment: Uuid,
}

/// The path of a checklist item.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct ItemPath {
    /// UUID or key of the task.
    pub id: String,
    /// The item.
    pub item: Uuid,
}

/// The path of a relation.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct RelationPath {
    /// UUID or key of the task.
    pub id: String,
    /// What the task is to the other: `blocks`, `relates`, `duplicates`.
    pub r#type: String,
    /// UUID or key of the other task.
    pub task: String,
}

/// A new task.
#[derive(Debug, ToSchema)]
pub struct CreateTask {
    /// A UUIDv7 made by the client.
    pub id: Option<Uuid>,
    /// One line, 1 to 200 characters.
    #[schema(min_length = 1, max_length = 200)]
    pub title: String,
    /// Markdown, at most 64 KiB.
    pub description: Option<String>,
    /// `low`, `normal` (default), `high`, `urgent`.
    pub priority: Option<Priority>,
    /// A day, or an instant with its zone.
    pub due: Option<Due>,
    /// At most 50.
    #[schema(max_items = 50)]
    pub labels: Option<Vec<String>>,
    /// Active users, at most 20.
    #[schema(max_items = 20)]
    pub assignees: Option<Vec<Uuid>>,
    /// The task that this one is a part of.
    pub parent: Option<Uuid>,
    /// Its name in another system; unique.
    pub external_ref: Option<ExternalRef>,
    /// Who may see it: `team` (default) or `private`.
    pub visibility: Option<Visibility>,
    /// A member of every command; nothing was read before a create, so that it never fits here.
    #[schema(minimum = 1)]
    pub base_version: Option<i64>,
}

/// Changes to a task: absent stays, `null` clears. Members that only the server sets may be sent back unchanged.
#[derive(Debug, ToSchema)]
pub struct EditTask {
    /// One line, 1 to 200 characters.
    #[schema(min_length = 1, max_length = 200)]
    pub title: Option<String>,
    /// Markdown, at most 64 KiB.
    pub description: Option<String>,
    /// `low`, `normal`, `high`, `urgent`.
    pub priority: Option<Priority>,
    /// A day, or an instant with its zone.
    pub due: Option<Due>,
    /// The whole set, at most 50.
    #[schema(max_items = 50)]
    pub labels: Option<Vec<String>>,
    /// The task that this one is a part of.
    pub parent: Option<Uuid>,
    /// Its name in another system; unique.
    pub external_ref: Option<ExternalRef>,
    /// Who may see it.
    pub visibility: Option<Visibility>,
    /// Merge: refuse only if others have touched the same fields since this version.
    #[schema(minimum = 1)]
    pub base_version: Option<i64>,
}

/// How pressing a task is.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum Priority {
    /// Can wait.
    Low,
    /// The default.
    Normal,
    /// Before others.
    High,
    /// Now.
    Urgent,
}

/// Who may see a task.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum Visibility {
    /// Every member.
    Team,
    /// Creator, assignees, watchers.
    Private,
}

/// When a task should be done: `date`, or `at` and `zone`.
#[derive(Debug, ToSchema)]
pub struct Due {
    /// A calendar day.
    #[schema(format = Date, example = "2026-11-21")]
    pub date: Option<String>,
    /// An instant.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub at: Option<Timestamp>,
    /// The IANA time zone in which people think of it.
    #[schema(example = "Asia/Seoul")]
    pub zone: Option<String>,
}

/// A name in another system.
#[derive(Debug, ToSchema)]
pub struct ExternalRef {
    /// The system: `a-z 0-9 . _ -`.
    #[schema(min_length = 1, max_length = 50)]
    pub system: String,
    /// The id there.
    #[schema(min_length = 1, max_length = 200)]
    pub id: String,
}

/// Nothing to say but, if wanted, the version read.
#[derive(Debug, ToSchema)]
pub struct Empty {
    /// See [`EditTask`].
    #[schema(minimum = 1)]
    pub base_version: Option<i64>,
}

/// Back to where.
#[derive(Debug, ToSchema)]
pub struct Rollback {
    /// A version that the task has had.
    #[schema(minimum = 1)]
    pub version: i64,
    /// See [`EditTask`].
    #[schema(minimum = 1)]
    pub base_version: Option<i64>,
}

/// Why, if wanted.
#[derive(Debug, ToSchema)]
pub struct Reason {
    /// At most 2,000 bytes.
    pub reason: Option<String>,
    /// Merge: refuse only if others have touched the same fields since this version.
    #[schema(minimum = 1)]
    pub base_version: Option<i64>,
}

/// Users to assign or unassign.
#[derive(Debug, ToSchema)]
pub struct Assignees {
    /// At most 20.
    #[schema(min_items = 1, max_items = 20)]
    pub assignees: Vec<Uuid>,
    /// Merge: refuse only if others have touched the same fields since this version.
    #[schema(minimum = 1)]
    pub base_version: Option<i64>,
}

/// Users who watch or cease to; the caller if absent.
#[derive(Debug, ToSchema)]
pub struct Watchers {
    /// At most 200.
    #[schema(min_items = 1, max_items = 200)]
    pub watchers: Option<Vec<Uuid>>,
    /// Merge: refuse only if others have touched the same fields since this version.
    #[schema(minimum = 1)]
    pub base_version: Option<i64>,
}

/// How far a task is.
#[derive(Debug, ToSchema)]
pub struct Progress {
    /// Percent.
    #[schema(minimum = 0, maximum = 100)]
    pub progress: i64,
    /// Merge: refuse only if others have touched the same fields since this version.
    #[schema(minimum = 1)]
    pub base_version: Option<i64>,
}

/// A new comment.
#[derive(Debug, ToSchema)]
pub struct NewComment {
    /// A UUIDv7 made by the client.
    pub id: Option<Uuid>,
    /// Markdown, at most 64 KiB.
    pub text: String,
    /// Merge: refuse only if others have touched the same fields since this version.
    #[schema(minimum = 1)]
    pub base_version: Option<i64>,
}

/// A comment's new text.
#[derive(Debug, ToSchema)]
pub struct Text {
    /// Markdown, at most 64 KiB.
    pub text: String,
    /// Merge: refuse only if others have touched the same fields since this version.
    #[schema(minimum = 1)]
    pub base_version: Option<i64>,
}

/// A new checklist item.
#[derive(Debug, ToSchema)]
pub struct NewItem {
    /// A UUIDv7 made by the client.
    pub id: Option<Uuid>,
    /// One line, 1 to 500 characters.
    #[schema(min_length = 1, max_length = 500)]
    pub text: String,
    /// Merge: refuse only if others have touched the same fields since this version.
    #[schema(minimum = 1)]
    pub base_version: Option<i64>,
}

/// Changes to a checklist item.
#[derive(Debug, ToSchema)]
pub struct EditItem {
    /// One line, 1 to 500 characters.
    #[schema(min_length = 1, max_length = 500)]
    pub text: Option<String>,
    /// Check or uncheck.
    pub done: Option<bool>,
    /// Merge: refuse only if others have touched the same fields since this version.
    #[schema(minimum = 1)]
    pub base_version: Option<i64>,
}

/// What a command on a task answers: beside these members what it created or changed.
#[derive(Debug, ToSchema)]
pub struct TaskReply {
    /// The task.
    pub id: Uuid,
    /// Its short name.
    #[schema(example = "T-123")]
    pub key: String,
    /// Sequence of its last event; also the ETag.
    pub version: i64,
    /// Position of its last event in the log; `min_position` of a read that must see it.
    pub position: i64,
    /// When it last changed.
    #[schema(value_type = String, format = DateTime)]
    pub update_time: Timestamp,
}
