//! The schema of one version of one projection.

use sqlx::PgConnection;

use crate::{registry::Projection, script};

/// Aggregates are spread over this many lanes by hash; fixed, since checkpoints are kept by lane.
pub const LANES: i16 = 16;

/// `read_model_v7`.
pub fn schema_name(version: i32) -> String {
    format!("read_model_v{version}")
}

const CREATE_CHECKPOINTS: &str = "
INSERT INTO read_model.checkpoints (projection, version, lane)
SELECT $1, $2, lane FROM generate_series(0, $3 - 1) AS lane";

/// Makes a schema with the tables (not yet the indexes) of `projection` and checkpoints at 0; says which version it is.
///
/// Leaves `search_path` at the new schema for the rest of the transaction.
pub async fn create_version(connection: &mut PgConnection, projection: &Projection) -> sqlx::Result<i32> {
    let version: i32 = sqlx::query_scalar("SELECT nextval('read_model.versions')::integer")
        .fetch_one(&mut *connection)
        .await?;
    let schema = schema_name(version);
    sqlx::query("SELECT read_model.make_schema($1)").bind(version).execute(&mut *connection).await?;
    script::run(&mut *connection, &format!("SET LOCAL search_path = {schema}, public")).await?;
    script::run(&mut *connection, projection.statements().0).await?;
    sqlx::query(CREATE_CHECKPOINTS)
        .bind(projection.name)
        .bind(version)
        .bind(i32::from(LANES))
        .execute(connection)
        .await?;
    Ok(version)
}

/// Removes a version that is not live, with all that is recorded about it.
pub async fn drop_version(
    connection: &mut PgConnection,
    projection: &Projection,
    version: i32,
) -> sqlx::Result<()> {
    let schema = schema_name(version);
    script::run(&mut *connection, &format!("DROP SCHEMA IF EXISTS {schema} CASCADE")).await?;
    // In the order in which workers touch their rows.
    for table in ["workers", "checkpoints", "parked_events"] {
        let forgotten = format!("DELETE FROM read_model.{table} WHERE projection = $1 AND version = $2");
        sqlx::query(&forgotten).bind(projection.name).bind(version).execute(&mut *connection).await?;
    }
    Ok(())
}

const TABLES: &str = "SELECT tablename::text FROM pg_tables WHERE schemaname = $1 ORDER BY tablename";

const GO_LIVE: &str = "
INSERT INTO read_model.projections (name, live_version, shape) VALUES ($1, $2, $3)
ON CONFLICT (name) DO UPDATE SET live_version = excluded.live_version, shape = excluded.shape,
    state = 'running', reason = NULL, changed_at = clock_timestamp()";

/// Makes `version` the one that readers see.
pub async fn point_views(
    connection: &mut PgConnection,
    projection: &Projection,
    version: i32,
) -> sqlx::Result<()> {
    let schema = schema_name(version);
    let tables: Vec<String> = sqlx::query_scalar(TABLES).bind(&schema).fetch_all(&mut *connection).await?;
    for table in tables {
        let view = format!(
            "DROP VIEW IF EXISTS read_model.{table};
             CREATE VIEW read_model.{table} AS SELECT * FROM {schema}.{table};"
        );
        script::run(&mut *connection, &view).await?;
    }
    sqlx::query(GO_LIVE)
        .bind(projection.name)
        .bind(version)
        .bind(projection.shape())
        .execute(connection)
        .await?;
    Ok(())
}
