//! Password hashes. A hash is kept first and counts when an event of its user names it: one that no event names opens
//! nothing, whatever is interrupted.

use std::sync::{Mutex, PoisonError};

use domain::{
    ids::{CredentialId, UserId},
    user::User,
};
use sqlx::PgPool;

use super::{Auth, password::Busy};
use crate::commands::{Answer, Caller, Refusal, Reply, UserDone, UserUnit};

/// Why no password was set.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// Too many passwords are being hashed.
    #[error(transparent)]
    Busy(#[from] Busy),
    /// The command was refused.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The database did not answer.
    #[error("credentials cannot be read or written")]
    Database(#[from] sqlx::Error),
}

/// A new password, hashed.
pub(super) struct NewCredential {
    pub(super) id: CredentialId,
    pub(super) hash: String,
    /// Whether it will do only beside a second factor.
    pub(super) needs_factor: bool,
}

/// The hash of the password that counts; none for nobody and for those without.
pub(super) async fn find(pool: &PgPool, user: UserId, state: &User) -> Result<Option<String>, sqlx::Error> {
    const SQL: &str = "SELECT password_hash FROM event_store.credentials WHERE id = $1 AND user_id = $2";
    sqlx::query_scalar(SQL).bind(counting(user, state).0).bind(user.0).fetch_optional(pool).await
}

/// Whether the password that counts will do only beside a second factor.
pub(super) async fn needs_factor(pool: &PgPool, user: UserId, state: &User) -> Result<bool, sqlx::Error> {
    const SQL: &str = "SELECT needs_factor FROM event_store.credentials WHERE id = $1 AND user_id = $2";
    let query = sqlx::query_scalar(SQL).bind(counting(user, state).0).bind(user.0);
    Ok(query.fetch_optional(pool).await?.unwrap_or(false))
}

/// The same password hashed with today's parameters.
pub(super) async fn rehash(pool: &PgPool, user: UserId, state: &User, hash: &str) -> Result<(), sqlx::Error> {
    const SQL: &str = "UPDATE event_store.credentials SET password_hash = $2, changed_at = clock_timestamp() \
         WHERE id = $1";
    sqlx::query(SQL).bind(counting(user, state).0).bind(hash).execute(pool).await.map(drop)
}

fn counting(user: UserId, state: &User) -> CredentialId {
    state.credential.unwrap_or(CredentialId(user.0))
}

async fn add(pool: &PgPool, user: UserId, new: &NewCredential) -> Result<(), sqlx::Error> {
    const SQL: &str = "INSERT INTO event_store.credentials (id, user_id, password_hash, needs_factor) \
         VALUES ($1, $2, $3, $4)";
    let query = sqlx::query(SQL).bind(new.id.0).bind(user.0).bind(&new.hash).bind(new.needs_factor);
    query.execute(pool).await.map(drop)
}

/// Takes away one that was refused.
async fn remove(pool: &PgPool, id: CredentialId) -> Result<(), sqlx::Error> {
    const SQL: &str = "DELETE FROM event_store.credentials WHERE id = $1";
    sqlx::query(SQL).bind(id.0).execute(pool).await.map(drop)
}

/// Takes away those of before. Others may be at work on one that no event names yet, but not for an hour.
async fn remove_others(pool: &PgPool, user: UserId, kept: &[CredentialId]) -> Result<(), sqlx::Error> {
    const SQL: &str = "DELETE FROM event_store.credentials WHERE user_id = $1 AND id <> ALL($2) \
         AND changed_at < clock_timestamp() - interval '1 hour'";
    let kept: Vec<_> = kept.iter().map(|id| id.0).collect();
    sqlx::query(SQL).bind(user.0).bind(kept).execute(pool).await.map(drop)
}

impl Auth {
    /// Executes the command that makes a new password count, or may do so.
    pub(super) async fn with_credential(
        &self,
        caller: &Caller,
        unit: &UserUnit,
        new: &NewCredential,
        reply: impl Fn(&UserDone) -> Reply + Send + Sync,
    ) -> Result<Answer, PasswordError> {
        let pool = self.0.commands.log().pool();
        add(pool, unit.user, new).await?;
        let named = Mutex::new(Vec::new());
        let answered = self.0.commands.users(caller, unit, |done| {
            *named.lock().unwrap_or_else(PoisonError::into_inner) = named_by(done);
            reply(done)
        });
        let answered = answered.await;
        let named = named.into_inner().unwrap_or_else(PoisonError::into_inner);
        let tidied = match &answered {
            Ok(_) if named.contains(&new.id) => remove_others(pool, unit.user, &named).await,
            Ok(_) => remove(pool, new.id).await,
            Err(refusal) if refusal.is_decision() || matches!(refusal, Refusal::Taken { .. }) => {
                remove(pool, new.id).await
            }
            // Perhaps it was written all the same.
            Err(_) => Ok(()),
        };
        if let Err(error) = tidied {
            tracing::warn!(%error, "a password that opens nothing is left behind");
        }
        Ok(answered?)
    }
}

/// The passwords of a user that an event names.
fn named_by(done: &UserDone) -> Vec<CredentialId> {
    let signing_up = done.user.verification.map(|verification| verification.credential);
    [counting(done.id, &done.user)].into_iter().chain(signing_up).collect()
}
