//! What can have happened to a user. These shapes are a contract: stored for ever, published as they are.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    Platform, Removal,
    values::{Locale, RatePerMinute, Reason, TimeZone},
};
use crate::{
    event::{Change, Nothing, events},
    ids::{CredentialId, DeviceId, IdentityId, LinkId},
    notification::Preferences,
    personal::Sealed,
    policy::{Role, RoleSet, ScopeSet},
    task::values::ExternalRef,
    time::Timestamp,
    words::words,
};

events! {
    /// One fact that became true.
    UserEvent {
        /// Somebody signed up; not yet verified, no role.
        Registered(Registered) = "user.registered" v "1",
        /// An admin invited somebody; not yet verified.
        Invited(Invited) = "user.invited" v "1",
        /// Came with imported history: active, without credentials.
        Imported(Imported) = "user.imported" v "1",
        /// The address is theirs; active from now on.
        Verified(Nothing) = "user.verified" v "1",
        /// Another name.
        NameChanged(Change<Sealed>) = "user.name_changed" v "1",
        /// Another language.
        LocaleChanged(Change<Option<Locale>>) = "user.locale_changed" v "1",
        /// Another time zone.
        TimeZoneChanged(Change<Option<TimeZone>>) = "user.time_zone_changed" v "1",
        /// One role more.
        RoleGranted(RoleEntry) = "user.role_granted" v "1",
        /// One role less.
        RoleRevoked(RoleEntry) = "user.role_revoked" v "1",
        /// May no longer log in or be assigned.
        Deactivated(StateChange) = "user.deactivated" v "1",
        /// May again.
        Reactivated(StateChange) = "user.reactivated" v "1",
        /// Logged out everywhere by an admin: all sessions are over.
        LoggedOut(StateChange) = "user.logged_out" v "1",
        /// A refresh token came back after its successor was used: two hold it. The session has ended.
        RefreshTokenReused(RefreshTokenReused) = "user.refresh_token_reused" v "1",
        /// Wrong passwords were tried for the address.
        LoginsFailed(LoginsFailed) = "user.logins_failed" v "1",
        /// So many that none is looked at for a while; whoever is in stays in.
        Locked(Locked) = "user.locked" v "1",
        /// A link to verify the address is to be mailed; older ones are void.
        VerificationRequested(VerificationRequested) = "user.verification_requested" v "1",
        /// Somebody has tried to sign up with this user's address: the user is to be told.
        SignUpRepeated(Nothing) = "user.sign_up_repeated" v "1",
        /// A link to set the password is to be mailed; older ones are void.
        PasswordResetRequested(PasswordResetRequested) = "user.password_reset_requested" v "1",
        /// Another password counts, and all sessions have ended.
        PasswordChanged(PasswordChanged) = "user.password_changed" v "1",
        /// A program is a user of its own: active, without address and password.
        ServiceAccountCreated(ServiceAccountCreated) = "user.service_account_created" v "1",
        /// A key that programs may come with in the user's name.
        ApiKeyCreated(ApiKeyCreated) = "user.api_key_created" v "1",
        /// A key is worthless from now on.
        ApiKeyRevoked(ApiKeyEntry) = "user.api_key_revoked" v "1",
        /// A second factor is asked for from now on. All sessions are over.
        TotpEnabled(TotpEnabled) = "user.totp_enabled" v "1",
        /// The password alone will do again. All sessions are over.
        TotpDisabled(Nothing) = "user.totp_disabled" v "1",
        /// Other recovery codes; those of before are worthless.
        RecoveryCodesRenewed(RecoveryCodesRenewed) = "user.recovery_codes_renewed" v "1",
        /// A recovery code was used in place of the second factor; it is worthless now.
        RecoveryCodeUsed(RecoveryCodeUsed) = "user.recovery_code_used" v "1",
        /// An identity at an outside provider lets the user in from now on.
        IdentityLinked(IdentityLinked) = "user.identity_linked" v "1",
        /// It does so no more. All sessions are over.
        IdentityUnlinked(IdentityUnlinked) = "user.identity_unlinked" v "1",
        /// Wants to be told other things, in other ways or at other times.
        NotificationPreferencesChanged(Change<Preferences>) = "user.notification_preferences_changed" v "1",
        /// A device that notices are pushed to from now on.
        DeviceRegistered(DeviceRegistered) = "user.device_registered" v "1",
        /// None are from now on.
        DeviceRemoved(DeviceRemoved) = "user.device_removed" v "1",
        /// The key of the personal data is gone, for good; nobody logs in or is assigned. All sessions are over.
        Erased(Nothing) = "user.erased" v "1",
    }
}

impl UserEvent {
    /// The types that raise `User::epoch`, each by one: access tokens from before are stale. Services look for them in
    /// the log, so a type that is missing here would be noticed by nobody but a test.
    pub const RAISE_EPOCH: &'static [&'static str] = &[
        "user.role_granted",
        "user.role_revoked",
        "user.deactivated",
        "user.reactivated",
        "user.logged_out",
        "user.password_changed",
        "user.totp_enabled",
        "user.totp_disabled",
        "user.identity_unlinked",
        "user.erased",
    ];

    /// Whether access tokens from before are stale.
    pub fn raises_epoch(&self) -> bool {
        Self::RAISE_EPOCH.contains(&self.stored_type().0)
    }
}

