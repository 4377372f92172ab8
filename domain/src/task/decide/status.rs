//! Changing status and progress.

use super::Decided;
use crate::{
    event::Change,
    task::{
        StatusChange, Task, TaskError, TaskEvent,
        values::{Progress, Reason, Transition},
    },
};

impl Task {
    pub(super) fn transition(&self, transition: Transition, reason: Option<Reason>) -> Decided {
        let (status, to) = (self.status, transition.target());
        if status == to {
            return Ok(Vec::new());
        }
        let allowed = status.allowed();
        if !allowed.contains(&transition) {
            return Err(TaskError::TransitionNotAllowed { transition, status, allowed });
        }
        let change = StatusChange { from: status, to, reason };
        Ok(vec![match transition {
            Transition::Start => TaskEvent::Started(change),
            Transition::Hold => TaskEvent::Held(change),
            Transition::Resume => TaskEvent::Resumed(change),
            Transition::Complete => TaskEvent::Completed(change),
            Transition::Cancel => TaskEvent::Cancelled(change),
            Transition::Reopen => TaskEvent::Reopened(change),
        }])
    }

    pub(super) fn set_progress(&self, to: Progress) -> Decided {
        if self.progress == to {
            return Ok(Vec::new());
        }
        Ok(vec![TaskEvent::ProgressChanged(Change { from: self.progress, to })])
    }
}
