//! Making the read model: the registry, and the tables and views of each projection.

mod versions;

use sqlx::{Connection, PgConnection};

pub use versions::{LANES, create_version, drop_version, point_views, schema_name};

use crate::{registry::PROJECTIONS, script};

/// Why read model or deliveries could not be made.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// Searching needs the extension and this role may not create it.
    #[error(
        "text search needs the extension pg_trgm: run CREATE EXTENSION pg_trgm in this database as a superuser ({0})"
    )]
    Extension(#[source] sqlx::Error),
    /// Trigrams of Korean words would all be empty.
    #[error(
        "text search needs a database with a UTF-8 LC_CTYPE, C.UTF-8 say: this one knows no letters beyond ASCII"
    )]
    Ctype,
    /// Tables must belong to the role that the service works as.
    #[error(
        "the migrating role must be a member of taskledger_projections: GRANT taskledger_projections TO it ({0})"
    )]
    Membership(#[source] sqlx::Error),
    /// A migration failed or was changed after it had run.
    #[error("the schema could not be migrated: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// The database refused or went away.
    #[error("the schema could not be migrated: {0}")]
    Database(#[from] sqlx::Error),
}

/// Brings the read model up to date: registry, first versions, views.
pub(crate) async fn migrate(url: &str) -> Result<(), MigrateError> {
    let mut connection = PgConnection::connect(url).await?;
    sqlx::query("SET search_path = read_model, public").execute(&mut connection).await?;
    lock(&mut connection).await?;
    script::run(&mut connection, include_str!("../../../migrations/read_model/owner.sql")).await?;
    search_support(&mut connection).await?;
    script::run(&mut connection, "SET ROLE taskledger_projections")
        .await
        .map_err(MigrateError::Membership)?;
    script::run(&mut connection, SCHEMA).await?;
    sqlx::migrate!("../migrations/read_model").set_locking(false).run(&mut connection).await?;
    first_versions(&mut connection).await?;
    connection.close().await?;
    Ok(())
}

/// Held until the connection closes.
async fn lock(connection: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query("SELECT pg_advisory_lock(hashtextextended('taskledger read_model', 0))")
        .execute(connection)
        .await?;
    Ok(())
}

/// From here on everything belongs to the role that the service works as; readers may read whatever it makes.
const SCHEMA: &str = "
GRANT USAGE ON SCHEMA read_model TO taskledger_read;
ALTER DEFAULT PRIVILEGES IN SCHEMA read_model GRANT SELECT ON TABLES TO taskledger_read;
";

async fn search_support(connection: &mut PgConnection) -> Result<(), MigrateError> {
    sqlx::query("CREATE EXTENSION IF NOT EXISTS pg_trgm SCHEMA public")
        .execute(&mut *connection)
        .await
        .map_err(MigrateError::Extension)?;
    let korean: bool = sqlx::query_scalar("SELECT cardinality(public.show_trgm('회의록')) > 0")
        .fetch_one(connection)
        .await
        .map_err(MigrateError::Extension)?;
    if korean { Ok(()) } else { Err(MigrateError::Ctype) }
}

/// A projection that was never live begins with empty tables at position 0.
async fn first_versions(connection: &mut PgConnection) -> sqlx::Result<()> {
    let mut transaction = connection.begin().await?;
    for projection in PROJECTIONS {
        let known: bool =
            sqlx::query_scalar("SELECT EXISTS (SELECT FROM read_model.projections WHERE name = $1)")
                .bind(projection.name)
                .fetch_one(&mut *transaction)
                .await?;
        if !known {
            let version = create_version(&mut transaction, projection).await?;
            script::run(&mut transaction, projection.statements().1).await?;
            point_views(&mut transaction, projection, version).await?;
        }
    }
    transaction.commit().await
}
