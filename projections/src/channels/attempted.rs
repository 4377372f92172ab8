//! What a call over HTTP has come to.

use service::outbound::{Answer, CallError};

use crate::deliveries::{Attempted, Outcome};

/// Bytes of answers that are kept for people to read.
const EXCERPT: usize = 4096;

impl Attempted {
    /// There is an answer; `code` is its status, or what the receiver itself calls it.
    pub(super) fn answered(outcome: Outcome, code: impl Into<String>, answer: &Answer) -> Self {
        let response = Some(answer.excerpt(EXCERPT));
        Self { code: Some(code.into()), response, ..Self::new(outcome) }
    }

    /// Without an answer nobody knows whether the receiver has it: it is sent again.
    pub(super) fn unanswered(error: &CallError) -> Self {
        Self { code: Some(error.code().to_owned()), ..Self::failed(error) }
    }
}
