//! Why a command was not carried out.

use std::borrow::Cow;

use domain::{operation::OperationError, record::RecordError, task::TaskError, user::UserError};
use event_store::{AppendError, LoadError, LogError, SealError};
use serde_json::Value;
use uuid::Uuid;

use crate::locks::Crowded;

/// A refusal, and which command of a unit it was.
#[derive(Debug, thiserror::Error)]
#[error("command {step}: {why}")]
pub struct Refused {
    /// Index of the command among those of the unit.
    pub step: usize,
    /// Why.
    #[source]
    pub why: Refusal,
}

/// Why a command was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The task's own decision.
    #[error(transparent)]
    Task(#[from] TaskError),
    /// The user's own decision.
    #[error(transparent)]
    User(#[from] UserError),
    /// The operation's own decision.
    #[error(transparent)]
    Operation(#[from] OperationError),
    /// The decision of a rule, a webhook, an announcement or an inbox.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// If-Match names another version.
    #[error("the version is {current}")]
    VersionMoved {
        /// The version now; 0 = there is none.
        current: i64,
    },
    /// `base_version` is above the version now.
    #[error("base_version is ahead of version {current}")]
    BaseAhead {
        /// The version now.
        current: i64,
    },
    /// Others have changed the same fields since `base_version`.
    #[error("fields were changed since base_version")]
    FieldConflict(Box<FieldConflict>),
    /// A value that must be unique is in use.
    #[error("{scope} is taken")]
    Taken {
        /// What kind of value.
        scope: Cow<'static, str>,
        /// Who holds it.
        owner: Uuid,
    },
    /// Others were faster, again and again.
    #[error("the aggregates kept moving")]
    Moving,
    /// Too many wait for the same aggregate.
    #[error(transparent)]
    Crowded(#[from] Crowded),
    /// The log did not take the unit.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// An aggregate could not be loaded.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The log could not be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A personal text could not be sealed.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// Something could not be written as JSON.
    #[error("cannot be written as JSON")]
    Encode(#[source] serde_json::Error),
}

/// What happened since the version that the client had read.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldConflict {
    /// The version now.
    pub current: i64,
    /// The fields that the command and later events both touch.
    pub fields: Vec<String>,
    /// The events in between, as clients get them.
    pub events: Vec<Value>,
}

impl Refusal {
    /// Whether state was judged, which may have been remembered wrongly.
    pub(crate) fn is_decision(&self) -> bool {
        match self {
            Self::Task(_)
            | Self::User(_)
            | Self::Operation(_)
            | Self::Record(_)
            | Self::VersionMoved { .. }
            | Self::BaseAhead { .. }
            | Self::FieldConflict(_) => true,
            Self::Taken { .. }
            | Self::Moving
            | Self::Crowded(_)
            | Self::Append(_)
            | Self::Load(_)
            | Self::Log(_)
            | Self::Seal(_)
            | Self::Encode(_) => false,
        }
    }
}

impl From<Refusal> for Refused {
    fn from(why: Refusal) -> Self {
        Self { step: 0, why }
    }
}
