//! The filters of task lists. Values of one filter are alternatives (labels add up), different filters add up.

use domain::{
    filter::{Span, TasksAsked},
    task::values::ExternalRef,
};
use sqlx::{Encode, Postgres, QueryBuilder, Type, postgres::PgHasArrayType};
use uuid::Uuid;

use super::{Sight, When, Words, task_expression::Asked, when::Source};

/// Which tasks are asked for.
#[derive(Clone, Debug)]
pub struct TaskFilter {
    /// What they are like; what is never due is in no span.
    pub asked: TasksAsked,
    /// In title, description or comments.
    pub words: Words,
    /// As of when.
    pub when: When,
}

type Sql<'a> = QueryBuilder<'a, Postgres>;

impl TaskFilter {
    /// Adds ` WHERE …` for `t`, a row of [`Source::tables`].
    pub(super) fn push_where(&self, sql: &mut Sql<'_>, source: Source, sight: Sight) {
        let asked = &self.asked;
        sql.push(" WHERE ");
        source.push_seen(sql, sight, asked.deleted);
        push_values(sql, asked);
        push_people(sql, source, "assignee", "t.assignees = '{}'", &asked.assignees);
        push_people(sql, source, "creator", "false", &asked.creators);
        push_people(sql, source, "watcher", "t.watchers = '{}'", &asked.watchers);
        push_labels(sql, source, &asked.labels);
        push_external_refs(sql, &asked.external_refs);
        push_span(sql, "t.due_order", asked.due);
        if asked.due != Span::default() {
            sql.push(" AND t.due_order < 'infinity'");
        }
        push_span(sql, &format!("{}.create_time", source.task()), asked.created);
        push_span(sql, "t.update_time", asked.updated);
        self.words.push(sql);
        if let Some(filter) = &asked.filter {
            sql.push(" AND ");
            Asked { filter, me: asked.me }.push(sql, source);
        }
    }
}

fn push_values(sql: &mut Sql<'_>, asked: &TasksAsked) {
    if !asked.statuses.is_empty() {
        let words = asked.statuses.iter().map(|status| status.as_str().to_owned()).collect();
        push_any(sql.push(" AND "), "t.status", words);
    }
    if !asked.priorities.is_empty() {
        let ranks = asked.priorities.iter().map(|priority| *priority as i16).collect();
        push_any(sql.push(" AND "), "t.priority", ranks);
    }
    if !asked.parents.is_empty() {
        let (ids, none) = split(&asked.parents);
        push_either(sql, &ids, none, "t.parent IS NULL", |sql| push_any(sql, "t.parent", ids.clone()));
    }
}

/// `column` is one of the values. A single one is compared as such: only then does an index give the order too.
pub(super) fn push_any<T>(sql: &mut Sql<'_>, column: &str, mut values: Vec<T>)
where
    T: PartialEq + Send + PgHasArrayType + Type<Postgres> + for<'q> Encode<'q, Postgres> + 'static,
{
    values.dedup();
    if values.len() == 1 {
        sql.push(column).push(" = ").push_bind(values.remove(0));
    } else {
        sql.push(column).push(" = ANY(").push_bind(values).push(")");
    }
}

fn split<T: Clone>(values: &[Option<T>]) -> (Vec<T>, bool) {
    (values.iter().flatten().cloned().collect(), values.iter().any(Option::is_none))
}

/// ` AND (some OR none)`, of which only what is asked for is written.
fn push_either<T>(
    sql: &mut Sql<'_>,
    some: &[T],
    none: bool,
    none_sql: &str,
    push: impl FnOnce(&mut Sql<'_>),
) {
    sql.push(" AND (");
    if !some.is_empty() {
        push(sql);
    }
    if none {
        sql.push(if some.is_empty() { "" } else { " OR " }).push(none_sql);
    }
    sql.push(")");
}

fn push_people(sql: &mut Sql<'_>, source: Source, role: &'static str, nobody: &str, people: &[Option<Uuid>]) {
    if people.is_empty() {
        return;
    }
    let (ids, none) = split(people);
    push_either(sql, &ids, none, nobody, |sql| {
        source.push_people(sql, role, &ids);
    });
}

fn push_labels(sql: &mut Sql<'_>, source: Source, labels: &[Option<String>]) {
    for label in labels {
        match label {
            None => sql.push(" AND t.labels = '{}'"),
            Some(label) => source.push_label(sql.push(" AND "), label),
        };
    }
}

fn push_external_refs(sql: &mut Sql<'_>, refs: &[Option<ExternalRef>]) {
    if refs.is_empty() {
        return;
    }
    let (named, none) = split(refs);
    push_either(sql, &named, none, "t.external_system IS NULL", |sql| {
        let systems: Vec<String> = named.iter().map(|named| named.system().to_owned()).collect();
        let ids: Vec<String> = named.iter().map(|named| named.id().to_owned()).collect();
        sql.push("(t.external_system, t.external_id) IN (SELECT * FROM unnest(").push_bind(systems);
        sql.push(", ").push_bind(ids).push("))");
    });
}

fn push_span(sql: &mut Sql<'_>, column: &str, span: Span) {
    if let Some(from) = span.from {
        sql.push(" AND ").push(column).push(" >= ").push_bind(from.as_datetime());
    }
    if let Some(to) = span.to {
        sql.push(" AND ").push(column).push(" < ").push_bind(to.as_datetime());
    }
}
