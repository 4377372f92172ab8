//! Versions and links from and to their tables, many at a time.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    row::{Link, LinkSpan, Mark, VersionRow},
    spans::Course,
};
use crate::projectors::literal::{Lines, array};

/// The latest version stands; backwards in the key, so that those before it are not read.
const LOAD: &str = "
SELECT v.id, v.since, v.until, v.version, v.update_time, v.until_time, v.ahead, v.status, v.priority, v.due, v.labels,
    v.assignees, v.watchers, v.creator, v.parent, v.external_system, v.external_id, v.private, v.create_time, v.delete_time
FROM unnest($1::uuid[]) AS w (id)
CROSS JOIN LATERAL (SELECT * FROM task_versions t WHERE t.id = w.id ORDER BY t.since DESC LIMIT 1) AS v";

const END: &str = "
UPDATE task_versions AS t SET until = u.until, until_time = u.until_time
FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::timestamptz[]) AS u (id, since, until, until_time)
WHERE t.id = u.id AND t.since = u.since";

const INSERT: &str = "
INSERT INTO task_versions (id, since, until, version, update_time, until_time, ahead, status, priority, due, labels,
    assignees, watchers, creator, parent, external_system, external_id, private, create_time, delete_time)
SELECT id, since, until, version, update_time, until_time, ahead, status, priority, due, labels::text[],
    assignees::uuid[], watchers::uuid[], creator, parent, external_system, external_id, private, create_time, delete_time
FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::bigint[], $5::timestamptz[], $6::timestamptz[], $7::boolean[],
    $8::text[], $9::smallint[], $10::timestamptz[], $11::text[], $12::text[], $13::text[], $14::uuid[], $15::uuid[],
    $16::text[], $17::text[], $18::boolean[], $19::timestamptz[], $20::timestamptz[])
    AS u (id, since, until, version, update_time, until_time, ahead, status, priority, due, labels, assignees,
        watchers, creator, parent, external_system, external_id, private, create_time, delete_time)";

const END_LINKS: &str = "
UPDATE task_version_links AS l SET until = u.until, until_time = u.until_time
FROM unnest($1::text[], $2::text[], $3::uuid[], $4::bigint[], $5::timestamptz[])
    AS u (kind, value, task_id, until, until_time)
WHERE l.kind = u.kind AND l.value = u.value AND l.task_id = u.task_id AND l.until IS NULL";

const INSERT_LINKS: &str = "
INSERT INTO task_version_links (kind, value, task_id, since, until, since_time, until_time)
SELECT * FROM unnest($1::text[], $2::text[], $3::uuid[], $4::bigint[], $5::bigint[], $6::timestamptz[],
    $7::timestamptz[])";

const COPY: &str = "
COPY task_versions (id, since, until, version, update_time, until_time, ahead, status, priority, due, labels, assignees,
    watchers, creator, parent, external_system, external_id, private, create_time, delete_time) FROM STDIN";
const COPY_LINKS: &str =
    "COPY task_version_links (kind, value, task_id, since, until, since_time, until_time) FROM STDIN";

/// The versions of these tasks that stand.
pub(super) async fn load(tables: &mut PgConnection, tasks: &[Uuid]) -> sqlx::Result<Vec<VersionRow>> {
    if tasks.is_empty() {
        return Ok(Vec::new());
    }
    sqlx::query_as(LOAD).bind(tasks).fetch_all(tables).await
}

/// Brings both tables to where the courses have come.
pub(super) async fn write(tables: &mut PgConnection, courses: &[Course]) -> sqlx::Result<()> {
    end(tables, courses).await?;
    let rows: Vec<&VersionRow> = courses.iter().flat_map(|course| &course.rows).collect();
    insert(tables, &rows).await?;
    let (mut new, mut ended) = (Vec::new(), Vec::new());
    for course in courses {
        let (came, went) = course.links();
        let task = course.rows.first().map(|row| row.id);
        new.extend(came);
        ended.extend(task.into_iter().flat_map(|task| went.iter().cloned().map(move |went| (task, went))));
    }
    end_links(tables, &ended).await?;
    insert_links(tables, &new).await
}

async fn end(tables: &mut PgConnection, courses: &[Course]) -> sqlx::Result<()> {
    let ended: Vec<(&VersionRow, Mark)> = courses.iter().filter_map(Course::ended).collect();
    if ended.is_empty() {
        return Ok(());
    }
    sqlx::query(END)
        .bind(ended.iter().map(|(row, _)| row.id).collect::<Vec<_>>())
        .bind(ended.iter().map(|(row, _)| row.since).collect::<Vec<_>>())
        .bind(ended.iter().map(|(_, mark)| mark.position).collect::<Vec<_>>())
        .bind(ended.iter().map(|(_, mark)| mark.time).collect::<Vec<_>>())
        .execute(tables)
        .await?;
    Ok(())
}

