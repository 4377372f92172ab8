//! What a task is made of. `parse` checks what people send; deserialising trusts the log.

mod due;
mod external_ref;
mod relation;
mod status;
mod texts;

pub use due::Due;
pub use external_ref::ExternalRef;
pub use relation::{Relation, RelationType};
pub use status::{Status, Transition};
pub use texts::{ChecklistText, CommentDigest, Label, Markdown, Reason, Title};

pub use crate::time::TimeZone;
use crate::{violation::Violation, words::words};

/// Most labels on a task.
pub const MAX_LABELS: usize = 50;
/// Most assignees of a task.
pub const MAX_ASSIGNEES: usize = 20;
/// Most watchers of a task.
pub const MAX_WATCHERS: usize = 200;
/// Most checklist items of a task.
pub const MAX_CHECKLIST: usize = 200;
/// Most relations that start at a task.
pub const MAX_RELATIONS: usize = 200;
/// Most comments that stand on a task at one time.
pub const MAX_COMMENTS: usize = 10_000;

words! {
    /// How pressing a task is.
    #[derive(Default)]
    Priority {
        /// Can wait.
        Low = "low",
        /// The default.
        #[default]
        Normal = "normal",
        /// Before others.
        High = "high",
        /// Now.
        Urgent = "urgent",
    }
}

words! {
    /// Who may see a task.
    #[derive(Default)]
    Visibility {
        /// Every member; the default.
        #[default]
        Team = "team",
        /// Creator, assignees, watchers; auditors read.
        Private = "private",
    }
}

/// How far a task has come, in percent: 0 to 100.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct Progress(#[cfg_attr(feature = "schemas", schemars(range(max = 100)))] u8);

impl Progress {
    /// Checks the range.
    pub fn parse(percent: i64) -> Result<Self, Violation> {
        u8::try_from(percent)
            .ok()
            .filter(|percent| *percent <= 100)
            .map(Self)
            .ok_or(Violation::OutOfRange { min: 0, max: 100 })
    }

    /// The percentage.
    pub fn percent(self) -> u8 {
        self.0
    }
}
