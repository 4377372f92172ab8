//! What clients get: one type per resource, made by queries, rendered as it stands.

mod comment;
mod delivery;
mod dry_run;
mod history;
mod notice;
mod operation;
mod page;
mod projection;
mod schema;
mod task;
mod user;

pub use comment::Comment;
pub use delivery::{Attempt, Delivery, DeliveryWithAttempts};
pub use dry_run::{DryAudience, DryRule, DryRun, DryRunRequest, WouldTell};
pub use history::{Actor, FieldChange, HistoryEntry};
pub use notice::{Inbox, Notice, NoticeTask, NotificationRule, NotificationWishes, Quiet, RuleRecipients};
pub use operation::{Operation, OperationProgress};
pub use page::{Count, CountedPage, Counts, Label, Page};
pub use projection::{Lane, ParkedEvent, ProjectionStatus};
pub use task::{ChecklistItem, Person, Task};
pub use user::{PrivateFields, User};
