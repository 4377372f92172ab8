//! Which records come next.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::{FromRow, PgPool};

use super::{AuditFilter, RecordId, Source, condition::Sql};

/// Where a record is, when it was recorded, and what of the filter is known to hold for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordRef {
    pub(super) source: Source,
    pub(super) position: i64,
    pub(super) recorded_at: DateTime<Utc>,
    pub(super) held: Vec<bool>,
}

impl RecordRef {
    /// Its permanent name.
    pub fn id(&self) -> RecordId {
        RecordId { source: self.source, position: self.position }
    }
}

/// Where a page ended, in each of the two logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditCursor {
    events: i64,
    attempts: i64,
}

impl AuditCursor {
    /// Where the first page begins.
    pub fn start(ascending: bool) -> Self {
        let end = if ascending { 0 } else { i64::MAX };
        Self { events: end, attempts: end }
    }

    /// The place behind this record, which follows the others.
    pub fn passes(&mut self, record: &RecordRef) {
        match record.source {
            Source::Events => self.events = record.position,
            Source::Attempts => self.attempts = record.position,
        }
    }

    fn of(self, source: Source) -> i64 {
        match source {
            Source::Events => self.events,
            Source::Attempts => self.attempts,
        }
    }
}

#[derive(FromRow)]
struct Found {
    position: i64,
    recorded_at: DateTime<Utc>,
    held: Vec<bool>,
}

/// The records behind `after` that pass the filter, as far as their content is not asked for, by the time when they were recorded, at most `limit`.
pub(super) async fn audit_page(
    pool: &PgPool,
    filter: &AuditFilter,
    ascending: bool,
    after: AuditCursor,
    limit: i64,
) -> sqlx::Result<Vec<RecordRef>> {
    let mut all = Vec::new();
    for source in Source::ALL {
        let found: Vec<Found> = page_sql(filter, source, ascending, after.of(source), limit)
            .build_query_as()
            .fetch_all(pool)
            .await?;
        let reference =
            |Found { position, recorded_at, held }| RecordRef { source, position, recorded_at, held };
        all.extend(found.into_iter().map(reference));
    }
    // Within one log the order stays as it is: neither positions nor times fall there.
    all.sort_by(|one, other| {
        let order = one.recorded_at.cmp(&other.recorded_at);
        if ascending { order } else { order.reverse() }
    });
    all.truncate(usize::try_from(limit).unwrap_or(0));
    Ok(all)
}

fn page_sql(filter: &AuditFilter, source: Source, ascending: bool, after: i64, limit: i64) -> Sql<'static> {
    let mut sql = Sql::new("SELECT r.position, r.recorded_at, ");
    filter.push_held(source, &mut sql);
    sql.push(" AS held FROM ");
    sql.push(source.table()).push(" r");
    filter.push_where(source, &mut sql);
    sql.push(if ascending { " AND r.position > " } else { " AND r.position < " }).push_bind(after);
    let direction = if ascending { "ASC" } else { "DESC" };
    sql.push(format_args!(" ORDER BY r.position {direction} LIMIT ")).push_bind(limit);
    sql
}

/// Position of the last attempt recorded before this time; 0 if there is none.
pub async fn attempts_before(pool: &PgPool, time: DateTime<Utc>) -> sqlx::Result<i64> {
    const SQL: &str = "SELECT position FROM read_model.audit_attempts WHERE recorded_at < $1 \
         ORDER BY recorded_at DESC, position DESC LIMIT 1";
    Ok(sqlx::query_scalar(SQL).bind(time).fetch_optional(pool).await?.unwrap_or(0))
}
