//! Messages that make no request.

use axum::http::Extensions;
use tonic::Status;

use crate::problem::{Code, Flaw, Problem, Violation};

/// What is wrong with a message that makes no request. Its method is asked all the same, with this among the extensions: who
/// may not come in learns no more than over HTTP, who may is told, and it counts and is kept as what HTTP refuses.
#[derive(Clone, Debug)]
pub(crate) struct Unreadable(Problem);

impl Unreadable {
    /// What is wrong with the request of these extensions, if its message could not be read.
    pub(crate) fn of(extensions: &Extensions) -> Option<Problem> {
        extensions.get::<Self>().map(|Self(problem)| problem.clone())
    }

    pub(super) fn new(problem: Problem) -> Self {
        Self(problem)
    }
}

/// Why there is no request.
#[derive(Debug)]
pub(super) enum Fault {
    /// What came is none of gRPC's.
    Wire(Status),
    /// The message is wrong, or too much.
    Message(Problem),
}

impl From<Status> for Fault {
    fn from(status: Status) -> Self {
        Self::Wire(status)
    }
}

impl From<Problem> for Fault {
    fn from(problem: Problem) -> Self {
        Self::Message(problem)
    }
}

impl From<Code> for Fault {
    fn from(code: Code) -> Self {
        Self::Message(code.into())
    }
}

/// The message is none.
pub(super) fn invalid_message(why: &str) -> Problem {
    Problem::new(Code::ValidationFailed).detail(why, format!("메시지를 읽을 수 없습니다: {why}"))
}

/// One field is wrong.
pub(super) fn invalid_field(field: &str, reason: &'static str, why: &str) -> Problem {
    let flaw = Flaw::new(reason).detail(why);
    Problem::new(Code::ValidationFailed).violation(Violation::at(format!("/{field}"), flaw))
}
