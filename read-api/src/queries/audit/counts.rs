//! How many records pass a filter, in all or by what they have in common.

use domain::time::TimeZone;
use serde_json::Value;
use sqlx::{FromRow, PgPool, types::Json};

use super::{AuditFilter, Source, condition::Sql};
use crate::model::Count;

/// By what records are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditGroup {
    /// What was done.
    Action,
    /// Who did it.
    Actor,
    /// On which day it happened.
    Day,
    /// How it ended.
    Outcome,
}

impl AuditGroup {
    /// All groupings with their wire words.
    pub const WORDS: [(&'static str, Self); 4] =
        [("action", Self::Action), ("actor", Self::Actor), ("day", Self::Day), ("outcome", Self::Outcome)];

    /// The wire word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Action => "action",
            Self::Actor => "actor",
            Self::Day => "day",
            Self::Outcome => "outcome",
        }
    }

    fn push(self, source: Source, zone: TimeZone, sql: &mut Sql<'_>) {
        match (self, source) {
            (Self::Action, _) => sql.push("r.action"),
            (Self::Actor, _) => sql.push("r.actor::text"),
            (Self::Day, _) => sql
                .push("to_char(r.occurred_at AT TIME ZONE ")
                .push_bind(zone.to_string())
                .push(", 'YYYY-MM-DD')"),
            (Self::Outcome, Source::Events) => sql.push("'success'"),
            (Self::Outcome, Source::Attempts) => sql.push("r.outcome"),
        };
    }

    /// The name that goes with the value `g.value`.
    fn name(self) -> &'static str {
        match self {
            Self::Action | Self::Day | Self::Outcome => "NULL::text",
            Self::Actor => "(SELECT u.name FROM read_model.users u WHERE u.id = g.value::uuid)",
        }
    }

    /// Days in their order, all else the most frequent first.
    fn order(self) -> &'static str {
        match self {
            Self::Day => "g.value DESC",
            Self::Action | Self::Actor | Self::Outcome => "g.count DESC, g.value",
        }
    }
}

#[derive(FromRow)]
struct CountRow {
    value: Option<String>,
    name: Option<String>,
    count: i64,
}

/// The thousand most frequent values, or last days, with their counts; many alike count as many.
pub async fn audit_count_by(
    pool: &PgPool,
    filter: &AuditFilter,
    group_by: AuditGroup,
    zone: TimeZone,
) -> sqlx::Result<Vec<Count>> {
    let mut sql = Sql::new("SELECT g.value, ");
    sql.push(group_by.name())
        .push(" AS name, g.count FROM (SELECT value, sum(count)::bigint AS count FROM (");
    for source in Source::ALL {
        let (union, count) = match source {
            Source::Events => ("", "count(*)"),
            Source::Attempts => (" UNION ALL ", "sum(r.count)"),
        };
        sql.push(union).push("SELECT ");
        group_by.push(source, zone, &mut sql);
        sql.push(" AS value, ").push(count).push(" AS count FROM ").push(source.table()).push(" r");
        filter.push_where(source, &mut sql);
        sql.push(" GROUP BY 1");
    }
    let order = group_by.order();
    sql.push(format_args!(") both_logs GROUP BY value) g ORDER BY {order} LIMIT 1000"));
    let rows: Vec<CountRow> = sql.build_query_as().fetch_all(pool).await?;
    Ok(rows.into_iter().map(|CountRow { value, name, count }| Count { value, name, count }).collect())
}

/// How many records pass the filter.
pub async fn audit_count(pool: &PgPool, filter: &AuditFilter) -> sqlx::Result<i64> {
    let mut count = 0;
    for source in Source::ALL {
        let found: i64 = all(filter, source, "SELECT count(*)").build_query_scalar().fetch_one(pool).await?;
        count += found;
    }
    Ok(count)
}

/// The same as the planner guesses it, at no cost.
pub async fn audit_estimate(pool: &PgPool, filter: &AuditFilter) -> sqlx::Result<i64> {
    let mut count = 0;
    for source in Source::ALL {
        let mut sql = all(filter, source, "EXPLAIN (FORMAT JSON) SELECT r.position");
        let Json(plan): Json<Value> = sql.build_query_scalar().fetch_one(pool).await?;
        count += plan.pointer("/0/Plan/Plan Rows").and_then(Value::as_i64).unwrap_or_default();
    }
    Ok(count)
}

fn all(filter: &AuditFilter, source: Source, select: &str) -> Sql<'static> {
    let mut sql = Sql::new(select);
    sql.push(" FROM ").push(source.table()).push(" r");
    filter.push_where(source, &mut sql);
    sql
}
