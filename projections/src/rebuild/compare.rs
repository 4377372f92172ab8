//! Are the rebuilt rows those that are live? Asked in one snapshot, while both go on.

use std::fmt;

use sqlx::{Connection, PgConnection};

use super::{RebuildError, claim::Claim};
use crate::{
    registry::{Compared, Projection},
    runner::Sources,
    schema::schema_name,
    script,
};

/// What is different in one table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The table.
    pub table: &'static str,
    /// A column that differs, or `(missing)` for rows that the new version lacks, `(extra)` for rows that only it has.
    pub column: String,
    /// In so many rows.
    pub rows: i64,
    /// The key of one of them.
    pub example: String,
}

/// All that is different.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Differences(pub Vec<Difference>);

impl Differences {
    /// Nothing is.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Differences {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|difference| {
            let Difference { table, column, rows, example } = difference;
            writeln!(f, "  {table}.{column}: {rows} rows, for example {example}")
        })
    }
}

/// Compares the new version with the live one in one snapshot.
pub(super) async fn compare(
    projection: &Projection,
    sources: &Sources,
    claim: &Claim,
) -> Result<Differences, RebuildError> {
    if claim.live_is_foreign {
        return Ok(Differences::default());
    }
    let mut registry = sources.read_model.registry().await?;
    let mut snapshot = registry.begin().await?;
    script::run(
        &mut snapshot,
        "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY; SET LOCAL work_mem = '64MB'",
    )
    .await?;
    let mut differences = Vec::new();
    for table in projection.compared {
        let columns = columns(&mut snapshot, table, claim).await?;
        differences.extend(compare_table(&mut snapshot, projection, table, &columns, claim).await?);
    }
    snapshot.commit().await?;
    Ok(Differences(differences))
}

const COLUMNS: &str = "
SELECT n.column_name::text FROM information_schema.columns n
JOIN information_schema.columns o USING (table_name, column_name)
WHERE n.table_schema = $1 AND o.table_schema = $2 AND n.table_name = $3 ORDER BY n.ordinal_position";

/// The columns that both versions have.
async fn columns(snapshot: &mut PgConnection, table: &Compared, claim: &Claim) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar(COLUMNS)
        .bind(schema_name(claim.version))
        .bind(schema_name(claim.live))
        .bind(table.name)
        .fetch_all(snapshot)
        .await
}

async fn compare_table(
    snapshot: &mut PgConnection,
    projection: &Projection,
    table: &'static Compared,
    columns: &[String],
    claim: &Claim,
) -> sqlx::Result<Vec<Difference>> {
    if columns.is_empty() {
        return Ok(Vec::new());
    }
    sqlx::query_as(&sql(table, columns, claim))
        .bind(projection.name)
        .bind(vec![claim.live, claim.version])
        .fetch_all(snapshot)
        .await
        .map(|rows: Vec<(String, i64, String)>| {
            let difference =
                |(column, rows, example)| Difference { table: table.name, column, rows, example };
            rows.into_iter().map(difference).collect()
        })
}

/// Rows of both sides side by side, those of parked aggregates left out. Rows with positions must be there on both sides
/// as far as both have come, and be equal where their positions are; rows without positions are compared where the rows
/// that own them have equal positions. Only rows that differ are looked at column by column.
fn sql(table: &Compared, columns: &[String], claim: &Claim) -> String {
    let (old, new) = (schema_name(claim.live), schema_name(claim.version));
    let key = table.key.join(", ");
    format!(
        "WITH reached AS (SELECT min(position) AS up_to FROM read_model.checkpoints \
             WHERE projection = $1 AND version = ANY($2)), \
         parked AS (SELECT aggregate_id FROM read_model.parked_events \
             WHERE projection = $1 AND version = ANY($2)){settled}, \
         o AS ({old_rows}), n AS ({new_rows}) \
         SELECT what, count(*), min(concat_ws(' ', {key})) \
         FROM o FULL JOIN n USING ({key}) CROSS JOIN reached \
         CROSS JOIN LATERAL (VALUES {found}) AS found (what, differs) \
         WHERE o IS DISTINCT FROM n AND differs GROUP BY what ORDER BY what",
        settled = settled(table, &old, &new),
        old_rows = rows(table, columns, &old),
        new_rows = rows(table, columns, &new),
        found = found(table, columns).join(", "),
    )
}

/// The aggregates that are equally far on both sides, for tables that are compared by them.
fn settled(table: &Compared, old: &str, new: &str) -> String {
    let settled = |owner| {
        format!(
            ", settled AS (SELECT id FROM {old}.{owner} AS o JOIN {new}.{owner} AS n USING (id) \
             WHERE o.position = n.position)"
        )
    };
    table.owner.map(settled).unwrap_or_default()
}

/// The rows of one side that can be compared.
fn rows(table: &Compared, columns: &[String], schema: &str) -> String {
    let (name, aggregate, columns) = (table.name, table.aggregate, columns.join(", "));
    let unparked = format!(
        "SELECT {columns} FROM {schema}.{name} WHERE {aggregate} NOT IN (SELECT aggregate_id FROM parked)"
    );
    match table.owner {
        None => unparked,
        Some(_) => format!("{unparked} AND {aggregate} IN (SELECT id FROM settled)"),
    }
}

/// What can be found about a row, each with its condition.
fn found(table: &Compared, columns: &[String]) -> Vec<String> {
    let aggregate = table.aggregate;
    let (in_old, in_new, in_both) = match table.owner {
        None => (
            "o.position <= reached.up_to",
            "n.position <= reached.up_to",
            "(o.position = n.position OR greatest(o.position, n.position) <= reached.up_to)",
        ),
        Some(_) => ("true", "true", "true"),
    };
    let mut found = vec![
        format!("('(missing)', n.{aggregate} IS NULL AND {in_old})"),
        format!("('(extra)', o.{aggregate} IS NULL AND {in_new})"),
    ];
    let both = format!("o.{aggregate} IS NOT NULL AND n.{aggregate} IS NOT NULL AND {in_both}");
    let values = columns.iter().filter(|column| !table.key.contains(&column.as_str()));
    found.extend(
        values.map(|column| format!("('{column}', {both} AND o.{column} IS DISTINCT FROM n.{column})")),
    );
    found
}
