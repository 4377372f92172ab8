//! What clients get: one type per resource, made by queries, rendered as it stands.

mod comment;
mod history;
mod page;
mod projection;
mod schema;
mod task;
mod user;

pub use comment::Comment;
pub use history::{Actor, FieldChange, HistoryEntry};
pub use page::{Count, CountedPage, Counts, Label, Page};
pub use projection::{Lane, ParkedEvent, ProjectionStatus};
pub use task::{ChecklistItem, Person, Task};
pub use user::{PrivateFields, User};
