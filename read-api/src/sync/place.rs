//! Where a device is: what its token says.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::queries::Sight;

/// A place of a device; sealed, as it may be shown to others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Place {
    /// Which log.
    pub(crate) epoch: Uuid,
    /// The device has all changes up to there, once it has what its stage leaves open.
    pub(crate) position: i64,
    /// What the caller could see; another sight needs another snapshot.
    pub(crate) sight: Sight,
    pub(crate) stage: Stage,
}

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Stage {
    /// Of the snapshot: tasks behind this id.
    Tasks(Uuid),
    /// Of the snapshot: comments behind this task's comment.
    Comments(Uuid, Uuid),
    /// Of the snapshot: users behind this id.
    Users(Uuid),
    /// What has changed since the position.
    Changes,
    /// All comments on tasks that came into sight up to this position, behind this task's comment.
    Appeared { up_to: i64, task: Uuid, comment: Uuid },
}

impl Place {
    /// Before everything: a snapshot begins.
    pub(crate) fn beginning(epoch: Uuid, position: i64, sight: Sight) -> Self {
        Self { epoch, position, sight, stage: Stage::Tasks(Uuid::nil()) }
    }
}
