//! The history of a user, personal texts in clear as long as they exist; afterwards `{"erased": true}` is in their place.

use std::collections::{BTreeSet, HashMap};

use domain::{
    event::RecordedEvent,
    personal::Sealed,
    user::{RecoveryCodes, UserEvent},
};
use event_store::{Log, Sealer, Unsealed};
use serde_json::{Value, json};
use sqlx::PgPool;
use uuid::Uuid;

use super::{
    HistoryError, HistoryPage, count,
    entry::{change, entry, json, people},
    next_before, read,
    told::{Told, open},
    understand,
};
use crate::{
    model::FieldChange,
    queries::{Counting, names},
};

const KIND: &str = "user";

/// How many events a user has.
pub async fn user_history_count(log: &Log, user: Uuid, counting: Counting) -> sqlx::Result<i64> {
    count(log, KIND, user, counting).await
}

/// The events of a user before sequence `before`, at most `limit`.
pub async fn user_history(
    log: &Log,
    sealer: &Sealer,
    users: &PgPool,
    user: Uuid,
    before: i64,
    limit: i64,
) -> Result<HistoryPage, HistoryError> {
    let events: Vec<(RecordedEvent, UserEvent)> = read(log, KIND, user, before, limit).await?;
    let texts = Texts::open(sealer, &events).await?;
    let acting: BTreeSet<Uuid> = events.iter().flat_map(|(event, _)| people(&event.metadata)).collect();
    let names = names(users, &Vec::from_iter(acting)).await?;
    let told = |(event, fact): &(RecordedEvent, UserEvent)| {
        entry(event, changes(fact, &texts), reason(fact), &names)
    };
    Ok(HistoryPage { entries: events.iter().map(told).collect(), next_before: next_before(&events) })
}

/// What those of these events changed that are of users and can be understood, by position.
pub(super) async fn tell(
    sealer: &Sealer,
    events: &[RecordedEvent],
) -> Result<HashMap<i64, Told>, HistoryError> {
    let of_users = events.iter().filter(|event| event.aggregate_type == "user");
    let understood = of_users.filter_map(|event| Some((event.clone(), understand(event).ok()?)));
    let events: Vec<(RecordedEvent, UserEvent)> = understood.collect();
    let texts = Texts::open(sealer, &events).await?;
    let told = |(event, fact): &(RecordedEvent, UserEvent)| {
        let mut changes = open(changes(fact, &texts));
        let erased = sealed_in(fact).into_iter().any(|sealed| texts.clear(sealed).is_null());
        for change in changes.iter_mut().filter(|change| erased && PERSONAL.contains(&change.field.as_str()))
        {
            change.redacted = true;
        }
        (event.position, Told { changes, reason: reason(fact) })
    };
    Ok(events.iter().map(told).collect())
}

/// What is said of it only as long as the person is not erased.
const PERSONAL: [&str; 4] = ["email", "name", "ip", "identity_subject"];

/// Sealed texts with what is in them; nothing if the person is erased.
struct Texts(HashMap<Sealed, Option<String>>);

impl Texts {
    async fn open(sealer: &Sealer, events: &[(RecordedEvent, UserEvent)]) -> Result<Self, HistoryError> {
        let sealed: BTreeSet<&str> =
            events.iter().flat_map(|(_, fact)| sealed_in(fact)).map(|sealed| sealed.0.as_str()).collect();
        let sealed: Vec<Sealed> = sealed.into_iter().map(|text| Sealed(text.to_owned())).collect();
        let opened = sealer.unseal_all(&sealed).await?;
        Ok(Self(sealed.into_iter().zip(opened.into_iter().map(Unsealed::clear)).collect()))
    }

    fn clear(&self, sealed: &Sealed) -> Value {
        self.0.get(sealed).cloned().flatten().map_or_else(|| json!({"erased": true}), json)
    }
}

fn sealed_in(fact: &UserEvent) -> Vec<&Sealed> {
    match fact {
        UserEvent::Registered(user) => vec![&user.email, &user.name],
        UserEvent::Invited(user) => vec![&user.email, &user.name],
        UserEvent::Imported(user) => vec![&user.name],
        UserEvent::ServiceAccountCreated(account) => vec![&account.name],
        UserEvent::NameChanged(name) => vec![&name.from, &name.to],
        UserEvent::RefreshTokenReused(reuse) => vec![&reuse.used_from, &reuse.reused_from],
        UserEvent::LoginsFailed(failures) => vec![&failures.tried_from],
        UserEvent::IdentityLinked(linked) => vec![&linked.subject],
        UserEvent::Verified(_)
        | UserEvent::LocaleChanged(_)
        | UserEvent::TimeZoneChanged(_)
        | UserEvent::RoleGranted(_)
        | UserEvent::RoleRevoked(_)
        | UserEvent::Deactivated(_)
        | UserEvent::Reactivated(_)
        | UserEvent::LoggedOut(_)
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
        | UserEvent::IdentityUnlinked(_)
        | UserEvent::NotificationPreferencesChanged(_)
        | UserEvent::DeviceRegistered(_)
        | UserEvent::DeviceRemoved(_)
        | UserEvent::Erased(_) => Vec::new(),
    }
}

