//! What can have happened to a user. These shapes are a contract: stored for ever, published as they are.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::values::{Locale, Reason, TimeZone};
use crate::{
    event::{Change, Nothing, events},
    personal::Sealed,
    policy::{Role, RoleSet},
    task::values::ExternalRef,
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
        /// A refresh token came back after its successor was used: two hold it. The session has ended.
        RefreshTokenReused(RefreshTokenReused) = "user.refresh_token_reused" v "1",
        /// A second factor is asked for from now on. All sessions are over.
        TotpEnabled(TotpEnabled) = "user.totp_enabled" v "1",
        /// The password alone will do again. All sessions are over.
        TotpDisabled(Nothing) = "user.totp_disabled" v "1",
        /// Other recovery codes; those of before are worthless.
        RecoveryCodesRenewed(RecoveryCodesRenewed) = "user.recovery_codes_renewed" v "1",
        /// A recovery code was used in place of the second factor; it is worthless now.
        RecoveryCodeUsed(RecoveryCodeUsed) = "user.recovery_code_used" v "1",
    }
}

/// Payload of `user.registered`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
pub struct Imported {
    /// Name.
    pub name: Sealed,
    /// Who it is in the system that the history comes from.
    pub source: ExternalRef,
}

/// Payload of `user.role_granted` and `user.role_revoked`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RoleEntry {
    /// The role.
    pub role: Role,
}

/// Payload of `user.deactivated` and `user.reactivated`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StateChange {
    /// Why, if said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// Payload of `user.totp_enabled`. Secrets and codes are kept elsewhere, under these ids.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct TotpEnabled {
    /// The secret that is in force.
    pub secret: Uuid,
    /// The recovery codes that go with it.
    pub recovery_codes: Uuid,
}

/// Payload of `user.recovery_codes_renewed`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RecoveryCodesRenewed {
    /// The recovery codes that are in force.
    pub recovery_codes: Uuid,
}

/// Payload of `user.recovery_code_used`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RecoveryCodeUsed {
    /// Which one, by its number, not the code.
    pub number: u8,
    /// How many are left.
    pub left: u8,
}

/// Payload of `user.refresh_token_reused`. Which of the two addresses is the thief's nobody knows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RefreshTokenReused {
    /// The session that has ended.
    pub session: Uuid,
    /// The address that the session was last refreshed from.
    pub used_from: Sealed,
    /// The address that the old token came from.
    pub reused_from: Sealed,
}
