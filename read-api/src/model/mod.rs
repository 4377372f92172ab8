//! What clients get: one type per resource, made by queries, rendered as it stands.

mod comment;
mod delivery;
mod history;
mod interface;
mod operation;
mod page;
mod projection;
mod schedule;
mod schema;
mod task;
mod user;

pub use comment::Comment;
pub use delivery::{Attempt, Delivery, DeliveryWithAttempts};
pub use history::{Actor, FieldChange, HistoryEntry};
pub use interface::{InterfaceRun, InterfaceStatus};
pub use operation::{Operation, OperationProgress};
pub use page::{Count, CountedPage, Counts, Label, Page};
pub use projection::{Lane, ParkedEvent, ProjectionStatus};
pub use schedule::{Schedule, ScheduleRun};
pub use task::{ChecklistItem, Person, Task};
pub use user::{PrivateFields, User};