fn reason(fact: &UserEvent) -> Option<String> {
    match fact {
        UserEvent::Deactivated(state) | UserEvent::Reactivated(state) | UserEvent::LoggedOut(state) => {
            state.reason.as_ref().map(ToString::to_string)
        }
        _ => None,
    }
}

fn changes(fact: &UserEvent, texts: &Texts) -> Vec<FieldChange> {
    let flag = |field: &str, new: bool| vec![change(field, json(!new), json(new))];
    let fresh = |fields: Vec<(&str, Value)>| {
        fields.into_iter().map(|(field, value)| change(field, Value::Null, value)).collect()
    };
    match fact {
        UserEvent::Registered(user) => fresh(vec![
            ("email", texts.clear(&user.email)),
            ("name", texts.clear(&user.name)),
            ("locale", json(&user.locale)),
            ("time_zone", json(user.time_zone)),
        ]),
        UserEvent::Invited(user) => fresh(vec![
            ("email", texts.clear(&user.email)),
            ("name", texts.clear(&user.name)),
            ("locale", json(&user.locale)),
            ("time_zone", json(user.time_zone)),
            ("roles", json(user.roles)),
        ]),
        UserEvent::Imported(user) => {
            fresh(vec![("name", texts.clear(&user.name)), ("source", json(&user.source))])
        }
        UserEvent::Verified(_) => flag("verified", true),
        UserEvent::NameChanged(name) => {
            vec![change("name", texts.clear(&name.from), texts.clear(&name.to))]
        }
        UserEvent::LocaleChanged(locale) => vec![change("locale", json(&locale.from), json(&locale.to))],
        UserEvent::TimeZoneChanged(zone) => vec![change("time_zone", json(zone.from), json(zone.to))],
        UserEvent::RoleGranted(entry) => vec![change("roles", Value::Null, json(entry.role))],
        UserEvent::RoleRevoked(entry) => vec![change("roles", json(entry.role), Value::Null)],
        UserEvent::Deactivated(_) => flag("deactivated", true),
        UserEvent::Reactivated(_) => flag("deactivated", false),
        UserEvent::LoggedOut(_) => Vec::new(),
        UserEvent::RefreshTokenReused(reuse) => {
            vec![change("ip", texts.clear(&reuse.used_from), texts.clear(&reuse.reused_from))]
        }
        UserEvent::LoginsFailed(failures) => {
            fresh(vec![("failed_logins", json(failures.count)), ("ip", texts.clear(&failures.tried_from))])
        }
        UserEvent::Locked(lock) => fresh(vec![("locked_until", json(lock.until))]),
        UserEvent::VerificationRequested(_)
        | UserEvent::SignUpRepeated(_)
        | UserEvent::PasswordResetRequested(_)
        | UserEvent::PasswordChanged(_) => Vec::new(),
        UserEvent::ServiceAccountCreated(account) => fresh(vec![
            ("name", texts.clear(&account.name)),
            ("roles", json(account.roles)),
            ("scopes", json(account.scopes)),
        ]),
        UserEvent::ApiKeyCreated(new) => vec![change("api_keys", Value::Null, json(new))],
        UserEvent::ApiKeyRevoked(old) => vec![change("api_keys", json(old), Value::Null)],
        UserEvent::TotpEnabled(_) => flag("totp", true),
        UserEvent::TotpDisabled(_) => flag("totp", false),
        UserEvent::RecoveryCodesRenewed(_) => {
            vec![change("recovery_codes", Value::Null, json(RecoveryCodes::COUNT))]
        }
        UserEvent::RecoveryCodeUsed(used) => {
            vec![change("recovery_codes", json(used.left + 1), json(used.left))]
        }
        UserEvent::IdentityLinked(linked) => fresh(vec![
            ("identity", json(linked.identity)),
            ("identity_issuer", json(&linked.issuer)),
            ("identity_subject", texts.clear(&linked.subject)),
        ]),
        UserEvent::IdentityUnlinked(unlinked) => {
            vec![change("identity", json(unlinked.identity), Value::Null)]
        }
        UserEvent::NotificationPreferencesChanged(wishes) => {
            vec![change("notification_preferences", json(&wishes.from), json(&wishes.to))]
        }
        UserEvent::DeviceRegistered(new) => {
            fresh(vec![("device", json(new.device)), ("device_platform", json(new.platform))])
        }
        UserEvent::DeviceRemoved(removed) => vec![change("device", json(removed.device), Value::Null)],
        UserEvent::Erased(_) => flag("erased", true),
    }
}
