//! Members that only the server sets, sent back by a client.

use serde_json::Value;

use super::pointer::Pointer;
use crate::problem::{Flaw, Problem, Violation};

/// What a client sent for output-only members; unchanged is fine, changed is a violation.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Echoes(Vec<Echo>);

#[derive(Clone, Debug)]
struct Echo {
    name: String,
    pointer: Pointer,
    sent: Value,
}

impl Echoes {
    pub(super) fn push(&mut self, name: &str, pointer: Pointer, sent: Value) {
        self.0.push(Echo { name: name.to_owned(), pointer, sent });
    }

    /// Whether there is nothing to compare (and no state to load for it).
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Compares with the present values; `current` gives the one of a name, `None` if there is none yet.
    pub fn check(&self, current: impl Fn(&str) -> Option<Value>) -> Result<(), Problem> {
        let changed = self.0.iter().filter(|echo| current(&echo.name).as_ref() != Some(&echo.sent));
        let violations: Vec<_> =
            changed.map(|echo| Violation::at(echo.pointer.clone(), Flaw::new("OUTPUT_ONLY"))).collect();
        if violations.is_empty() { Ok(()) } else { Err(Problem::violations(violations)) }
    }
}
