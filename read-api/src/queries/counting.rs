//! How many a whole list has.

use serde_json::Value;
use sqlx::{Row, postgres::PgRow, types::Json};

/// How the size of a whole list is found out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counting {
    /// By counting.
    Exact,
    /// As the planner guesses it, at no cost.
    Estimate,
}

impl Counting {
    /// Both with their wire words.
    pub const WORDS: [(&'static str, Self); 2] = [("exact", Self::Exact), ("estimate", Self::Estimate)];

    /// What asks how many these rows are.
    pub(super) fn sql(self, rows: &str) -> String {
        match self {
            Self::Exact => format!("SELECT count(*) FROM ({rows}) AS counted"),
            Self::Estimate => format!("EXPLAIN (FORMAT JSON) {rows}"),
        }
    }

    /// The answer to that.
    pub(super) fn read(self, row: &PgRow) -> sqlx::Result<i64> {
        match self {
            Self::Exact => row.try_get(0),
            Self::Estimate => {
                let Json(plan): Json<Value> = row.try_get(0)?;
                Ok(plan.pointer("/0/Plan/Plan Rows").and_then(Value::as_i64).unwrap_or_default())
            }
        }
    }
}
