//! Logins by outside providers that are done but for the tokens: a client fetches them with a code.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::ids::UserId;
use sha2::{Digest, Sha256};
use sqlx::PgPool;
use uuid::Uuid;

/// So that people and scanners know a login code when they see it.
const PREFIX: &str = "tlo_";

/// One of them, used up.
#[derive(Debug, sqlx::FromRow)]
pub(super) struct LoginCode {
    user_id: Uuid,
    /// The user's session epoch when the code was made.
    pub(super) epoch: i64,
}

impl LoginCode {
    pub(super) fn user(&self) -> UserId {
        UserId(self.user_id)
    }
}

/// Makes one, good for a minute.
pub(super) async fn make(pool: &PgPool, user: UserId, epoch: i64) -> Result<String, sqlx::Error> {
    const SQL: &str = "INSERT INTO event_store.login_codes (code_hash, user_id, epoch, expires_at) \
         VALUES ($1, $2, $3, clock_timestamp() + interval '1 minute')";
    let secret: [u8; 32] = rand::random();
    let code = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(secret));
    sqlx::query(SQL).bind(hash(&code)).bind(user.0).bind(epoch).execute(pool).await?;
    Ok(code)
}

/// Uses a code up; none if it is not good.
pub(super) async fn take(pool: &PgPool, code: &str) -> Result<Option<LoginCode>, sqlx::Error> {
    const SQL: &str = "DELETE FROM event_store.login_codes \
         WHERE code_hash = $1 AND expires_at > clock_timestamp() RETURNING user_id, epoch";
    sqlx::query_as(SQL).bind(hash(code)).fetch_optional(pool).await
}

/// Drops those that nobody has fetched.
pub(crate) async fn forget_login_codes(pool: &PgPool) -> Result<(), sqlx::Error> {
    const SQL: &str = "DELETE FROM event_store.login_codes WHERE expires_at < now()";
    sqlx::query(SQL).execute(pool).await.map(drop)
}

fn hash(code: &str) -> Vec<u8> {
    Sha256::digest(code).to_vec()
}
