//! What the core system keeps: every change once, and how far it knows each task.

use std::{str::FromStr, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::{
    PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use uuid::Uuid;

const SCHEMA: &str = "
CREATE SCHEMA IF NOT EXISTS core_system;
CREATE TABLE IF NOT EXISTS core_system.changes (
    key     uuid PRIMARY KEY,
    task    uuid   NOT NULL,
    version bigint NOT NULL,
    type    text   NOT NULL,
    data    jsonb  NOT NULL,
    UNIQUE (task, version)
);
CREATE TABLE IF NOT EXISTS core_system.tasks (id uuid PRIMARY KEY, version bigint NOT NULL);";

/// A database that does not answer is told to the caller before it stops waiting.
const PATIENCE: Duration = Duration::from_secs(3);

/// A change as it comes: what the core system reads of the envelope.
#[derive(Debug, Deserialize)]
pub(super) struct Change {
    pub(super) id: Uuid,
    pub(super) subject: Uuid,
    pub(super) aggregateversion: i64,
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) data: Value,
}

/// A change that it has taken.
#[derive(Debug, Serialize, sqlx::FromRow)]
pub(super) struct Taken {
    version: i64,
    r#type: String,
    data: Value,
}

/// The database; cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Store(PgPool);

impl Store {
    /// Makes the tables that are not there yet.
    pub(super) async fn open(url: &str) -> sqlx::Result<Self> {
        let options = PgConnectOptions::from_str(url)?.application_name("core");
        let pool =
            PgPoolOptions::new().max_connections(8).acquire_timeout(PATIENCE).connect_with(options).await?;
        sqlx::raw_sql(SCHEMA).execute(&pool).await?;
        Ok(Self(pool))
    }

    /// Takes a change, unless it was taken before.
    pub(super) async fn take(&self, change: &Change) -> sqlx::Result<()> {
        const CHANGE: &str = "INSERT INTO core_system.changes (key, task, version, type, data) \
            VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING";
        const TASK: &str = "INSERT INTO core_system.tasks AS t (id, version) VALUES ($1, $2) \
            ON CONFLICT (id) DO UPDATE SET version = greatest(t.version, excluded.version)";
        let mut transaction = self.0.begin().await?;
        let query = sqlx::query(CHANGE).bind(change.id).bind(change.subject).bind(change.aggregateversion);
        query.bind(&change.kind).bind(&change.data).execute(&mut *transaction).await?;
        let query = sqlx::query(TASK).bind(change.subject).bind(change.aggregateversion);
        query.execute(&mut *transaction).await?;
        transaction.commit().await
    }

    /// How far it knows a task; 0 if it does not.
    pub(super) async fn version(&self, task: Uuid) -> sqlx::Result<i64> {
        const SQL: &str = "SELECT coalesce(max(version), 0) FROM core_system.tasks WHERE id = $1";
        sqlx::query_scalar(SQL).bind(task).fetch_one(&self.0).await
    }

    /// How far it knows the tasks whose ids end so, in order of id.
    pub(super) async fn bucket(&self, bucket: &str) -> sqlx::Result<Vec<(Uuid, i64)>> {
        const SQL: &str =
            "SELECT id, version FROM core_system.tasks WHERE right(id::text, 2) = $1 ORDER BY id";
        sqlx::query_as(SQL).bind(bucket).fetch_all(&self.0).await
    }

    /// What it was told of a task, in order.
    pub(super) async fn changes(&self, task: Uuid) -> sqlx::Result<Vec<Taken>> {
        const SQL: &str =
            "SELECT version, type, data FROM core_system.changes WHERE task = $1 ORDER BY version";
        sqlx::query_as(SQL).bind(task).fetch_all(&self.0).await
    }
}
