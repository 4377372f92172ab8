//! Row and event make the next row.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use domain::{
    personal::Sealed,
    policy::{Role, RoleSet},
    user::{UserEvent, values::Locale},
};
use event_store::{Unsealed, envelope::Envelope};
use uuid::Uuid;

use crate::projector::FoldError;

/// What the table holds of one user; personal fields in clear.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow)]
pub struct UserRow {
    /// The user.
    pub id: Uuid,
    /// Sequence of the last event.
    pub version: i64,
    /// Position of the last event.
    pub position: i64,
    /// None when erased or never given.
    pub email: Option<String>,
    /// None when erased.
    pub name: Option<String>,
    /// The key of the personal fields is gone.
    pub erased: bool,
    /// The address was verified, or the user came by import.
    pub verified: bool,
    /// Locked out.
    pub deactivated: bool,
    /// Language; none for imported users.
    pub locale: Option<String>,
    /// Time zone; none for imported users.
    pub time_zone: Option<String>,
    /// Wire words, in the order of the policy.
    pub roles: Vec<String>,
    /// The system that the user was imported from.
    pub source_system: Option<String>,
    /// The id there.
    pub source_id: Option<String>,
    /// When the first event happened.
    pub create_time: DateTime<Utc>,
    /// When the last event happened.
    pub update_time: DateTime<Utc>,
}

/// Sealed texts with what they say.
pub type Opened = HashMap<Sealed, Unsealed>;

/// The row after `event`; `opened` holds at least the event's own sealed texts.
pub fn fold(
    row: Option<UserRow>,
    at: &Envelope,
    event: &UserEvent,
    opened: &Opened,
) -> Result<UserRow, FoldError> {
    let mut row = match row {
        None => empty(at),
        Some(row) if at.version <= row.version => {
            return Err(FoldError::OutOfOrder { row: row.version, event: at.version });
        }
        Some(row) => row,
    };
    match (event, row.version) {
        (
            UserEvent::Registered(_)
            | UserEvent::Invited(_)
            | UserEvent::Imported(_)
            | UserEvent::ServiceAccountCreated(_),
            version,
        ) => {
            if version > 0 {
                return Err(FoldError::AlreadyThere);
            }
        }
        (_, 0) => return Err(FoldError::NotThere),
        (_, _) => {}
    }
    change(&mut row, event, opened);
    row.version = at.version;
    row.position = at.position;
    row.update_time = at.occurred_at.into();
    Ok(row)
}

fn empty(at: &Envelope) -> UserRow {
    UserRow {
        id: at.aggregate_id,
        version: 0,
        position: 0,
        email: None,
        name: None,
        erased: false,
        verified: false,
        deactivated: false,
        locale: None,
        time_zone: None,
        roles: Vec::new(),
        source_system: None,
        source_id: None,
        create_time: at.occurred_at.into(),
        update_time: at.occurred_at.into(),
    }
}

fn change(row: &mut UserRow, event: &UserEvent, opened: &Opened) {
    match event {
        UserEvent::Registered(new) => {
            row.email = clear(opened, &new.email);
            set_name(row, &new.name, opened);
            row.locale = Some(new.locale.to_string());
            row.time_zone = Some(new.time_zone.to_string());
        }
        UserEvent::Invited(new) => {
            row.email = clear(opened, &new.email);
            set_name(row, &new.name, opened);
            row.locale = Some(new.locale.to_string());
            row.time_zone = Some(new.time_zone.to_string());
            row.roles = words(new.roles);
        }
        UserEvent::Imported(new) => {
            set_name(row, &new.name, opened);
            row.source_system = Some(new.source.system().into());
            row.source_id = Some(new.source.id().into());
            row.verified = true;
        }
        UserEvent::ServiceAccountCreated(new) => {
            set_name(row, &new.name, opened);
            row.verified = true;
            row.roles = words(new.roles);
        }
        UserEvent::Verified(_) => row.verified = true,
        UserEvent::NameChanged(change) => set_name(row, &change.to, opened),
        UserEvent::LocaleChanged(change) => row.locale = change.to.as_ref().map(Locale::to_string),
        UserEvent::TimeZoneChanged(change) => row.time_zone = change.to.map(|zone| zone.to_string()),
        UserEvent::RoleGranted(entry) => row.roles = words(roles(row).with(entry.role)),
        UserEvent::RoleRevoked(entry) => row.roles = words(roles(row).without(entry.role)),
        UserEvent::Deactivated(_) => row.deactivated = true,
        UserEvent::Reactivated(_) => row.deactivated = false,
        UserEvent::Erased(_) => erase(row),
        UserEvent::LoggedOut(_)
        | UserEvent::RefreshTokenReused(_)
        | UserEvent::LoginsFailed(_)
        | UserEvent::Locked(_)
        | UserEvent::VerificationRequested(_)
        | UserEvent::SignUpRepeated(_)
        | UserEvent::PasswordResetRequested(_)
        | UserEvent::PasswordChanged(_)
        | UserEvent::ApiKeyCreated(_)
        | UserEvent::ApiKeyRevoked(_)
        | UserEvent::TotpEnabled(_)
        | UserEvent::TotpDisabled(_)
        | UserEvent::RecoveryCodesRenewed(_)
        | UserEvent::RecoveryCodeUsed(_)
        | UserEvent::IdentityLinked(_)
        | UserEvent::IdentityUnlinked(_)
        | UserEvent::NotificationPreferencesChanged(_)
        | UserEvent::DeviceRegistered(_)
        | UserEvent::DeviceRemoved(_) => {}
    }
}

