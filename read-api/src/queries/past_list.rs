//! A page of tasks as of a moment: where they stand in the list, which is all that the tables tell of the past.

use chrono::{DateTime, Utc};
use sqlx::{PgPool, Row, postgres::PgRow};
use uuid::Uuid;

use super::{
    Sight, Sort, SortKey, TaskCursor, TaskFilter,
    task_list::{Value, page_sql, push_order},
    when::Source,
};

/// What is asked for.
struct Page<'a> {
    filter: &'a TaskFilter,
    sight: Sight,
    sort: Sort,
    after: Option<&'a TaskCursor>,
    limit: i64,
}

/// The ids of the tasks behind `after` that passed the filter then and can be seen, at most `limit`.
///
/// What stands comes first: what changes meanwhile is found twice and not missed. Once the page is full, the rest matters only
/// as far as it comes before the last one.
pub async fn past_page(
    pool: &PgPool,
    filter: &TaskFilter,
    sight: Sight,
    sort: Sort,
    after: Option<&TaskCursor>,
    limit: i64,
) -> sqlx::Result<Vec<Uuid>> {
    let page = Page { filter, sight, sort, after, limit };
    let size = usize::try_from(limit).unwrap_or_default();
    let mut found: Vec<(Value, Uuid)> = Vec::new();
    for source in filter.when.sources() {
        let last = found.get(size.wrapping_sub(1)).map(|(value, _)| *value);
        found.extend(page.places(pool, source, last).await?);
        found.sort_unstable_by_key(|(value, id)| (value.order(), *id));
        found.dedup();
        if sort.descending {
            found.reverse();
        }
        found.truncate(size);
    }
    Ok(found.into_iter().map(|(_, id)| id).collect())
}

impl Page<'_> {
    /// What there is in one of the tables, up to `last`.
    async fn places(
        &self,
        pool: &PgPool,
        source: Source,
        last: Option<Value>,
    ) -> sqlx::Result<Vec<(Value, Uuid)>> {
        let columns = format!("t.id, {}", self.sort.key.place(source));
        let mut sql = page_sql(&columns, self.filter, source, self.sight, self.sort, self.after);
        if let (SortKey::CreateTime | SortKey::Key, Some(latest)) = (self.sort.key, source.latest()) {
            sql.push(format_args!(" AND {}.create_time <= ", source.task())).push_bind(latest);
        }
        if let Some(last) = last {
            let comparison = if self.sort.descending { ">=" } else { "<=" };
            sql.push(format_args!(" AND {} {comparison} ", self.sort.key.column(source)));
            last.push(&mut sql);
        }
        push_order(&mut sql, source, self.sort, self.limit);
        // Which index is right depends on the moment: planned each time.
        let rows = sql.build().persistent(false).fetch_all(pool).await?;
        rows.iter().map(|row| Ok((self.sort.key.read(row)?, row.try_get(0)?))).collect()
    }
}

impl SortKey {
    /// The column as a value that can be read.
    fn place(self, source: Source) -> String {
        match self {
            Self::Due => format!("nullif({}, 'infinity')", self.column(source)),
            Self::UpdateTime | Self::CreateTime | Self::Priority | Self::Key => self.column(source),
        }
    }

    fn read(self, row: &PgRow) -> sqlx::Result<Value> {
        Ok(match self {
            Self::UpdateTime | Self::CreateTime | Self::Due => {
                Value::Time(row.try_get::<Option<DateTime<Utc>>, _>(1)?)
            }
            Self::Priority => Value::Rank(row.try_get(1)?),
            Self::Key => Value::Number(row.try_get(1)?),
        })
    }
}

impl Value {
    /// Sorts as Postgres does, which puts what is never due last.
    fn order(self) -> (bool, i64) {
        match self {
            Self::Time(time) => (time.is_none(), time.map_or(0, |time| time.timestamp_micros())),
            Self::Rank(rank) => (false, rank.into()),
            Self::Number(number) => (false, number),
        }
    }
}
