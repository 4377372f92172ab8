//! Former versions and links into their tables, many at a time.

use sqlx::{PgConnection, Postgres, QueryBuilder};

use super::{Link, Past, Until, VersionRow};
use crate::projectors::{
    literal::{Lines, array},
    tasks::store::ids,
};

const COPY: &str = "
COPY task_versions (id, since, until, update_time, until_time, ahead, status, priority, due_order, labels, assignees,
    watchers, parent, external_system, external_id, private, delete_time) FROM STDIN";
const COPY_LINKS: &str = "COPY task_past_links (kind, value, task_id, until, until_time) FROM STDIN";

/// Adds what has passed.
pub(in crate::projectors::tasks) fn push<'a>(sql: &mut QueryBuilder<'a, Postgres>, past: &'a Past) {
    if !past.versions.is_empty() {
        push_versions(sql, &past.versions);
    }
    if !past.links.is_empty() {
        push_links(sql, past);
    }
}

fn push_versions<'a>(sql: &mut QueryBuilder<'a, Postgres>, rows: &'a [VersionRow]) {
    fn all<'a, T>(rows: &'a [VersionRow], field: impl Fn(&'a VersionRow) -> T) -> Vec<T> {
        rows.iter().map(field).collect()
    }
    sql.push(
        ", versions AS (
        INSERT INTO task_versions (id, since, until, update_time, until_time, ahead, status, priority, due_order, labels,
            assignees, watchers, parent, external_system, external_id, private, delete_time)
        SELECT id, since, until, update_time, until_time, ahead, status, priority, coalesce(due, 'infinity'),
            labels::text[], assignees::uuid[], watchers::uuid[], parent, external_system, external_id, private, delete_time
        FROM unnest(",
    )
    .separated(", ")
    .push_bind(all(rows, |row| row.id))
    .push_bind(all(rows, |row| row.since))
    .push_bind(all(rows, |row| row.until))
    .push_bind(all(rows, |row| row.update_time))
    .push_bind(all(rows, |row| row.until_time))
    .push_bind(all(rows, |row| row.ahead))
    .push_bind(all(rows, |row| row.status.as_str()))
    .push_bind(all(rows, |row| row.priority))
    .push_bind(all(rows, |row| row.due))
    .push_bind(all(rows, |row| array(&row.labels)))
    .push_bind(all(rows, |row| ids(&row.assignees)))
    .push_bind(all(rows, |row| ids(&row.watchers)))
    .push_bind(all(rows, |row| row.parent))
    .push_bind(all(rows, |row| row.external_system.as_deref()))
    .push_bind(all(rows, |row| row.external_id.as_deref()))
    .push_bind(all(rows, |row| row.private))
    .push_bind(all(rows, |row| row.delete_time));
    sql.push(
        ") AS u (id, since, until, update_time, until_time, ahead, status, priority, due, labels, assignees, watchers,
            parent, external_system, external_id, private, delete_time))",
    );
}

/// Each by itself: what went first may have happened last.
fn push_links<'a>(sql: &mut QueryBuilder<'a, Postgres>, past: &'a Past) {
    sql.push(
        ", past_links AS (INSERT INTO task_past_links AS l (kind, value, task_id, until, until_time) SELECT * FROM unnest(",
    )
    .separated(", ")
    .push_bind(past.links.keys().map(|link| link.kind).collect::<Vec<_>>())
    .push_bind(past.links.keys().map(|link| link.value.as_str()).collect::<Vec<_>>())
    .push_bind(past.links.keys().map(|link| link.task).collect::<Vec<_>>())
    .push_bind(past.links.values().map(|until| until.position).collect::<Vec<_>>())
    .push_bind(past.links.values().map(|until| until.time).collect::<Vec<_>>());
    sql.push(
        ") ON CONFLICT (kind, value, task_id) DO UPDATE SET until = greatest(l.until, excluded.until),
            until_time = greatest(l.until_time, excluded.until_time))",
    );
}

/// Copies what whole histories have left behind into tables that have nothing of these tasks.
pub(in crate::projectors::tasks) async fn copy(tables: &mut PgConnection, past: &Past) -> sqlx::Result<()> {
    let [mut versions, mut links] = <[Lines; 2]>::default();
    past.versions.iter().for_each(|row| version_line(&mut versions, row));
    past.links.iter().for_each(|(link, until)| link_line(&mut links, link, *until));
    versions.send(tables, COPY).await?;
    links.send(tables, COPY_LINKS).await
}

fn version_line(lines: &mut Lines, row: &VersionRow) {
    lines
        .plain(row.id)
        .plain(row.since)
        .plain(row.until)
        .plain(row.update_time)
        .plain(row.until_time)
        .plain(row.ahead)
        .plain(&row.status)
        .plain(row.priority)
        .plain(row.due.map_or_else(|| "infinity".to_owned(), |due| due.to_string()))
        .text(&array(&row.labels))
        .plain(ids(&row.assignees))
        .plain(ids(&row.watchers))
        .plain_or_null(row.parent)
        .text_or_null(row.external_system.as_deref())
        .text_or_null(row.external_id.as_deref())
        .plain(row.private)
        .plain_or_null(row.delete_time)
        .end();
}

fn link_line(lines: &mut Lines, link: &Link, until: Until) {
    lines.plain(link.kind).text(&link.value).plain(link.task).plain(until.position).plain(until.time).end();
}
