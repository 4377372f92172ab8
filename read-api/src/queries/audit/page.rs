//! Which records come next.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::{FromRow, PgPool};

use domain::filter::Network;

use super::{
    AuditFilter, RecordId, Source,
    condition::{Lead, Sql},
};

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

/// So many records are looked through for those from a network …
const NEAR: i64 = 20_000;
/// … before its addresses are looked up, if there are fewer than that: otherwise all records are looked through.
const MOST_ADDRESSES: usize = 2_000;

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
        let found = Asked { filter, source, ascending, after: after.of(source), limit }.find(pool).await?;
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

/// What one table is asked.
struct Asked<'a> {
    filter: &'a AuditFilter,
    source: Source,
    ascending: bool,
    after: i64,
    limit: i64,
}

impl Asked<'_> {
    /// How often somebody did something says nothing of when: they may have left long ago, as an office may. So who and where from is
    /// looked up value by value, where the index leads straight to the next records, and a walk from record to record is never
    /// tried. Of a network, which may be everybody's, first some records are looked through.
    async fn find(&self, pool: &PgPool) -> sqlx::Result<Vec<Found>> {
        let Some(lead) = self.filter.lead() else {
            return self.all(None).build_query_as().fetch_all(pool).await;
        };
        let mut sql = match lead {
            Lead::Actor(id) => self.led_by(lead, vec![id.to_string()]),
            Lead::Network(Network { first, last }) if first == last => {
                self.led_by(lead, vec![first.to_string()])
            }
            Lead::Network(network) => {
                let near: Vec<Found> = self.all(Some(NEAR)).build_query_as().fetch_all(pool).await?;
                if i64::try_from(near.len()).is_ok_and(|found| found >= self.limit) {
                    return Ok(near);
                }
                let addresses = self.addresses(pool, network).await?;
                if addresses.len() < MOST_ADDRESSES { self.led_by(lead, addresses) } else { self.all(None) }
            }
        };
        sql.build_query_as().fetch_all(pool).await
    }

    /// Everything that passes, or only what is among the next so many.
    fn all(&self, among: Option<i64>) -> Sql<'static> {
        let mut sql = self.select();
        self.push_where(None, &mut sql);
        if let Some(among) = among {
            self.push_among(among, &mut sql);
        }
        self.push_order(&mut sql);
        sql
    }

    /// Of each of these values the next ones, and of those the next ones: their positions are all in the index of the column.
    fn led_by(&self, lead: Lead, values: Vec<String>) -> Sql<'static> {
        let (column, kind) = match lead {
            Lead::Actor(_) => ("actor", "uuid"),
            Lead::Network(_) => ("ip", "inet"),
        };
        let mut sql = self.select();
        sql.push(" JOIN (SELECT r.position FROM unnest(").push_bind(values);
        sql.push(format_args!(
            "::text[]::{kind}[]) AS a (value) CROSS JOIN LATERAL (SELECT r.position FROM "
        ));
        sql.push(self.source.table()).push(" r");
        self.push_where(Some(lead), &mut sql);
        sql.push(format_args!(" AND r.{column} = a.value"));
        self.push_order(&mut sql);
        sql.push(") AS r");
        self.push_order(&mut sql);
        sql.push(") AS found USING (position)");
        self.push_order(&mut sql);
        sql
    }

    fn select(&self) -> Sql<'static> {
        let mut sql = Sql::new("SELECT r.position, r.recorded_at, ");
        self.filter.push_held(self.source, &mut sql);
        sql.push(" AS held FROM ").push(self.source.table()).push(" r");
        sql
    }

    fn push_where(&self, lead: Option<Lead>, sql: &mut Sql<'_>) {
        self.filter.push_where_but(lead, self.source, sql);
        sql.push(if self.ascending { " AND r.position > " } else { " AND r.position < " })
            .push_bind(self.after);
    }

    fn push_order(&self, sql: &mut Sql<'_>) {
        let direction = if self.ascending { "ASC" } else { "DESC" };
        sql.push(format_args!(" ORDER BY r.position {direction} LIMIT ")).push_bind(self.limit);
    }

    fn push_among(&self, among: i64, sql: &mut Sql<'_>) {
        let (first, last) = self.filter.span(self.source);
        if self.ascending {
            sql.push(" AND r.position <= ").push_bind(self.after.max(first).saturating_add(among));
        } else {
            sql.push(" AND r.position >= least(").push_bind(self.after.min(last));
            sql.push(", (SELECT max(position) + 1 FROM ")
                .push(self.source.table())
                .push(")) - ")
                .push_bind(among);
        }
    }

    /// The addresses of a network that occur, one jump through the index each; not all if they are too many.
    async fn addresses(&self, pool: &PgPool, network: Network) -> sqlx::Result<Vec<String>> {
        let table = self.source.table();
        let sql = format!(
            "WITH RECURSIVE a (ip) AS ((SELECT ip FROM {table} WHERE ip >= $1::text::inet AND ip <= $2::text::inet \
                 ORDER BY ip LIMIT 1) \
             UNION ALL SELECT (SELECT r.ip FROM {table} r WHERE r.ip > a.ip AND r.ip <= $2::text::inet ORDER BY r.ip LIMIT 1) \
                 FROM a WHERE a.ip IS NOT NULL) \
             SELECT text(ip) FROM a WHERE ip IS NOT NULL LIMIT $3"
        );
        let query = sqlx::query_scalar(&sql).bind(network.first.to_string()).bind(network.last.to_string());
        query.bind(i64::try_from(MOST_ADDRESSES).unwrap_or(i64::MAX)).fetch_all(pool).await
    }
}

/// Position of the last attempt recorded before this time; 0 if there is none.
pub async fn attempts_before(pool: &PgPool, time: DateTime<Utc>) -> sqlx::Result<i64> {
    const SQL: &str = "SELECT position FROM read_model.audit_attempts WHERE recorded_at < $1 \
         ORDER BY recorded_at DESC, position DESC LIMIT 1";
    Ok(sqlx::query_scalar(SQL).bind(time).fetch_optional(pool).await?.unwrap_or(0))
}
