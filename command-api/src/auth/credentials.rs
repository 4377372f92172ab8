//! Password hashes by user.

use domain::ids::UserId;
use sqlx::PgPool;

/// The hash of the user's password; none for unknown users and those without.
pub(super) async fn find(pool: &PgPool, user: UserId) -> Result<Option<String>, sqlx::Error> {
    const SQL: &str = "SELECT password_hash FROM event_store.credentials WHERE user_id = $1";
    sqlx::query_scalar(SQL).bind(user.0).fetch_optional(pool).await
}

/// Sets the user's password.
pub(super) async fn set(pool: &PgPool, user: UserId, hash: &str) -> Result<(), sqlx::Error> {
    const SQL: &str = "INSERT INTO event_store.credentials (user_id, password_hash) VALUES ($1, $2) \
         ON CONFLICT (user_id) DO UPDATE SET password_hash = excluded.password_hash, changed_at = clock_timestamp()";
    sqlx::query(SQL).bind(user.0).bind(hash).execute(pool).await.map(drop)
}

/// Takes a password away, of somebody whose sign-up was refused after all.
pub(super) async fn remove(pool: &PgPool, user: UserId) -> Result<(), sqlx::Error> {
    const SQL: &str = "DELETE FROM event_store.credentials WHERE user_id = $1";
    sqlx::query(SQL).bind(user.0).execute(pool).await.map(drop)
}
