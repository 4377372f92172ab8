//! Statuses and the transitions between them (contract A5).

use crate::words::words;

words! {
    /// Where a task stands.
    #[derive(Default)]
    Status {
        /// Not begun; the default.
        #[default]
        Waiting = "waiting",
        /// Being worked on.
        InProgress = "in_progress",
        /// Held up.
        OnHold = "on_hold",
        /// Completed.
        Done = "done",
        /// Given up.
        Cancelled = "cancelled",
    }
}

words! {
    /// A change of status, named as its route.
    Transition {
        /// Begin work.
        Start = "start",
        /// Stop for now.
        Hold = "hold",
        /// Go on after a hold.
        Resume = "resume",
        /// Finish.
        Complete = "complete",
        /// Give up.
        Cancel = "cancel",
        /// Back to the beginning.
        Reopen = "reopen",
    }
}

impl Transition {
    /// The status that it leads to.
    pub fn target(self) -> Status {
        match self {
            Self::Start | Self::Resume => Status::InProgress,
            Self::Hold => Status::OnHold,
            Self::Complete => Status::Done,
            Self::Cancel => Status::Cancelled,
            Self::Reopen => Status::Waiting,
        }
    }
}

impl Status {
    /// The transitions that a task in this status may make, in the order of the table.
    pub fn allowed(self) -> &'static [Transition] {
        use Transition::{Cancel, Complete, Hold, Reopen, Resume, Start};
        match self {
            Self::Waiting => &[Start, Hold, Complete, Cancel],
            Self::InProgress => &[Hold, Complete, Cancel],
            Self::OnHold => &[Resume, Complete, Cancel],
            Self::Done | Self::Cancelled => &[Reopen],
        }
    }
}
