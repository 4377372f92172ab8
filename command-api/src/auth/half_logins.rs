//! Logins whose first step was taken and whose second factor is awaited.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::ids::UserId;
use sha2::{Digest, Sha256};
use sqlx::PgPool;
use uuid::Uuid;

/// So that people and scanners know an `mfa_token` when they see it.
const PREFIX: &str = "tlf_";

/// One of them.
#[derive(Debug, sqlx::FromRow)]
pub(super) struct HalfLogin {
    token_hash: Vec<u8>,
    user_id: Uuid,
    /// The user's session epoch when the first step was taken.
    pub(super) epoch: i64,
    /// `amr` of the first step.
    pub(super) methods: Vec<String>,
}

impl HalfLogin {
    pub(super) fn user(&self) -> UserId {
        UserId(self.user_id)
    }
}

/// Begins one; gives the token that the second step needs.
pub(super) async fn begin(
    pool: &PgPool,
    user: UserId,
    epoch: i64,
    methods: &[&str],
) -> Result<String, sqlx::Error> {
    const SQL: &str = "INSERT INTO event_store.half_logins (token_hash, user_id, epoch, methods, expires_at) \
         VALUES ($1, $2, $3, $4, clock_timestamp() + interval '5 minutes')";
    let secret: [u8; 32] = rand::random();
    let token = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(secret));
    let query = sqlx::query(SQL).bind(hash(&token)).bind(user.0).bind(epoch).bind(methods);
    query.execute(pool).await?;
    Ok(token)
}

/// The login that the token belongs to, if it may still be finished.
pub(super) async fn find(pool: &PgPool, token: &str) -> Result<Option<HalfLogin>, sqlx::Error> {
    const SQL: &str = "SELECT token_hash, user_id, epoch, methods FROM event_store.half_logins \
         WHERE token_hash = $1 AND expires_at > clock_timestamp()";
    sqlx::query_as(SQL).bind(hash(token)).fetch_optional(pool).await
}

/// Finishes it; false if that has happened.
pub(super) async fn finish(pool: &PgPool, login: &HalfLogin) -> Result<bool, sqlx::Error> {
    const SQL: &str = "DELETE FROM event_store.half_logins WHERE token_hash = $1";
    Ok(sqlx::query(SQL).bind(&login.token_hash).execute(pool).await?.rows_affected() == 1)
}

/// Drops what nobody will finish, and guesses that no longer count.
pub(crate) async fn forget_half_logins(pool: &PgPool) -> Result<(), sqlx::Error> {
    const LOGINS: &str = "DELETE FROM event_store.half_logins WHERE expires_at < now()";
    const TRIES: &str = "DELETE FROM event_store.second_step_tries WHERE last_at < now() - interval '1 day'";
    sqlx::query(LOGINS).execute(pool).await?;
    sqlx::query(TRIES).execute(pool).await.map(drop)
}

fn hash(token: &str) -> Vec<u8> {
    Sha256::digest(token).to_vec()
}
