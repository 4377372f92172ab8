//! Copies the sample within the database, while Taskledger is away.

use sqlx::{Connection, PgConnection};

use crate::Failure;

const PLAN: &str = include_str!("plan.sql");
const LOG: &str = include_str!("log.sql");
const RECORDS: &str = include_str!("records.sql");
const REST: &str = include_str!("rest.sql");

/// Makes the log this long, with the tables that auditors ask; says where it ends.
pub(super) async fn fill(url: &str, events: u64) -> Result<i64, Failure> {
    let mut connection = PgConnection::connect(url).await?;
    sqlx::raw_sql(&PLAN.replace("$1", &events.to_string())).execute(&mut connection).await?;
    tokio::try_join!(copy(url, "event_store.events", LOG), copy(url, "read_model.audit_events", RECORDS))?;
    sqlx::raw_sql(REST).execute(&mut connection).await?;
    sqlx::raw_sql("VACUUM ANALYZE").execute(&mut connection).await?;
    sqlx::raw_sql("CHECKPOINT").execute(&mut connection).await?;
    let head = sqlx::query_scalar("SELECT max(position) FROM event_store.events");
    Ok(head.fetch_one(&mut connection).await?)
}

/// What the database takes.
pub(super) async fn gibibytes(url: &str) -> Result<f64, Failure> {
    let mut connection = PgConnection::connect(url).await?;
    let size = sqlx::query_scalar("SELECT pg_database_size(current_database()) / 2.0::float8 ^ 30");
    Ok(size.fetch_one(&mut connection).await?)
}

/// Where a view's rows are, or a table itself.
const TABLE: &str = "
SELECT coalesce((SELECT quote_ident(v.table_schema) || '.' || quote_ident(v.table_name)
                   FROM information_schema.view_table_usage v
                  WHERE quote_ident(v.view_schema) || '.' || quote_ident(v.view_name) = $1), $1)";

/// Statements that take the indexes of a table away, and those that make them again.
const INDEXES: &str = "
SELECT CASE WHEN c.oid IS NULL THEN format('DROP INDEX %s', i.indexrelid::regclass)
            ELSE format('ALTER TABLE %s DROP CONSTRAINT %I', i.indrelid::regclass, c.conname) END,
       CASE WHEN c.oid IS NULL THEN pg_get_indexdef(i.indexrelid)
            ELSE format('ALTER TABLE %s ADD CONSTRAINT %I %s', i.indrelid::regclass, c.conname, pg_get_constraintdef(c.oid)) END
  FROM pg_index i LEFT JOIN pg_constraint c ON c.conindid = i.indexrelid AND c.contype IN ('p', 'u')
 WHERE i.indrelid = $1::regclass ORDER BY i.indexrelid";

const SPAN: &str = "SELECT people_until + 1, last FROM bench.plan";

/// Fills a table without its indexes, then makes them.
async fn copy(url: &str, table: &str, insert: &str) -> Result<(), Failure> {
    let mut connection = PgConnection::connect(url).await?;
    sqlx::raw_sql("SET maintenance_work_mem = '1GB'; SET jit = off").execute(&mut connection).await?;
    let table: String = sqlx::query_scalar(TABLE).bind(table).fetch_one(&mut connection).await?;
    let indexes: Vec<(String, String)> =
        sqlx::query_as(INDEXES).bind(&table).fetch_all(&mut connection).await?;
    for (drop, _) in &indexes {
        sqlx::query(drop).execute(&mut connection).await?;
    }
    let (first, last): (i64, i64) = sqlx::query_as(SPAN).fetch_one(&mut connection).await?;
    let insert = insert.replace("$1", &first.to_string()).replace("$2", &last.to_string());
    sqlx::raw_sql(&insert).execute(&mut connection).await?;
    for (_, make) in &indexes {
        sqlx::query(make).execute(&mut connection).await?;
    }
    Ok(())
}
