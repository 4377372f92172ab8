//! Roles and sets of them.

use crate::words::{word_set, words};

words! {
    /// A role of a user; several per user.
    Role {
        /// Sees team tasks, creates, comments, watches.
        Member = "member",
        /// May change every task that he sees.
        Manager = "manager",
        /// Sends announcements.
        Announcer = "announcer",
        /// Reads everything, changes nothing; excludes `admin`.
        Auditor = "auditor",
        /// Runs deliveries, projections, schedules; sees no task content.
        Operator = "operator",
        /// A service account, within its scopes.
        Integrator = "integrator",
        /// Manages users; may change every task that he sees.
        Admin = "admin",
    }
}

impl Role {
    /// The role that one user may not hold beside this one.
    pub fn excludes(self) -> Option<Self> {
        match self {
            Self::Auditor => Some(Self::Admin),
            Self::Admin => Some(Self::Auditor),
            Self::Member | Self::Manager | Self::Announcer | Self::Operator | Self::Integrator => None,
        }
    }
}

word_set! {
    /// The roles of one user; on the wire a list of words in the order of [`Role::ALL`].
    RoleSet of Role
}
