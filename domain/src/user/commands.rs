//! What can be asked of a user, and what a decision on one knows beside.

use uuid::Uuid;

use super::{
    ApiKeyCreated, DeviceRegistered, Identity, Locked, LoginsFailed, RefreshTokenReused, Removal,
    TotpEnabled,
    values::{Locale, Reason, TimeZone},
};
use crate::{
    actor::Actor,
    ids::{CredentialId, DeviceId, IdentityId, LinkId, UserId},
    notification::{Mailing, Preferences},
    personal::Sealed,
    policy::{Role, RoleSet, ScopeSet},
    task::values::ExternalRef,
    time::Timestamp,
};

/// One wish. All values are parsed, personal ones sealed.
#[derive(Clone, Debug, PartialEq)]
pub enum UserCommand {
    /// Sign oneself up; the claim on the address is the caller's.
    Register {
        /// Who.
        user: NewUser,
        /// What the sign-up brings along.
        sign_up: SignUp,
    },
    /// Sign oneself up with an address that is this user's.
    RepeatSignUp(SignUp),
    /// Sign somebody else up.
    Invite {
        /// Whom.
        user: NewUser,
        /// Roles from the beginning; none = `member` at verification.
        roles: RoleSet,
        /// The link to set the first password with; none if nobody is to be mailed.
        link: Option<LinkId>,
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
    /// End all sessions.
    LogOut {
        /// Why, if said.
        reason: Option<Reason>,
    },
    /// Erase the person: the key of their personal data goes, for good.
    Erase,
    /// Have a link mailed to set the password with. Of somebody who does not exist it changes nothing: who asks is not to
    /// learn who is known.
    RequestPasswordReset {
        /// The link, if it comes to that.
        link: LinkId,
    },
    /// Set the password with a mailed link; the address is theirs then, too.
    ResetPassword {
        /// The link whose token was presented.
        link: LinkId,
        /// The new password.
        credential: CredentialId,
        /// Whether it will do only beside a second factor.
        needs_factor: bool,
    },
    /// Set the password, knowing the old one.
    ChangePassword {
        /// The password that was presented, and is right.
        old: Option<CredentialId>,
        /// The new one.
        new: CredentialId,
        /// Whether it will do only beside a second factor.
        needs_factor: bool,
    },
    /// Put on record that a session has ended because of its refresh token.
    RecordReuse(RefreshTokenReused),
    /// Put on record that wrong passwords were tried.
    RecordFailures(LoginsFailed),
    /// Put on record that no password is looked at for a while.
    RecordLock(Locked),
    /// Make a program a user of its own.
    CreateServiceAccount {
        /// Name.
        name: Sealed,
        /// What its keys may be for.
        scopes: ScopeSet,
    },
    /// Make an API key; what recognises it is kept elsewhere.
    CreateApiKey(ApiKeyCreated),
    /// Take an API key away.
    RevokeApiKey {
        /// Which.
        key: Uuid,
    },
    /// Ask for a second factor from now on; that the user has it was checked.
    EnableTotp(TotpEnabled),
    /// Let the password alone do again.
    DisableTotp {
        /// The password that was found good enough for that.
        password: Option<CredentialId>,
    },
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
    /// Sign oneself up by an outside identity whose provider vouches for the address; the claims on both are the caller's.
    SignUpOutside {
        /// Who.
        user: NewUser,
        /// Who that is there; the same person was checked.
        identity: Identity,
    },
    /// Come in by an outside identity too, whose provider vouches for this user's address; the claim is the caller's.
    LinkIdentity(Identity),
    /// Come in by it no more; the release of the claim is the caller's.
    UnlinkIdentity {
        /// Which one.
        identity: IdentityId,
        /// Whether a password lets the user in; one that was set once stays.
        has_password: bool,
    },
    /// Be told other things, in other ways or at other times.
    SetPreferences(Preferences),
    /// Get no more mails of this kind; whoever has the link of such a mail may ask for it.
    StopMails(Mailing),
    /// Have notices pushed to a device; the claim on it is the caller's.
    RegisterDevice(DeviceRegistered),
    /// Have none pushed to it; the release of the claim is the caller's.
    RemoveDevice {
        /// Which one.
        device: DeviceId,
        /// Why.
        why: Removal,
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

/// What somebody brings along who signs up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignUp {
    /// The link to verify the address with.
    pub link: LinkId,
    /// The password.
    pub credential: CredentialId,
}

/// How one knows that an address is somebody's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// The token of this mailed link was presented.
    Mail(LinkId),
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
            Self::Deactivate { .. } | Self::Erase => true,
            Self::Register { .. }
            | Self::RepeatSignUp(_)
            | Self::Invite { .. }
            | Self::Import { .. }
            | Self::Verify { .. }
            | Self::EditProfile(_)
            | Self::GrantRole { .. }
            | Self::Reactivate { .. }
            | Self::LogOut { .. }
            | Self::RequestPasswordReset { .. }
            | Self::ResetPassword { .. }
            | Self::ChangePassword { .. }
            | Self::RecordReuse(_)
            | Self::RecordFailures(_)
            | Self::RecordLock(_)
            | Self::CreateServiceAccount { .. }
            | Self::CreateApiKey(_)
            | Self::RevokeApiKey { .. }
            | Self::EnableTotp(_)
            | Self::DisableTotp { .. }
            | Self::RenewRecoveryCodes { .. }
            | Self::UseRecoveryCode { .. }
            | Self::SignUpOutside { .. }
            | Self::LinkIdentity(_)
            | Self::UnlinkIdentity { .. }
            | Self::SetPreferences(_)
            | Self::StopMails(_)
            | Self::RegisterDevice(_)
            | Self::RemoveDevice { .. } => false,
        }
    }
}
