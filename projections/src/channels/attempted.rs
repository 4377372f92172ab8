//! What one attempt has come to.

use std::time::Duration;

use service::outbound::{Answer, CallError};

use super::EXCERPT;

/// What is to become of a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The receiver has it.
    Delivered,
    /// Not now; it may go better later, but not before `retry_after`.
    Failed {
        /// How long the receiver wants to be left alone.
        retry_after: Option<Duration>,
    },
    /// The receiver does not want it, and will not later.
    Rejected {
        /// Why, for people.
        reason: String,
    },
}

/// One attempt, for its row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempted {
    /// What is to become of the delivery.
    pub outcome: Outcome,
    /// The status, the receiver's own code, or what kept an answer from coming.
    pub code: String,
    /// The beginning of what came back.
    pub response_excerpt: Option<String>,
}

impl Attempted {
    pub(super) fn answered(outcome: Outcome, code: impl Into<String>, answer: &Answer) -> Self {
        Self { outcome, code: code.into(), response_excerpt: Some(answer.excerpt(EXCERPT)) }
    }

    /// Without an answer nobody knows whether the receiver has it: it is sent again.
    pub(super) fn unanswered(error: &CallError) -> Self {
        let outcome = Outcome::Failed { retry_after: None };
        Self { outcome, code: error.code().to_owned(), response_excerpt: None }
    }
}
