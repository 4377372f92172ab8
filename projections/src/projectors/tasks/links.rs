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

/// Both in one round trip: each costs as much as some rows do.
const ADD: &str = "
WITH people AS (
    INSERT INTO task_people (user_id, role, task_id) SELECT * FROM unnest($1::uuid[], $2::text[], $3::uuid[]))
INSERT INTO task_labels (label, task_id) SELECT * FROM unnest($4::text[], $5::uuid[])";

const REMOVE_PEOPLE: &str = "
DELETE FROM task_people AS p USING unnest($1::uuid[], $2::text[], $3::uuid[]) AS u (user_id, role, task_id)
WHERE p.user_id = u.user_id AND p.role = u.role AND p.task_id = u.task_id";

const REMOVE_LABELS: &str = "
DELETE FROM task_labels AS l USING unnest($1::text[], $2::uuid[]) AS u (label, task_id)
WHERE l.label = u.label AND l.task_id = u.task_id";

/// Brings both tables to where the rows are.
pub(super) async fn write(tables: &mut PgConnection, changed: &[Changed]) -> sqlx::Result<()> {
    let (new_people, former_people) = difference(changed, people);
    let (new_labels, former_labels) = difference(changed, labels);
    if !former_people.is_empty() {
        let (users, roles, tasks) = columns(&former_people);
        sqlx::query(REMOVE_PEOPLE).bind(users).bind(roles).bind(tasks).execute(&mut *tables).await?;
    }
    if !former_labels.is_empty() {
        let (labels, tasks): (Vec<_>, Vec<_>) = former_labels.into_iter().unzip();
        sqlx::query(REMOVE_LABELS).bind(labels).bind(tasks).execute(&mut *tables).await?;
    }
    if !new_people.is_empty() || !new_labels.is_empty() {
        let (users, roles, tasks) = columns(&new_people);
        let add = sqlx::query(ADD).bind(users).bind(roles).bind(tasks);
        let (labels, tasks): (Vec<_>, Vec<_>) = new_labels.into_iter().unzip();
        add.bind(labels).bind(tasks).execute(tables).await?;
    }
    Ok(())
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

fn columns<'a>(links: &Links<(Uuid, &'a str)>) -> (Vec<Uuid>, Vec<&'a str>, Vec<Uuid>) {
    links.iter().map(|((user, role), task)| (*user, *role, *task)).collect()
}
