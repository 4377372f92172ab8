//! Who asks for a command, with the rights that count at this moment.

use crate::{
    ids::UserId,
    policy::{self, Action, Decision, Relation, RoleSet, ScopeSet},
    task::values::Visibility,
};

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
    /// A program with an API key of a user: the rights of that user, within scopes.
    Key {
        /// Whose key.
        id: UserId,
        /// The roles held now; empty unless active.
        roles: RoleSet,
        /// What the key is for.
        scopes: ScopeSet,
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
            Self::User { id, .. } | Self::Key { id, .. } => Some(*id),
            Self::Import { person, .. } => Some(*person),
        }
    }

    /// What the policy table says to this one's action; `task` is the visibility of the task that is acted upon.
    pub fn decide(&self, action: Action, task: Option<Visibility>, relation: Relation) -> Decision {
        let (roles, scopes) = match *self {
            Self::System | Self::Anonymous => (RoleSet::EMPTY, None),
            Self::User { roles, .. } | Self::Import { roles, .. } => (roles, None),
            Self::Key { roles, scopes, .. } => (roles, Some(scopes)),
        };
        policy::decide_within(scopes, action, roles, task, relation)
    }
}