/// Payload of `user.registered`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Registered {
    /// Canonical e-mail address.
    pub email: Sealed,
    /// Name.
    pub name: Sealed,
    /// Language.
    pub locale: Locale,
    /// Time zone.
    pub time_zone: TimeZone,
}

/// Payload of `user.invited`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Invited {
    /// Canonical e-mail address.
    pub email: Sealed,
    /// Name.
    pub name: Sealed,
    /// Language.
    pub locale: Locale,
    /// Time zone.
    pub time_zone: TimeZone,
    /// Roles from the beginning.
    pub roles: RoleSet,
}

/// Payload of `user.imported`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Imported {
    /// Name.
    pub name: Sealed,
    /// Who it is in the system that the history comes from.
    pub source: ExternalRef,
}

/// Payload of `user.role_granted` and `user.role_revoked`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct RoleEntry {
    /// The role.
    pub role: Role,
}

/// Payload of `user.deactivated`, `user.reactivated` and `user.logged_out`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct StateChange {
    /// Why, if said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// Payload of `user.service_account_created`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct ServiceAccountCreated {
    /// Name.
    pub name: Sealed,
    /// Roles from the beginning.
    pub roles: RoleSet,
    /// What its keys may be for at most.
    pub scopes: ScopeSet,
}

/// Payload of `user.api_key_created`. What recognises the key is kept elsewhere, under this id.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct ApiKeyCreated {
    /// Its id, not the key.
    pub key: Uuid,
    /// What it may be used for at most.
    pub scopes: ScopeSet,
    /// Until when.
    pub expires_at: Timestamp,
    /// How often it may ask; none = as often as anybody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_per_minute: Option<RatePerMinute>,
}

/// Payload of `user.api_key_revoked`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct ApiKeyEntry {
    /// Its id, not the key.
    pub key: Uuid,
}

/// Payload of `user.totp_enabled`. Secrets and codes are kept elsewhere, under these ids.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct TotpEnabled {
    /// The secret that is in force.
    pub secret: Uuid,
    /// The recovery codes that go with it.
    pub recovery_codes: Uuid,
}

/// Payload of `user.recovery_codes_renewed`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct RecoveryCodesRenewed {
    /// The recovery codes that are in force.
    pub recovery_codes: Uuid,
}

/// Payload of `user.recovery_code_used`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct RecoveryCodeUsed {
    /// Which one, by its number, not the code.
    pub number: u8,
    /// How many are left.
    pub left: u8,
}

/// Payload of `user.refresh_token_reused`. Which of the two addresses is the thief's nobody knows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct RefreshTokenReused {
    /// The session that has ended.
    pub session: Uuid,
    /// The address that the session was last refreshed from.
    pub used_from: Sealed,
    /// The address that the old token came from.
    pub reused_from: Sealed,
}

/// Payload of `user.logins_failed`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct LoginsFailed {
    /// How many in a quarter of an hour.
    pub count: u32,
    /// The address that the last one came from.
    pub tried_from: Sealed,
}

/// Payload of `user.locked`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Locked {
    /// When passwords are looked at again.
    pub until: Timestamp,
}

/// Payload of `user.verification_requested`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct VerificationRequested {
    /// The link.
    pub link: LinkId,
    /// From then on the link is void.
    pub expires_at: Timestamp,
    /// The password that the sign-up brought. The first one counts at once, that of a repeated sign-up when its link is
    /// used.
    pub credential: CredentialId,
}

/// Payload of `user.password_reset_requested`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct PasswordResetRequested {
    /// The link.
    pub link: LinkId,
    /// From then on the link is void.
    pub expires_at: Timestamp,
    /// What for.
    pub occasion: ResetOccasion,
}

/// Payload of `user.password_changed`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct PasswordChanged {
    /// How.
    pub by: PasswordProof,
    /// The password that counts from now on.
    pub credential: CredentialId,
}

/// Payload of `user.identity_linked`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct IdentityLinked {
    /// Its name here.
    pub identity: IdentityId,
    /// The provider's short name in the configuration.
    pub provider: String,
    /// The provider's name for itself.
    pub issuer: String,
    /// The provider's name for the person.
    pub subject: Sealed,
    /// How one knows that both are the same person.
    pub by: LinkProof,
}

/// Payload of `user.identity_unlinked`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct IdentityUnlinked {
    /// Which one.
    pub identity: IdentityId,
}

/// Payload of `user.device_registered`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct DeviceRegistered {
    /// Its name here.
    pub device: DeviceId,
    /// What it runs.
    pub platform: Platform,
    /// What the push service calls it.
    pub token: Sealed,
}

/// Payload of `user.device_removed`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct DeviceRemoved {
    /// Which one.
    pub device: DeviceId,
    /// Why.
    pub why: Removal,
}

words! {
    /// What an outside identity was linked on.
    LinkProof {
        /// The user began with it.
        SignUp = "sign_up",
        /// The provider vouches for the user's address.
        VerifiedEmail = "verified_email",
    }
}

words! {
    /// What a link to set the password is for.
    ResetOccasion {
        /// Somebody says that it is forgotten.
        Forgotten = "forgotten",
        /// There is none yet: the user was invited.
        Invitation = "invitation",
    }
}

words! {
    /// What a new password was accepted on.
    PasswordProof {
        /// A mailed link.
        Reset = "reset",
        /// The link of a repeated sign-up.
        SignUp = "sign_up",
        /// The old password, in a session.
        Change = "change",
    }
}
