//! How many tasks pass a filter, in all or by the values of one field.

use serde_json::Value;
use sqlx::{FromRow, PgPool, Postgres, QueryBuilder, types::Json};

use super::{Sight, TaskFilter};
use crate::model::Count;

/// By what tasks are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupBy {
    /// Status.
    Status,
    /// Assignee; a task counts for each, or for nobody.
    Assignee,
    /// Label; a task counts for each, or for none.
    Label,
}

impl GroupBy {
    /// All groupings with their wire words.
    pub const WORDS: [(&'static str, Self); 3] =
        [("status", Self::Status), ("assignee", Self::Assignee), ("label", Self::Label)];

    /// The wire word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::Assignee => "assignee",
            Self::Label => "label",
        }
    }

    /// What is counted by, and from where.
    fn sources(self) -> (&'static str, &'static str) {
        match self {
            Self::Status => ("t.status", "read_model.tasks t"),
            Self::Assignee => {
                ("a.id", "read_model.tasks t LEFT JOIN LATERAL unnest(t.assignees) a(id) ON true")
            }
            Self::Label => {
                ("l.label", "read_model.tasks t LEFT JOIN LATERAL unnest(t.labels) l(label) ON true")
            }
        }
    }

    /// The name that goes with the value `g.value`.
    fn name(self) -> &'static str {
        match self {
            Self::Status | Self::Label => "NULL::text",
            Self::Assignee => "(SELECT u.name FROM read_model.users u WHERE u.id = g.value)",
        }
    }
}

#[derive(FromRow)]
struct CountRow {
    value: Option<String>,
    name: Option<String>,
    count: i64,
}

/// The thousand most frequent values with their counts.
pub async fn count_by(
    pool: &PgPool,
    filter: &TaskFilter,
    sight: Sight,
    group_by: GroupBy,
) -> sqlx::Result<Vec<Count>> {
    let (value, from) = group_by.sources();
    let mut sql = QueryBuilder::new("SELECT g.value::text AS value, ");
    sql.push(group_by.name()).push(" AS name, g.count FROM (SELECT ").push(value);
    sql.push(" AS value, count(*) AS count FROM ").push(from);
    filter.push_where(&mut sql, filter.when.standing(), sight);
    sql.push(" GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 1000) g ORDER BY g.count DESC, g.value");
    let rows: Vec<CountRow> = sql.build_query_as().fetch_all(pool).await?;
    Ok(rows.into_iter().map(|CountRow { value, name, count }| Count { value, name, count }).collect())
}

/// How many tasks pass the filter and can be seen.
pub async fn count(pool: &PgPool, filter: &TaskFilter, sight: Sight) -> sqlx::Result<i64> {
    all(filter, sight, "SELECT count(*)").build_query_scalar().fetch_one(pool).await
}

/// The same as the planner guesses it, at no cost.
pub async fn estimate(pool: &PgPool, filter: &TaskFilter, sight: Sight) -> sqlx::Result<i64> {
    let mut sql = all(filter, sight, "EXPLAIN (FORMAT JSON) SELECT id");
    let Json(plan): Json<Value> = sql.build_query_scalar().fetch_one(pool).await?;
    Ok(plan.pointer("/0/Plan/Plan Rows").and_then(Value::as_i64).unwrap_or_default())
}

fn all(filter: &TaskFilter, sight: Sight, select: &str) -> QueryBuilder<'static, Postgres> {
    let mut sql = QueryBuilder::new(select);
    sql.push(" FROM (");
    for (number, source) in filter.when.sources().into_iter().enumerate() {
        sql.push(if number == 0 { "" } else { " UNION ALL " });
        sql.push("SELECT t.id FROM ").push(source.tables());
        filter.push_where(&mut sql, source, sight);
    }
    sql.push(") found");
    sql
}
