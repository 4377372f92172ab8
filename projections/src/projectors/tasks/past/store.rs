//! Former versions and links into their tables, many at a time.

use sqlx::PgConnection;

use super::{Link, Past, Until, VersionRow};
use crate::projectors::{
    literal::{Lines, array},
    tasks::store::ids,
};

const INSERT: &str = "
INSERT INTO task_versions (id, since, until, update_time, until_time, ahead, status, priority, due_order, labels,
    assignees, watchers, parent, external_system, external_id, private, delete_time)
SELECT id, since, until, update_time, until_time, ahead, status, priority, coalesce(due, 'infinity'), labels::text[],
    assignees::uuid[], watchers::uuid[], parent, external_system, external_id, private, delete_time
FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::timestamptz[], $5::timestamptz[], $6::boolean[], $7::text[],
    $8::smallint[], $9::timestamptz[], $10::text[], $11::text[], $12::text[], $13::uuid[], $14::text[], $15::text[],
    $16::boolean[], $17::timestamptz[])
    AS u (id, since, until, update_time, until_time, ahead, status, priority, due, labels, assignees, watchers, parent,
        external_system, external_id, private, delete_time)";

/// Each by itself: what went first may have happened last.
const LEAVE: &str = "
INSERT INTO task_past_links AS l (kind, value, task_id, until, until_time)
SELECT * FROM unnest($1::text[], $2::text[], $3::uuid[], $4::bigint[], $5::timestamptz[])
ON CONFLICT (kind, value, task_id) DO UPDATE SET until = greatest(l.until, excluded.until),
    until_time = greatest(l.until_time, excluded.until_time)";

const COPY: &str = "
COPY task_versions (id, since, until, update_time, until_time, ahead, status, priority, due_order, labels, assignees,
    watchers, parent, external_system, external_id, private, delete_time) FROM STDIN";
const COPY_LINKS: &str = "COPY task_past_links (kind, value, task_id, until, until_time) FROM STDIN";

/// Adds what has passed.
pub(in crate::projectors::tasks) async fn write(tables: &mut PgConnection, past: &Past) -> sqlx::Result<()> {
    insert(tables, &past.versions).await?;
    leave(tables, past).await
}

async fn insert(tables: &mut PgConnection, rows: &[VersionRow]) -> sqlx::Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    fn all<'a, T>(rows: &'a [VersionRow], field: impl Fn(&'a VersionRow) -> T) -> Vec<T> {
        rows.iter().map(field).collect()
    }
    sqlx::query(INSERT)
        .bind(all(rows, |row| row.id))
        .bind(all(rows, |row| row.since))
        .bind(all(rows, |row| row.until))
        .bind(all(rows, |row| row.update_time))
        .bind(all(rows, |row| row.until_time))
        .bind(all(rows, |row| row.ahead))
        .bind(all(rows, |row| row.status.as_str()))
        .bind(all(rows, |row| row.priority))
        .bind(all(rows, |row| row.due))
        .bind(all(rows, |row| array(&row.labels)))
        .bind(all(rows, |row| ids(&row.assignees)))
        .bind(all(rows, |row| ids(&row.watchers)))
        .bind(all(rows, |row| row.parent))
        .bind(all(rows, |row| row.external_system.as_deref()))
        .bind(all(rows, |row| row.external_id.as_deref()))
        .bind(all(rows, |row| row.private))
        .bind(all(rows, |row| row.delete_time))
        .execute(tables)
        .await?;
    Ok(())
}

async fn leave(tables: &mut PgConnection, past: &Past) -> sqlx::Result<()> {
    if past.links.is_empty() {
        return Ok(());
    }
    sqlx::query(LEAVE)
        .bind(past.links.keys().map(|link| link.kind).collect::<Vec<_>>())
        .bind(past.links.keys().map(|link| link.value.as_str()).collect::<Vec<_>>())
        .bind(past.links.keys().map(|link| link.task).collect::<Vec<_>>())
        .bind(past.links.values().map(|until| until.position).collect::<Vec<_>>())
        .bind(past.links.values().map(|until| until.time).collect::<Vec<_>>())
        .execute(tables)
        .await?;
    Ok(())
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
