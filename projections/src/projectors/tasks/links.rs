//! The tables behind the filters by person and by label: what a batch adds to them and takes from them.

use std::collections::BTreeSet;

use sqlx::{Postgres, QueryBuilder};
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

/// Brings both tables to where the rows are.
pub(super) fn push<'a>(sql: &mut QueryBuilder<'a, Postgres>, changed: &'a [Changed]) {
    let (new_people, former_people) = difference(changed, people);
    let (new_labels, former_labels) = difference(changed, labels);
    if !former_people.is_empty() {
        push_people(sql.push(", people_gone AS (DELETE FROM task_people AS p USING "), &former_people);
        sql.push(
            " AS u (user_id, role, task_id)
            WHERE p.user_id = u.user_id AND p.role = u.role AND p.task_id = u.task_id)",
        );
    }
    if !former_labels.is_empty() {
        push_labels(sql.push(", labels_gone AS (DELETE FROM task_labels AS l USING "), former_labels);
        sql.push(" AS u (label, task_id) WHERE l.label = u.label AND l.task_id = u.task_id)");
    }
    if !new_people.is_empty() {
        sql.push(", people_come AS (INSERT INTO task_people (user_id, role, task_id) SELECT * FROM ");
        push_people(sql, &new_people);
        sql.push(")");
    }
    if !new_labels.is_empty() {
        sql.push(", labels_come AS (INSERT INTO task_labels (label, task_id) SELECT * FROM ");
        push_labels(sql, new_labels);
        sql.push(")");
    }
}

fn push_people<'a>(sql: &mut QueryBuilder<'a, Postgres>, links: &Links<(Uuid, &'a str)>) {
    let users: Vec<Uuid> = links.iter().map(|((user, _), _)| *user).collect();
    let roles: Vec<&str> = links.iter().map(|((_, role), _)| *role).collect();
    let tasks: Vec<Uuid> = links.iter().map(|(_, task)| *task).collect();
    sql.push("unnest(")
        .separated(", ")
        .push_bind(users)
        .push_bind(roles)
        .push_bind(tasks)
        .push_unseparated(")");
}

fn push_labels<'a>(sql: &mut QueryBuilder<'a, Postgres>, links: Links<&'a str>) {
    let (labels, tasks): (Vec<_>, Vec<_>) = links.into_iter().unzip();
    sql.push("unnest(").separated(", ").push_bind(labels).push_bind(tasks).push_unseparated(")");
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
