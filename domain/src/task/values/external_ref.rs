//! The name of a task or user in another system.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{text::one_line, violation::Violation};

/// A system and the id there; at most one task bears each.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct ExternalRef {
    system: Arc<str>,
    id: Arc<str>,
}

impl ExternalRef {
    /// Checks the system's name: 1 to 50 of `a-z 0-9 . _ -`.
    pub fn parse_system(system: &str) -> Result<Arc<str>, Violation> {
        let fits = !system.is_empty()
            && system.len() <= 50
            && system
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'_' | b'-'));
        if fits {
            Ok(system.into())
        } else {
            Err(Violation::Malformed { expected: "1 to 50 of a-z 0-9 . _ -" })
        }
    }

    /// Checks the id there: one line, 1 to 200 characters.
    pub fn parse_id(id: &str) -> Result<Arc<str>, Violation> {
        one_line(id, 200).map(Into::into)
    }

    /// Puts two checked halves together.
    pub fn new(system: Arc<str>, id: Arc<str>) -> Self {
        Self { system, id }
    }

    /// The system.
    pub fn system(&self) -> &str {
        &self.system
    }

    /// The id there.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// One text for both, as unique claims use it.
    pub fn as_claim(&self) -> String {
        format!("{}:{}", self.system, self.id)
    }
}
