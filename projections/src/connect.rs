//! Connections to the read model: whose rights, which tables, which plans.

use std::{str::FromStr, time::Duration};

use sqlx::{
    Connection, PgConnection, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use crate::schema::schema_name;

/// Connections at most for looking things up in the registry.
const LOOK_UPS: u32 = 2;

/// Where and how the read model is reached.
#[derive(Clone, Debug)]
pub struct ReadModel {
    options: PgConnectOptions,
    look_ups: PgPool,
}

impl ReadModel {
    /// The read model at this URL, worked on with the rights of `taskledger_projections` whoever logs in.
    pub fn new(url: &str) -> sqlx::Result<Self> {
        let options = PgConnectOptions::from_str(url)?
            .application_name("projections")
            .options([("role", "taskledger_projections"), ("jit", "off")]);
        let look_ups = PgPoolOptions::new()
            .max_connections(LOOK_UPS)
            .acquire_timeout(Duration::from_secs(5))
            .connect_lazy_with(
                options.clone().options([("search_path", "read_model"), ("statement_timeout", "5s")]),
            );
        Ok(Self { options, look_ups })
    }

    /// For short questions to the registry.
    pub fn look_ups(&self) -> &PgPool {
        &self.look_ups
    }

    /// For changing the registry and for comparing whole versions.
    pub async fn registry(&self) -> sqlx::Result<PgConnection> {
        PgConnection::connect_with(&self.options.clone().options([("search_path", "read_model")])).await
    }

    /// For the tables of one version. Rows are always found by key, also in tables that were empty when the plan was
    /// made; nothing takes longer than a minute.
    pub async fn tables(&self, version: i32) -> sqlx::Result<PgConnection> {
        let options = self.at(version).options([
            ("enable_seqscan", "off"),
            ("enable_hashjoin", "off"),
            ("enable_mergejoin", "off"),
            ("statement_timeout", "60s"),
            ("idle_in_transaction_session_timeout", "60s"),
        ]);
        PgConnection::connect_with(&options).await
    }

    /// For making indexes on the tables of one version, which takes its time.
    pub async fn tables_without_deadline(&self, version: i32) -> sqlx::Result<PgConnection> {
        PgConnection::connect_with(&self.at(version)).await
    }

    fn at(&self, version: i32) -> PgConnectOptions {
        let path = format!("{},public", schema_name(version));
        self.options.clone().options([("search_path", path.as_str())])
    }
}