/// The sealed texts that an event brings into the row.
pub(super) fn sealed(event: &UserEvent) -> Vec<&Sealed> {
    match event {
        UserEvent::Registered(new) => vec![&new.email, &new.name],
        UserEvent::Invited(new) => vec![&new.email, &new.name],
        UserEvent::Imported(new) => vec![&new.name],
        UserEvent::ServiceAccountCreated(new) => vec![&new.name],
        UserEvent::NameChanged(change) => vec![&change.to],
        UserEvent::Verified(_)
        | UserEvent::LocaleChanged(_)
        | UserEvent::TimeZoneChanged(_)
        | UserEvent::RoleGranted(_)
        | UserEvent::RoleRevoked(_)
        | UserEvent::Deactivated(_)
        | UserEvent::Reactivated(_)
        | UserEvent::LoggedOut(_)
        | UserEvent::RefreshTokenReused(_)
        | UserEvent::LoginsFailed(_)
        | UserEvent::Locked(_)
        | UserEvent::VerificationRequested(_)
        | UserEvent::SignUpRepeated(_)
        | UserEvent::PasswordResetRequested(_)
        | UserEvent::PasswordChanged(_)
        | UserEvent::ApiKeyCreated(_)
        | UserEvent::ApiKeyRevoked(_)
        | UserEvent::TotpEnabled(_)
        | UserEvent::TotpDisabled(_)
        | UserEvent::RecoveryCodesRenewed(_)
        | UserEvent::RecoveryCodeUsed(_)
        | UserEvent::IdentityLinked(_)
        | UserEvent::IdentityUnlinked(_)
        | UserEvent::NotificationPreferencesChanged(_)
        | UserEvent::DeviceRegistered(_)
        | UserEvent::DeviceRemoved(_)
        | UserEvent::Erased(_) => Vec::new(),
    }
}

/// As the aggregate: it tells when there was somebody, no more.
fn erase(row: &mut UserRow) {
    let UserRow { id, version, position, create_time, update_time, .. } = *row;
    *row = UserRow {
        id,
        version,
        position,
        email: None,
        name: None,
        erased: true,
        verified: false,
        deactivated: true,
        locale: None,
        time_zone: None,
        roles: Vec::new(),
        source_system: None,
        source_id: None,
        create_time,
        update_time,
    };
}

fn clear(opened: &Opened, sealed: &Sealed) -> Option<String> {
    opened.get(sealed).cloned().and_then(Unsealed::clear)
}

fn set_name(row: &mut UserRow, name: &Sealed, opened: &Opened) {
    row.name = clear(opened, name);
    row.erased = row.name.is_none();
}

fn roles(row: &UserRow) -> RoleSet {
    row.roles.iter().filter_map(|word| word.parse::<Role>().ok()).collect()
}

fn words(roles: RoleSet) -> Vec<String> {
    roles.iter().map(|role| role.as_str().into()).collect()
}
