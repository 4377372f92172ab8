//! Links from one task to another.

use serde::{Deserialize, Serialize};

use crate::{ids::TaskId, words::words};

words! {
    /// What one task is to another.
    RelationType {
        /// Must be done before the other; no cycles.
        Blocks = "blocks",
        /// Has to do with the other; holds both ways.
        Relates = "relates",
        /// Says the same as the other; no cycles.
        Duplicates = "duplicates",
    }
}

impl RelationType {
    /// Whether a chain of such relations may not come back to where it began.
    pub fn is_acyclic(self) -> bool {
        match self {
            Self::Blocks | Self::Duplicates => true,
            Self::Relates => false,
        }
    }
}

/// A link, kept by the task it was added to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Relation {
    /// What the keeper is to the other.
    #[serde(rename = "type")]
    pub kind: RelationType,
    /// The other task.
    pub task: TaskId,
}
