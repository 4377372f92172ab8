//! How many records pass a filter, in all or by what they have in common.

use domain::{filter::RecordGroup, time::TimeZone};
use serde_json::Value;
use sqlx::{FromRow, PgPool, types::Json};

use super::{
    Archive, AuditCursor, AuditFilter, RecordId, Search, Source,
    condition::Sql,
    search::{AT_ONCE, SAMPLE},
};
use crate::{
    model::{AuditRecord, Count},
    queries::history::HistoryError,
};

/// More records are not read for one answer.
pub const MOST_READ: i64 = 10_000;

/// The value of a record.
fn push_value(group_by: RecordGroup, source: Source, zone: TimeZone, sql: &mut Sql<'_>) {
    match (group_by, source) {
        (RecordGroup::Action, _) => sql.push("r.action"),
        (RecordGroup::Actor, _) => sql.push("r.actor::text"),
        (RecordGroup::Day, _) => sql
            .push("to_char(r.occurred_at AT TIME ZONE ")
            .push_bind(zone.to_string())
            .push(", 'YYYY-MM-DD')"),
        (RecordGroup::Outcome, Source::Events) => sql.push("'success'"),
        (RecordGroup::Outcome, Source::Attempts) => sql.push("r.outcome"),
    };
}

/// The name that goes with the value `g.value`.
fn name(group_by: RecordGroup) -> &'static str {
    match group_by {
        RecordGroup::Action | RecordGroup::Day | RecordGroup::Outcome => "NULL::text",
        RecordGroup::Actor => "(SELECT u.name FROM read_model.users u WHERE u.id = g.value::uuid)",
    }
}

/// Days in their order, all else the most frequent first.
fn order(group_by: RecordGroup) -> &'static str {
    match group_by {
        RecordGroup::Day => "g.value DESC",
        RecordGroup::Action | RecordGroup::Actor | RecordGroup::Outcome => "g.count DESC, g.value",
    }
}

#[derive(FromRow)]
struct CountRow {
    value: Option<String>,
    name: Option<String>,
    count: i64,
}

/// Records that pass, where only they themselves could say so.
#[derive(Clone, Debug, Default)]
pub struct Found {
    events: Vec<i64>,
    attempts: Vec<i64>,
}

impl Found {
    /// These too.
    pub fn add(&mut self, records: &[AuditRecord]) {
        for place in records.iter().filter_map(|record| record.id.parse::<RecordId>().ok()) {
            match place.source {
                Source::Events => self.events.push(place.position),
                Source::Attempts => self.attempts.push(place.position),
            }
        }
    }

    /// How many they are.
    pub fn count(&self) -> i64 {
        i64::try_from(self.events.len() + self.attempts.len()).unwrap_or(i64::MAX)
    }

    fn push_where(&self, source: Source, sql: &mut Sql<'_>) {
        let positions = match source {
            Source::Events => &self.events,
            Source::Attempts => &self.attempts,
        };
        sql.push(" WHERE r.position = ANY(").push_bind(positions.clone()).push(")");
    }
}

/// What passes a filter that asks what records say; none if more than [`MOST_READ`] would have to be read to know.
pub async fn audit_found(archive: Archive<'_>, filter: &AuditFilter) -> Result<Option<Found>, HistoryError> {
    if may_pass(archive.pool, filter, MOST_READ + 1).await? > MOST_READ {
        return Ok(None);
    }
    let search = Search { archive, filter, ascending: false };
    let (mut found, mut next) = (Found::default(), Some(AuditCursor::start(false)));
    while let Some(cursor) = next {
        let (records, behind) = search.look(cursor, AT_ONCE).await?;
        found.add(&records);
        next = behind;
    }
    Ok(Some(found))
}

/// How many records there are that need be read, but not beyond `most`.
async fn may_pass(pool: &PgPool, filter: &AuditFilter, most: i64) -> sqlx::Result<i64> {
    let mut count = 0;
    for source in Source::ALL {
        let mut sql = all(filter, source, "SELECT count(*) FROM (SELECT");
        sql.push(" LIMIT ").push_bind(most - count).push(") AS counted");
        let found: i64 = sql.build_query_scalar().fetch_one(pool).await?;
        count += found;
    }
    Ok(count)
}

/// The `most` most frequent values, or last days, with their counts; many alike count as many. Of a filter that asks what records say
/// it must have been found before what passes.
pub async fn audit_count_by(
    pool: &PgPool,
    filter: &AuditFilter,
    found: Option<&Found>,
    group_by: RecordGroup,
    zone: TimeZone,
    most: i64,
) -> sqlx::Result<Vec<Count>> {
    let mut sql = Sql::new("SELECT g.value, ");
    sql.push(name(group_by)).push(" AS name, g.count FROM (SELECT value, sum(count)::bigint AS count FROM (");
    for source in Source::ALL {
        let (union, count) = match source {
            Source::Events => ("", "count(*)"),
            Source::Attempts => (" UNION ALL ", "sum(r.count)"),
        };
        sql.push(union).push("SELECT ");
        push_value(group_by, source, zone, &mut sql);
        sql.push(" AS value, ").push(count).push(" AS count FROM ").push(source.table()).push(" r");
        match found {
            Some(found) => found.push_where(source, &mut sql),
            None => filter.push_where(source, &mut sql),
        }
        sql.push(" GROUP BY 1");
    }
    let order = order(group_by);
    sql.push(format_args!(") both_logs GROUP BY value) g ORDER BY {order} LIMIT ")).push_bind(most);
    let rows: Vec<CountRow> = sql.build_query_as().fetch_all(pool).await?;
    Ok(rows.into_iter().map(|CountRow { value, name, count }| Count { value, name, count }).collect())
}

/// How many records pass the filter; none if more than [`MOST_READ`] would have to be read to know.
pub async fn audit_count(archive: Archive<'_>, filter: &AuditFilter) -> Result<Option<i64>, HistoryError> {
    if filter.is_of_content() {
        return Ok(audit_found(archive, filter).await?.map(|found| found.count()));
    }
    let mut count = 0;
    for source in Source::ALL {
        let mut sql = all(filter, source, "SELECT count(*)");
        let found: i64 = sql.build_query_scalar().fetch_one(archive.pool).await?;
        count += found;
    }
    Ok(Some(count))
}

/// The same as the planner guesses it; where records must be read, as the newest of them let expect.
pub async fn audit_estimate(archive: Archive<'_>, filter: &AuditFilter) -> Result<i64, HistoryError> {
    let mut count = 0;
    for source in Source::ALL {
        let mut sql = all(filter, source, "EXPLAIN (FORMAT JSON) SELECT r.position");
        let Json(plan): Json<Value> = sql.build_query_scalar().fetch_one(archive.pool).await?;
        count += plan.pointer("/0/Plan/Plan Rows").and_then(Value::as_i64).unwrap_or_default();
    }
    if !filter.is_of_content() {
        return Ok(count);
    }
    match (Search { archive, filter, ascending: false }).sample().await? {
        (looked_at, passing) if looked_at < SAMPLE => Ok(passing),
        (looked_at, passing) => Ok(count.max(looked_at).saturating_mul(passing) / looked_at),
    }
}

fn all(filter: &AuditFilter, source: Source, select: &str) -> Sql<'static> {
    let mut sql = Sql::new(select);
    sql.push(" FROM ").push(source.table()).push(" r");
    filter.push_where(source, &mut sql);
    sql
}
