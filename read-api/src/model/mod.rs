//! What clients get: one type per resource, made by queries, rendered as it stands.

mod comment;
mod delivery;
mod history;
mod operation;
mod page;
mod process;
mod projection;
mod schema;
mod task;
mod trace;
mod user;
mod webhook;

pub use comment::Comment;
pub use delivery::{Attempt, Delivery, DeliveryWithAttempts};
pub use history::{Actor, FieldChange, HistoryEntry};
pub use operation::{Operation, OperationProgress};
pub use page::{Count, CountedPage, Counts, Label, Page};
pub use process::Process;
pub use projection::{Lane, ParkedEvent, ProjectionStatus};
pub use task::{ChecklistItem, Person, Task};
pub use trace::{TraceEntry, TracedAggregate};
pub use user::{PrivateFields, User};
pub use webhook::{Webhook, WebhookAttempt};
