//! Roles and sets of them.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::words::words;

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
    const fn bit(self) -> u8 {
        1 << self as u8
    }

    /// The role that one user may not hold beside this one.
    pub fn excludes(self) -> Option<Self> {
        match self {
            Self::Auditor => Some(Self::Admin),
            Self::Admin => Some(Self::Auditor),
            Self::Member | Self::Manager | Self::Announcer | Self::Operator | Self::Integrator => None,
        }
    }
}

/// The roles of one user; on the wire a list of words in the order of [`Role::ALL`].
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct RoleSet(u8);

impl RoleSet {
    /// No role at all.
    pub const EMPTY: Self = Self(0);

    /// The set of these roles.
    pub const fn of(roles: &[Role]) -> Self {
        let (mut bits, mut index) = (0, 0);
        while index < roles.len() {
            bits |= roles[index].bit();
            index += 1;
        }
        Self(bits)
    }

    /// Whether the role is held.
    pub const fn has(self, role: Role) -> bool {
        self.0 & role.bit() != 0
    }

    /// Whether any of the roles is held.
    pub const fn has_any(self, roles: Self) -> bool {
        self.0 & roles.0 != 0
    }

    /// The set with this role.
    pub const fn with(self, role: Role) -> Self {
        Self(self.0 | role.bit())
    }

    /// The set without this role.
    pub const fn without(self, role: Role) -> Self {
        Self(self.0 & !role.bit())
    }

    /// Whether no role is held.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The roles held, in the order of [`Role::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Role> {
        Role::ALL.iter().copied().filter(move |role| self.has(*role))
    }
}

impl FromIterator<Role> for RoleSet {
    fn from_iter<I: IntoIterator<Item = Role>>(roles: I) -> Self {
        roles.into_iter().fold(Self::EMPTY, Self::with)
    }
}

impl fmt::Debug for RoleSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(Role::as_str)).finish()
    }
}

impl Serialize for RoleSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for RoleSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::<Role>::deserialize(deserializer).map(Self::from_iter)
    }
}
