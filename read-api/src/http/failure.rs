//! Errors of queries as refusals.

use event_store::{LoadError, LogError, SealError};
use service::problem::{Code, Problem};

use crate::queries::{ReadError, history::HistoryError};

/// The database went away, is restarting or is full: a new try makes sense.
const PASSING: [&str; 8] = ["57P01", "57P02", "57P03", "53300", "53200", "55P03", "40001", "40P01"];
/// Cancelled by the statement timeout.
const TIMED_OUT: &str = "57014";

/// What a client is told when a query fails.
pub(crate) fn failed(error: sqlx::Error) -> Problem {
    refusal(code_of(&error), error)
}

/// What a client is told when a coalesced read fails.
pub(super) fn unread(error: ReadError) -> Problem {
    let code = match &error {
        ReadError::Overloaded => Code::Overloaded,
        ReadError::Database(cause) => code_of(cause),
    };
    refusal(code, error)
}

/// What a client is told when a history cannot be told.
pub(super) fn untold(error: HistoryError) -> Problem {
    let code = match &error {
        HistoryError::Names(cause) => code_of(cause),
        HistoryError::Log(cause) => log_code(cause),
        HistoryError::Event { .. } | HistoryError::Seal(_) => Code::Internal,
    };
    refusal(code, error)
}

/// What a client is told when the log does not answer.
pub(crate) fn unlogged(error: LogError) -> Problem {
    refusal(log_code(&error), error)
}

/// What a client is told when a sealed text cannot be opened.
pub(super) fn opened(error: SealError) -> Problem {
    untold(error.into())
}

/// What a client is told when an aggregate cannot be loaded from the log.
pub(super) fn unloaded(error: LoadError) -> Problem {
    match error {
        LoadError::Log(error) => unlogged(error),
        other => Problem::new(Code::Internal).caused_by(other),
    }
}

fn refusal(code: Code, cause: impl std::error::Error + Send + Sync + 'static) -> Problem {
    let problem = Problem::new(code).caused_by(cause);
    if matches!(code, Code::Unavailable | Code::Overloaded) { problem.retry_after(1) } else { problem }
}

fn log_code(error: &LogError) -> Code {
    match error {
        LogError::Database(error) => code_of(error),
        LogError::Damaged { .. } | LogError::DamagedReceipt => Code::Internal,
    }
}

fn code_of(error: &sqlx::Error) -> Code {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::Tls(_) => Code::Unavailable,
        sqlx::Error::Database(error) => match error.code().as_deref() {
            Some(TIMED_OUT) => Code::DeadlineExceeded,
            Some(code) if PASSING.contains(&code) || code.starts_with("08") => Code::Unavailable,
            _ => Code::Internal,
        },
        _ => Code::Internal,
    }
}
