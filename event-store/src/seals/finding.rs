//! What a verification looks at, and what it may find.

use super::{Ledger, SignedSeal};

/// Something is not what was sealed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Nothing stands at the position.
    #[error("it is missing")]
    Missing,
    /// What stands there is none of ours.
    #[error("it cannot be read: {0}")]
    Unreadable(String),
    /// Something else stands there than was sealed.
    #[error("it is not what was sealed")]
    Changed,
    /// The seal is gone from the table.
    #[error("the seal that begins here is missing")]
    SealMissing,
    /// The table's row is no seal, or contradicts its own line.
    #[error("the seal that begins here was changed")]
    SealChanged,
    /// The hashes beside the seal do not make its root; the block itself does.
    #[error("the hashes beside the seal that begins here were changed")]
    LeavesChanged,
    /// A seal does not follow the one before it.
    #[error("the seal that begins here does not follow the one before it")]
    Chain,
    /// A key that nobody has told us of.
    #[error("the seal that begins here is signed by the unknown key {0}")]
    UnknownKey(String),
    /// The signature is wrong.
    #[error("the signature of the seal that begins here is wrong")]
    Signature,
    /// The table and the file outside part ways.
    #[error("the file has another seal than the table for what begins here")]
    Differs,
}

impl Fault {
    /// The word for it in answers.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Unreadable(_) => "unreadable",
            Self::Changed => "changed",
            Self::SealMissing => "seal_missing",
            Self::SealChanged => "seal_changed",
            Self::LeavesChanged => "leaves_changed",
            Self::Chain => "chain_broken",
            Self::UnknownKey(_) => "unknown_key",
            Self::Signature => "wrong_signature",
            Self::Differs => "differs_from_file",
        }
    }
}

/// The first position that is bad.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The position.
    pub position: i64,
    /// Which one of a block it is cannot always be told: then any from `position` to here.
    pub up_to: i64,
    /// What is wrong.
    pub fault: Fault,
}

/// What is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Scope {
    /// Which log.
    pub ledger: Ledger,
    /// From the block with this position.
    pub from: i64,
    /// To the block with this position; to the end without it.
    pub to: Option<i64>,
    /// No further block is begun after so many positions.
    pub limit: Option<i64>,
}

impl Scope {
    /// All of a log.
    pub fn whole(ledger: Ledger) -> Self {
        Self { ledger, from: 1, to: None, limit: None }
    }
}

/// What was found.
#[derive(Clone, Debug)]
pub struct Verified {
    /// Which log.
    pub ledger: Ledger,
    /// The first position that was looked at: that of the block.
    pub from: i64,
    /// The last position that was looked at; smaller than `from` if there was nothing.
    pub to: i64,
    /// Position of the last event.
    pub head: i64,
    /// Seals that were looked at.
    pub seals: i64,
    /// How many of them the file outside has too.
    pub compared: i64,
    /// The last seal of the log.
    pub last: Option<SignedSeal>,
    /// How many at the end of the log are not yet sealed.
    pub unsealed: i64,
    /// The first that is bad; none if all is as it was sealed.
    pub finding: Option<Finding>,
    /// Where to go on, if the limit ended it before `to`.
    pub next: Option<i64>,
}
