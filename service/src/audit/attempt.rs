//! Commands that nobody waits for to their end.

use super::{
    Audit, Outcome, Trail,
    layer::{Refusal, Seen},
};
use crate::problem::Code;

/// A request under way. If it is dropped before there is an answer, as its client has gone, it took too long or its handler
/// broke, nobody knows what has become of it, which is kept of a command.
pub(super) struct Attempt<'a> {
    audit: &'a Audit,
    seen: Seen<'a>,
    trail: &'a Trail,
    answered: bool,
}

impl<'a> Attempt<'a> {
    pub(super) fn new(audit: &'a Audit, seen: Seen<'a>, trail: &'a Trail) -> Self {
        Self { audit, seen, trail, answered: false }
    }

    pub(super) fn ends(mut self) {
        self.answered = true;
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        // Events tell of themselves.
        if self.answered || self.seen.route.reads || self.seen.context.has_left_event() {
            return;
        }
        let broken = std::thread::panicking();
        let code = if broken { Code::Internal } else { Code::OutcomeUnknown };
        let refusal = Refusal { status: code.status(), code: Some(code), hidden: false };
        self.audit.keep(self.seen.record(&self.trail.take(), Outcome::Failure, refusal));
    }
}
