//! The schema of the log.

use std::str::FromStr;

use sqlx::{ConnectOptions, Connection, PgConnection, migrate::MigrateError, postgres::PgConnectOptions};
use uuid::Uuid;

/// Two processes may start at once: whoever comes second finds the schema.
const CREATE_SCHEMA: &str = "DO $$ BEGIN CREATE SCHEMA IF NOT EXISTS event_store; \
     EXCEPTION WHEN unique_violation OR duplicate_schema THEN NULL; END $$";

/// Brings the schema `event_store` up to date. `url` must log in as its owner, who may create roles or finds them made.
pub async fn migrate(url: &str) -> Result<(), MigrateError> {
    let mut connection = owner(url).await?;
    sqlx::query(CREATE_SCHEMA).execute(&mut connection).await?;
    sqlx::migrate!("../migrations/event_store").run(&mut connection).await?;
    Ok(connection.close().await?)
}

/// Gives the log a new epoch, as a restore or a promotion must; returns it.
pub async fn renew_epoch(url: &str) -> Result<Uuid, sqlx::Error> {
    const SQL: &str = "UPDATE event_store.log_head SET epoch = gen_random_uuid() RETURNING epoch";
    let mut connection = owner(url).await?;
    let epoch = sqlx::query_scalar(SQL).fetch_one(&mut connection).await?;
    connection.close().await?;
    Ok(epoch)
}

async fn owner(url: &str) -> Result<PgConnection, sqlx::Error> {
    // sqlx keeps its list of migrations in the first schema of the path; other schemas have migrations of their own.
    PgConnectOptions::from_str(url)?.options([("search_path", "event_store")]).connect().await
}