async fn insert(tables: &mut PgConnection, rows: &[&VersionRow]) -> sqlx::Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    fn all<'a, T>(rows: &[&'a VersionRow], field: impl Fn(&'a VersionRow) -> T) -> Vec<T> {
        rows.iter().map(|row| field(row)).collect()
    }
    sqlx::query(INSERT)
        .bind(all(rows, |row| row.id))
        .bind(all(rows, |row| row.since))
        .bind(all(rows, |row| row.until))
        .bind(all(rows, |row| row.version))
        .bind(all(rows, |row| row.update_time))
        .bind(all(rows, |row| row.until_time))
        .bind(all(rows, |row| row.ahead))
        .bind(all(rows, |row| row.status.as_str()))
        .bind(all(rows, |row| row.priority))
        .bind(all(rows, |row| row.due))
        .bind(all(rows, |row| array(&row.labels)))
        .bind(all(rows, |row| ids(&row.assignees)))
        .bind(all(rows, |row| ids(&row.watchers)))
        .bind(all(rows, |row| row.creator))
        .bind(all(rows, |row| row.parent))
        .bind(all(rows, |row| row.external_system.as_deref()))
        .bind(all(rows, |row| row.external_id.as_deref()))
        .bind(all(rows, |row| row.private))
        .bind(all(rows, |row| row.create_time))
        .bind(all(rows, |row| row.delete_time))
        .execute(tables)
        .await?;
    Ok(())
}

async fn end_links(tables: &mut PgConnection, ended: &[(Uuid, (Link, Mark))]) -> sqlx::Result<()> {
    if ended.is_empty() {
        return Ok(());
    }
    sqlx::query(END_LINKS)
        .bind(ended.iter().map(|(_, (link, _))| link.0).collect::<Vec<_>>())
        .bind(ended.iter().map(|(_, (link, _))| link.1.as_str()).collect::<Vec<_>>())
        .bind(ended.iter().map(|(task, _)| *task).collect::<Vec<_>>())
        .bind(ended.iter().map(|(_, (_, mark))| mark.position).collect::<Vec<_>>())
        .bind(ended.iter().map(|(_, (_, mark))| mark.time).collect::<Vec<_>>())
        .execute(tables)
        .await?;
    Ok(())
}

async fn insert_links(tables: &mut PgConnection, links: &[LinkSpan]) -> sqlx::Result<()> {
    if links.is_empty() {
        return Ok(());
    }
    sqlx::query(INSERT_LINKS)
        .bind(links.iter().map(|span| span.link.0).collect::<Vec<_>>())
        .bind(links.iter().map(|span| span.link.1.as_str()).collect::<Vec<_>>())
        .bind(links.iter().map(|span| span.task).collect::<Vec<_>>())
        .bind(links.iter().map(|span| span.since.position).collect::<Vec<_>>())
        .bind(links.iter().map(|span| span.until.map(|until| until.position)).collect::<Vec<_>>())
        .bind(links.iter().map(|span| span.since.time).collect::<Vec<_>>())
        .bind(
            links
                .iter()
                .map(|span| span.until.map(|until| until.time))
                .collect::<Vec<Option<DateTime<Utc>>>>(),
        )
        .execute(tables)
        .await?;
    Ok(())
}

/// Copies whole courses into empty tables.
pub(super) async fn copy(tables: &mut PgConnection, courses: &[Course]) -> sqlx::Result<()> {
    let [mut versions, mut links] = <[Lines; 2]>::default();
    for course in courses {
        course.rows.iter().for_each(|row| version_line(&mut versions, row));
        course.links().0.iter().for_each(|span| link_line(&mut links, span));
    }
    versions.send(tables, COPY).await?;
    links.send(tables, COPY_LINKS).await
}

fn version_line(lines: &mut Lines, row: &VersionRow) {
    lines
        .plain(row.id)
        .plain(row.since)
        .plain_or_null(row.until)
        .plain(row.version)
        .plain(row.update_time)
        .plain_or_null(row.until_time)
        .plain(row.ahead)
        .plain(&row.status)
        .plain(row.priority)
        .plain_or_null(row.due)
        .text(&array(&row.labels))
        .plain(ids(&row.assignees))
        .plain(ids(&row.watchers))
        .plain(row.creator)
        .plain_or_null(row.parent)
        .text_or_null(row.external_system.as_deref())
        .text_or_null(row.external_id.as_deref())
        .plain(row.private)
        .plain(row.create_time)
        .plain_or_null(row.delete_time)
        .end();
}

fn link_line(lines: &mut Lines, LinkSpan { link: (kind, value), task, since, until }: &LinkSpan) {
    lines
        .plain(kind)
        .text(value)
        .plain(task)
        .plain(since.position)
        .plain_or_null(until.map(|until| until.position))
        .plain(since.time)
        .plain_or_null(until.map(|until| until.time))
        .end();
}

/// `{uuid,uuid}`.
fn ids(ids: &[Uuid]) -> String {
    array(ids.iter().map(Uuid::to_string))
}
