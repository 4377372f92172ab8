//! The schema `delivery`: what is on its way to the outside. It stands beside the read model, and is to be backed up.

use std::{str::FromStr, time::Duration};

use sqlx::{
    Connection, PgConnection, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use crate::{schema::MigrateError, script};

/// Connections at most: reactors, workers with what they write down, one that listens, one for who looks.
const CONNECTIONS: u32 = 10;

/// Where and how the schema is reached, with the rights of `taskledger_projections` whoever logs in.
#[derive(Clone, Debug)]
pub struct Delivery {
    pool: PgPool,
}

impl Delivery {
    /// The schema in the database at this URL.
    pub fn new(url: &str) -> sqlx::Result<Self> {
        let options = PgConnectOptions::from_str(url)?.application_name("deliveries").options([
            ("role", "taskledger_projections"),
            ("search_path", "delivery"),
            ("jit", "off"),
            ("statement_timeout", "30s"),
            ("idle_in_transaction_session_timeout", "60s"),
        ]);
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(Duration::from_secs(5))
            .connect_lazy_with(options);
        Ok(Self { pool })
    }

    /// The connections.
    pub fn pool(&self) -> &PgPool {
        &self.pool
    }
}

/// Everything belongs to the role that the service works as.
const SCHEMA: &str = "CREATE SCHEMA IF NOT EXISTS delivery AUTHORIZATION taskledger_projections";

/// Brings the schema up to date; the read model's migration, which makes the role, has run before.
///
/// Safe to run by several processes at once.
pub(crate) async fn migrate(url: &str) -> Result<(), MigrateError> {
    let mut connection = PgConnection::connect(url).await?;
    script::run(&mut connection, "SET search_path = delivery").await?;
    script::run(&mut connection, "SELECT pg_advisory_lock(hashtextextended('taskledger delivery', 0))")
        .await?;
    script::run(&mut connection, SCHEMA).await?;
    script::run(&mut connection, "SET ROLE taskledger_projections")
        .await
        .map_err(MigrateError::Membership)?;
    sqlx::migrate!("../migrations/delivery").set_locking(false).run(&mut connection).await?;
    connection.close().await?;
    Ok(())
}
