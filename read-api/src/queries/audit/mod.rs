//! What auditors ask: records of events and of attempts that left none, newest first.
//!
//! Two tables are asked, each with the same conditions and through its own indexes, and what they answer is merged. What an event
//! says is read from the log when it is shown.

mod circumstances;
mod complete;
mod condition;
mod content;
mod counts;
mod id;
mod logged;
mod page;
mod record;
mod roles;
mod search;
mod words;

pub use condition::AuditFilter;
pub use counts::{Found, MOST_READ, audit_count, audit_count_by, audit_estimate, audit_found};
pub use id::RecordId;
pub use logged::Logged;
use page::audit_page;
pub use page::{AuditCursor, attempts_before};
pub use record::{Archive, audit_record};
pub use roles::{role_holder_count, role_holders};
pub use search::Search;

/// Where a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::queries) enum Source {
    /// The log.
    Events,
    /// The audit log.
    Attempts,
}

impl Source {
    const ALL: [Self; 2] = [Self::Events, Self::Attempts];

    fn table(self) -> &'static str {
        match self {
            Self::Events => "read_model.audit_events",
            Self::Attempts => "read_model.audit_attempts",
        }
    }
}
