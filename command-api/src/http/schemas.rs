//! Bodies and paths as the OpenAPI document shows them. Bodies are read member by member elsewhere, so that all that is
//! wrong with one is said at once; a test compares both.

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

/// The path of a user.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct UserPath {
    /// The user.
    pub id: Uuid,
}

/// The path of a session.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct SessionPath {
    /// The session.
    pub id: Uuid,
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

/// Somebody who signs up.
#[derive(Debug, ToSchema)]
pub struct Register {
    /// Their address.
    #[schema(format = Email, max_length = 254)]
    pub email: String,
    /// 15 to 256 characters.
    #[schema(format = Password, min_length = 15, max_length = 256)]
    pub password: String,
    /// What they are called.
    #[schema(min_length = 1, max_length = 100)]
    pub name: String,
    /// `en` (default), `ko`, with a region if wanted.
    pub locale: Option<String>,
    /// IANA name; `UTC` by default.
    pub time_zone: Option<String>,
}

/// Somebody who is invited.
#[derive(Debug, ToSchema)]
pub struct Invite {
    /// A UUIDv7 made by the client.
    pub id: Option<Uuid>,
    /// Their address.
    #[schema(format = Email, max_length = 254)]
    pub email: String,
    /// What they are called.
    #[schema(min_length = 1, max_length = 100)]
    pub name: String,
    /// `en` (default), `ko`, with a region if wanted.
    pub locale: Option<String>,
    /// IANA name; `UTC` by default.
    pub time_zone: Option<String>,
    /// From the beginning; `member` at verification if none.
    pub roles: Option<Vec<String>>,
}

/// A fixed text.
#[derive(Debug, ToSchema)]
pub struct Message {
    /// For people.
    pub message: String,
}

/// E-mail and password.
#[derive(Debug, ToSchema)]
pub struct Login {
    /// Address.
    #[schema(format = Email)]
    pub email: String,
    /// Password.
    #[schema(format = Password)]
    pub password: String,
    /// Put the refresh token into a cookie instead of the answer.
    pub refresh_cookie: Option<bool>,
}

/// A refresh token, unless it comes in the cookie.
#[derive(Debug, ToSchema)]
pub struct Refresh {
    /// As the login or the last refresh has answered it.
    pub refresh_token: Option<String>,
}

/// Tokens and whose they are.
#[derive(Debug, ToSchema)]
pub struct LoggedIn {
    /// For `Authorization: Bearer`.
    pub access_token: String,
    /// `Bearer`
    pub token_type: String,
    /// Seconds.
    pub expires_in: i64,
    /// For `POST /v1/auth/refresh`; absent if it is in the cookie.
    pub refresh_token: Option<String>,
    /// The session.
    pub session_id: Uuid,
    /// Who.
    pub user: Person,
}

/// Sessions.
#[derive(Debug, ToSchema)]
pub struct Sessions {
    /// The one used last first.
    pub items: Vec<Session>,
    /// Always empty.
    pub next_page_token: String,
}

/// One of one's own sessions.
#[derive(Debug, ToSchema)]
pub struct Session {
    /// Its id.
    pub id: Uuid,
    /// The address that it was last refreshed from, or opened.
    pub ip: Option<String>,
    /// What the client called itself then.
    pub user_agent: Option<String>,
    /// When it was opened.
    #[schema(value_type = String, format = DateTime)]
    pub create_time: Timestamp,
    /// When it was last refreshed.
    #[schema(value_type = String, format = DateTime)]
    pub last_active_time: Timestamp,
    /// Whether this request belongs to it.
    pub current: bool,
}

/// Somebody, as they see themselves.
#[derive(Debug, ToSchema)]
pub struct Person {
    /// The user.
    pub id: Uuid,
    /// Address.
    pub email: String,
    /// Name.
    pub name: String,
    /// Roles.
    pub roles: Vec<String>,
}

