//! The task: what can be asked of it, what can happen to it, how it decides.

mod aggregate;
mod apply;
mod authorise;
mod commands;
mod content;
mod context;
mod decide;
mod error;
mod events;
mod field;
mod graph;
mod needs;
mod rules;
pub mod values;

pub use aggregate::{ChecklistItem, Comment, Task};
pub use commands::{CreateTask, EditTask, TaskCommand};
pub use content::Content;
pub use context::{Facts, Needs, TaskContext, TaskFact, UserFact};
pub use error::TaskError;
pub use events::{
    AssigneeEntry, ChecklistItemEntry, ChecklistItemRenamed, ChecklistItemText, CommentEdited, CommentEntry,
    Commented, Created, DescriptionChanged, LabelEntry, RolledBack, StatusChange, TaskEvent, WatcherEntry,
};
pub use field::Field;
pub use graph::{MAX_ANCESTORS, MAX_LINKED};
