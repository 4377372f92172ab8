use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A sequence with dense positions that is sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ledger {
    /// The log.
    Events,
    /// The audit log beside it.
    Audit,
}

impl Ledger {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Events, Self::Audit];

    /// Its name in seals.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::Audit => "audit",
        }
    }
}

impl FromStr for Ledger {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|ledger| ledger.as_str() == text).ok_or("expected events or audit")
    }
}
