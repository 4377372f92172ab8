//! Why a command on a task is refused.

use super::values::{Status, Transition};
use crate::violation::FieldViolation;

/// A refusal in business words. "Already so" is none: it is success without events.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum TaskError {
    /// Never created, deleted, or not to be seen by the caller.
    #[error("no such task")]
    NotFound,
    /// The task has no such comment.
    #[error("no such comment")]
    CommentNotFound,
    /// The task has no such checklist item.
    #[error("no such checklist item")]
    ChecklistItemNotFound,
    /// Seen, but not the caller's to do.
    #[error("not allowed")]
    Forbidden,
    /// The id of a task, comment or item is in use for something else.
    #[error("the id is taken")]
    IdTaken,
    /// The status does not admit it.
    #[error("{transition} is not allowed while {status}")]
    TransitionNotAllowed {
        /// What was asked for.
        transition: Transition,
        /// Where the task stands.
        status: Status,
        /// What may be asked for instead.
        allowed: &'static [Transition],
    },
    /// Undelete of a live task.
    #[error("the task is not deleted")]
    NotDeleted,
    /// Rules about the data were broken; all of them.
    #[error("{} rules are broken", .0.len())]
    Invalid(Vec<FieldViolation>),
}