/// Changes to one's profile.
#[derive(Debug, ToSchema)]
pub struct Profile {
    /// What one is called.
    #[schema(min_length = 1, max_length = 100)]
    pub name: Option<String>,
    /// `en`, `ko`, with a region if wanted.
    pub locale: Option<String>,
    /// IANA name.
    pub time_zone: Option<String>,
}

/// Nothing to say.
#[derive(Debug, ToSchema)]
pub struct Nothing {}

/// Why, if wanted.
#[derive(Debug, ToSchema)]
pub struct OnlyReason {
    /// At most 2,000 bytes.
    pub reason: Option<String>,
}

/// A role.
#[derive(Debug, ToSchema)]
pub struct RoleName {
    /// `member`, `manager`, `announcer`, `auditor`, `operator`, `admin`.
    pub role: String,
}

/// What a command on a user answers; nothing personal.
#[derive(Debug, ToSchema)]
pub struct UserReply {
    /// The user.
    pub id: Uuid,
    /// Sequence of the last event; also the ETag.
    pub version: i64,
    /// Position of the last event in the log.
    pub position: i64,
    /// `unverified`, `active`, `deactivated`.
    pub state: String,
    /// Roles.
    pub roles: Vec<String>,
}

/// Many commands.
#[derive(Debug, ToSchema)]
pub struct Batch {
    /// All or none (default), or one by one.
    pub atomic: Option<bool>,
    /// In order.
    #[schema(min_items = 1, max_items = 100)]
    pub commands: Vec<BatchCommand>,
}

/// One of many commands.
#[derive(Debug, ToSchema)]
pub struct BatchCommand {
    /// `create`, `update`, `delete`, `undelete`, `start`, `hold`, `resume`, `complete`, `cancel`, `reopen`, `assign`,
    /// `unassign`, `progress`, `watch`, `unwatch`, `add_comment`, `edit_comment`, `delete_comment`,
    /// `add_checklist_item`, `edit_checklist_item`, `remove_checklist_item`, `add_relation`, `remove_relation`.
    pub op: String,
    /// UUID or key of the task, or the `temp_id` of an earlier create.
    pub id: Option<String>,
    /// What later commands call the task that this one creates.
    #[schema(max_length = 64)]
    pub temp_id: Option<String>,
    /// Merge: refuse only if others have touched the same fields since this version.
    #[schema(minimum = 1)]
    pub base_version: Option<i64>,
    /// As the body of the command's own route; `comment`, `item`, `type` and `task` name what its path would.
    #[schema(value_type = Option<Object>)]
    pub data: Option<serde_json::Value>,
}

/// A result for each command.
#[derive(Debug, ToSchema)]
pub struct BatchReply {
    /// In order.
    pub results: Vec<BatchResult>,
    /// The ids of the tasks created, by their `temp_id`.
    #[schema(value_type = Object)]
    pub temp_ids: serde_json::Value,
    /// Of the last event; atomic batches only.
    pub position: Option<i64>,
}

/// One of the results.
#[derive(Debug, ToSchema)]
pub struct BatchResult {
    /// Which command.
    pub index: i64,
    /// HTTP status.
    pub status: u16,
    /// The answer.
    #[schema(value_type = Option<Object>)]
    pub body: Option<serde_json::Value>,
    /// Or the refusal.
    #[schema(value_type = Option<Object>)]
    pub problem: Option<serde_json::Value>,
}

/// The path of a projection.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct ProjectionPath {
    /// `tasks`, `task_search`, `users`.
    pub name: String,
}

/// The path of a parked event.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct ParkedEventPath {
    /// Its number.
    pub id: i64,
}

/// An operation that was asked for; `Location` names where it can be watched.
#[derive(Debug, ToSchema)]
pub struct OperationReply {
    /// The operation.
    pub id: Uuid,
    /// `operations/<id>`
    pub name: String,
    /// `rebuild`, `replay_parked`, `discard_parked`.
    pub kind: String,
    /// `projections/<name>`, `parked-events/<id>`.
    pub subject: String,
    /// `pending`
    pub state: String,
    /// Position of the request in the log.
    pub position: i64,
}
