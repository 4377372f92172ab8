//! What can be asked of a user, and what a decision on one knows beside.

use uuid::Uuid;

use super::{
    RefreshTokenReused, TotpEnabled,
    values::{Locale, Reason, TimeZone},
};
use crate::{
    actor::Actor,
    ids::UserId,
    personal::Sealed,
    policy::{Role, RoleSet},
    task::values::ExternalRef,
    time::Timestamp,
};

/// One wish. All values are parsed, personal ones sealed.
#[derive(Clone, Debug, PartialEq)]
pub enum UserCommand {
    /// Sign oneself up; the claim on the address is the caller's.
    Register(NewUser),
    /// Sign somebody else up.
    Invite {
        /// Whom.
        user: NewUser,
        /// Roles from the beginning; none = `member` at verification.
        roles: RoleSet,
    },
    /// Bring in somebody from imported history: active, a member, without credentials.
    Import {
        /// Name.
        name: Sealed,
        /// Who it is there; the claim is the caller's.
        source: ExternalRef,
    },
    /// The address is theirs.
    Verify {
        /// How one knows.
        proof: Proof,
    },
    /// Change the profile.
    EditProfile(Profile),
    /// Give a role.
    GrantRole {
        /// Which.
        role: Role,
    },
    /// Take a role away.
    RevokeRole {
        /// Which.
        role: Role,
    },
    /// Lock out.
    Deactivate {
        /// Why, if said.
        reason: Option<Reason>,
    },
    /// Let in again.
    Reactivate {
        /// Why, if said.
        reason: Option<Reason>,
    },
    /// Put on record that a session has ended because of its refresh token.
    RecordReuse(RefreshTokenReused),
    /// Ask for a second factor from now on; that the user has it was checked.
    EnableTotp(TotpEnabled),
    /// Let the password alone do again.
    DisableTotp,
    /// Put other recovery codes in force.
    RenewRecoveryCodes {
        /// Under which id they are kept.
        recovery_codes: Uuid,
    },
    /// Use a recovery code that was presented and found.
    UseRecoveryCode {
        /// Under which id it is kept.
        recovery_codes: Uuid,
        /// Its number there.
        number: u8,
    },
}

/// Data of somebody new.
#[derive(Clone, Debug, PartialEq)]
pub struct NewUser {
    /// Canonical e-mail address.
    pub email: Sealed,
    /// Name.
    pub name: Sealed,
    /// Language.
    pub locale: Locale,
    /// Time zone.
    pub time_zone: TimeZone,
}

/// How one knows that an address is somebody's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// The mailed token was presented and checked.
    Mail,
    /// The actor says so.
    Word,
}

/// Fields to change: `None` keeps.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Profile {
    /// Name.
    pub name: Option<Sealed>,
    /// Language.
    pub locale: Option<Locale>,
    /// Time zone.
    pub time_zone: Option<TimeZone>,
}

/// Everything loaded before a decision (the `Services` of cqrs-es).
#[derive(Clone, Debug)]
pub struct UserContext {
    /// The user that the command is for.
    pub user: UserId,
    /// Whose rights count.
    pub actor: Actor,
    /// The clock, or the time of the imported record.
    pub now: Timestamp,
    /// What is known about others.
    pub facts: UserFacts,
}

/// What a user's decision asks about other users.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UserFacts {
    /// Another active admin than this user exists; see [`UserCommand::needs_other_admin`].
    pub other_active_admin: bool,
}

impl UserCommand {
    /// Whether [`UserFacts::other_active_admin`] must be looked up before deciding.
    pub fn needs_other_admin(&self) -> bool {
        match self {
            Self::RevokeRole { role } => *role == Role::Admin,
            Self::Deactivate { .. } => true,
            Self::Register(_)
            | Self::Invite { .. }
            | Self::Import { .. }
            | Self::Verify { .. }
            | Self::EditProfile(_)
            | Self::GrantRole { .. }
            | Self::Reactivate { .. }
            | Self::RecordReuse(_)
            | Self::EnableTotp(_)
            | Self::DisableTotp
            | Self::RenewRecoveryCodes { .. }
            | Self::UseRecoveryCode { .. } => false,
        }
    }
}
