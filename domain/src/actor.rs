//! Who asks for a command, with the rights that count at this moment.

use crate::{ids::UserId, policy::RoleSet};

/// The one whose rights a command is judged by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor {
    /// The system itself: first start, schedules. May do everything that needs no person.
    System,
    /// A caller without a session: registration, links from mails.
    Anonymous,
    /// A person or service account; `roles` come from the user aggregate, not from the token.
    User {
        /// Who.
        id: UserId,
        /// The roles held now; empty unless active.
        roles: RoleSet,
    },
    /// History brought in: `person` acted then, the importer's roles count now (rule `import`).
    Import {
        /// Who acted in the original record.
        person: UserId,
        /// The roles of the one who imports.
        roles: RoleSet,
    },
}

impl Actor {
    /// The person whom events name as the one who acted.
    pub fn id(&self) -> Option<UserId> {
        match self {
            Self::System | Self::Anonymous => None,
            Self::User { id, .. } => Some(*id),
            Self::Import { person, .. } => Some(*person),
        }
    }

    /// The roles that count.
    pub fn roles(&self) -> RoleSet {
        match self {
            Self::System | Self::Anonymous => RoleSet::EMPTY,
            Self::User { roles, .. } | Self::Import { roles, .. } => *roles,
        }
    }
}
