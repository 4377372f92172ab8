//! The tables behind the filters by person and by label: what a batch adds to them and takes from them.

use std::collections::BTreeSet;

use sqlx::PgConnection;
use uuid::Uuid;

use super::{Changed, row::TaskRow};

/// Where a person may stand to a task.
pub(super) const ROLES: [&str; 3] = ["creator", "assignee", "watcher"];

/// Each person with the role, in which they are found.
pub(super) fn people(row: &TaskRow) -> BTreeSet<(Uuid, &'static str)> {
    let [creator, assignee, watcher] = ROLES;
    let assignees = row.assignees.iter().map(|user| (*user, assignee));
    let watchers = row.watchers.iter().map(|user| (*user, watcher));
    std::iter::once((row.creator, creator)).chain(assignees).chain(watchers).collect()
}

/// Each label once.
pub(super) fn labels(row: &TaskRow) -> BTreeSet<&str> {
    row.labels.iter().map(String::as_str).collect()
}

const ADD_PEOPLE: &str = "
INSERT INTO task_people (user_id, role, task_id) SELECT * FROM unnest($1::uuid[], $2::text[], $3::uuid[])";

const REMOVE_PEOPLE: &str = "
DELETE FROM task_people AS p USING unnest($1::uuid[], $2::text[], $3::uuid[]) AS u (user_id, role, task_id)
WHERE p.user_id = u.user_id AND p.role = u.role AND p.task_id = u.task_id";

const ADD_LABELS: &str =
    "INSERT INTO task_labels (label, task_id) SELECT * FROM unnest($1::text[], $2::uuid[])";

const REMOVE_LABELS: &str = "
DELETE FROM task_labels AS l USING unnest($1::text[], $2::uuid[]) AS u (label, task_id)
WHERE l.label = u.label AND l.task_id = u.task_id";

/// Brings both tables to where the rows are.
pub(super) async fn write(tables: &mut PgConnection, changed: &[Changed]) -> sqlx::Result<()> {
    let (added, removed) = difference(changed, people);
    write_people(tables, REMOVE_PEOPLE, &removed).await?;
    write_people(tables, ADD_PEOPLE, &added).await?;
    let (added, removed) = difference(changed, labels);
    write_labels(tables, REMOVE_LABELS, &removed).await?;
    write_labels(tables, ADD_LABELS, &added).await
}

type Links<T> = Vec<(T, Uuid)>;

fn difference<'a, T: Ord + Copy>(
    changed: &'a [Changed],
    links: impl Fn(&'a TaskRow) -> BTreeSet<T>,
) -> (Links<T>, Links<T>) {
    let (mut added, mut removed) = (Vec::new(), Vec::new());
    for Changed { before, after } in changed {
        let task = after.id;
        let now = links(after);
        let then = before.as_ref().map(&links).unwrap_or_default();
        added.extend(now.difference(&then).map(|link| (*link, task)));
        removed.extend(then.difference(&now).map(|link| (*link, task)));
    }
    (added, removed)
}

async fn write_people(
    tables: &mut PgConnection,
    sql: &str,
    links: &[((Uuid, &str), Uuid)],
) -> sqlx::Result<()> {
    if links.is_empty() {
        return Ok(());
    }
    sqlx::query(sql)
        .bind(links.iter().map(|((user, _), _)| *user).collect::<Vec<_>>())
        .bind(links.iter().map(|((_, role), _)| *role).collect::<Vec<_>>())
        .bind(links.iter().map(|(_, task)| *task).collect::<Vec<_>>())
        .execute(tables)
        .await?;
    Ok(())
}

async fn write_labels(tables: &mut PgConnection, sql: &str, links: &[(&str, Uuid)]) -> sqlx::Result<()> {
    if links.is_empty() {
        return Ok(());
    }
    sqlx::query(sql)
        .bind(links.iter().map(|(label, _)| *label).collect::<Vec<_>>())
        .bind(links.iter().map(|(_, task)| *task).collect::<Vec<_>>())
        .execute(tables)
        .await?;
    Ok(())
}
