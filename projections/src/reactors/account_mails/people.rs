//! Whom mails go to: folded from the log, sealed as they stand there.

use domain::{
    personal::Sealed,
    user::{UserEvent, values::Locale},
};
use sqlx::PgConnection;
use uuid::Uuid;

/// Somebody with an address.
#[derive(Clone, Debug)]
pub(super) struct Person {
    pub(super) email: Sealed,
    pub(super) name: Sealed,
    /// Language, with a region perhaps.
    pub(super) locale: String,
}

/// The person as of the events folded so far; none for those who came without an address.
pub(super) async fn find(delivery: &mut PgConnection, user: Uuid) -> sqlx::Result<Option<Person>> {
    const SQL: &str = "SELECT email, name, locale FROM people WHERE user_id = $1";
    let row: Option<(String, String, String)> =
        sqlx::query_as(SQL).bind(user).fetch_optional(delivery).await?;
    Ok(row.map(|(email, name, locale)| Person { email: Sealed(email), name: Sealed(name), locale }))
}

/// Takes one event in.
pub(super) async fn fold(delivery: &mut PgConnection, user: Uuid, event: &UserEvent) -> sqlx::Result<()> {
    match event {
        UserEvent::Registered(new) => add(delivery, user, &new.email, &new.name, &new.locale).await,
        UserEvent::Invited(new) => add(delivery, user, &new.email, &new.name, &new.locale).await,
        UserEvent::NameChanged(change) => {
            set(delivery, "UPDATE people SET name = $2 WHERE user_id = $1", user, &change.to.0).await
        }
        UserEvent::LocaleChanged(change) => {
            let locale = change.to.clone().unwrap_or_default();
            set(delivery, "UPDATE people SET locale = $2 WHERE user_id = $1", user, locale.as_ref()).await
        }
        UserEvent::Erased(_) => remove(delivery, user).await,
        UserEvent::Imported(_)
        | UserEvent::Verified(_)
        | UserEvent::TimeZoneChanged(_)
        | UserEvent::RoleGranted(_)
        | UserEvent::RoleRevoked(_)
        | UserEvent::Deactivated(_)
        | UserEvent::Reactivated(_)
        | UserEvent::RefreshTokenReused(_)
        | UserEvent::VerificationRequested(_)
        | UserEvent::SignUpRepeated(_)
        | UserEvent::PasswordResetRequested(_)
        | UserEvent::PasswordChanged(_)
        | UserEvent::LoggedOut(_)
        | UserEvent::LoginsFailed(_)
        | UserEvent::Locked(_)
        | UserEvent::ServiceAccountCreated(_)
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
        | UserEvent::DeviceRemoved(_) => Ok(()),
    }
}

async fn add(
    delivery: &mut PgConnection,
    user: Uuid,
    email: &Sealed,
    name: &Sealed,
    locale: &Locale,
) -> sqlx::Result<()> {
    const SQL: &str = "INSERT INTO people (user_id, email, name, locale) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (user_id) DO UPDATE SET email = excluded.email, name = excluded.name, locale = excluded.locale";
    let query = sqlx::query(SQL).bind(user).bind(&email.0).bind(&name.0).bind(locale.to_string());
    query.execute(delivery).await.map(drop)
}

async fn remove(delivery: &mut PgConnection, user: Uuid) -> sqlx::Result<()> {
    sqlx::query("DELETE FROM people WHERE user_id = $1").bind(user).execute(delivery).await.map(drop)
}

async fn set(delivery: &mut PgConnection, sql: &'static str, user: Uuid, value: &str) -> sqlx::Result<()> {
    sqlx::query(sql).bind(user).bind(value).execute(delivery).await.map(drop)
}
