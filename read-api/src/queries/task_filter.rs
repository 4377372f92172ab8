//! The filters of task lists. Values of one filter are alternatives (labels add up), different filters add up.

use chrono::{DateTime, Utc};
use domain::{
    filter,
    filter::TasksAsked,
    task::values::{ExternalRef, Priority, Status},
};
use sqlx::{Encode, Postgres, QueryBuilder, Type, postgres::PgHasArrayType};
use uuid::Uuid;

use super::{Asked, Sight, When, Words, when::Source};

/// A half-open span of time: `from` counts, `to` does not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// The first instant in it.
    pub from: Option<DateTime<Utc>>,
    /// The first instant after it.
    pub to: Option<DateTime<Utc>>,
}

/// Which tasks are asked for; `None` among the values stands for `none`.
#[derive(Clone, Debug, Default)]
pub struct TaskFilter {
    /// Any of these.
    pub statuses: Vec<Status>,
    /// Any of these, or nobody.
    pub assignees: Vec<Option<Uuid>>,
    /// Any of these.
    pub creators: Vec<Option<Uuid>>,
    /// Any of these, or nobody.
    pub watchers: Vec<Option<Uuid>>,
    /// All of these.
    pub labels: Vec<Option<String>>,
    /// Any of these.
    pub priorities: Vec<Priority>,
    /// Below any of these, or at the top.
    pub parents: Vec<Option<Uuid>>,
    /// Any of these, or without.
    pub external_refs: Vec<Option<ExternalRef>>,
    /// When due; what is never due is in no span.
    pub due: Span,
    /// When created.
    pub created: Span,
    /// When last changed.
    pub updated: Span,
    /// In title, description or comments.
    pub words: Words,
    /// What is asked for in words of its own.
    pub asked: Option<Asked>,
    /// Also deleted tasks that can still be brought back.
    pub deleted: bool,
    /// As of when.
    pub when: When,
}

type Sql<'a> = QueryBuilder<'a, Postgres>;

impl From<filter::Span> for Span {
    fn from(span: filter::Span) -> Self {
        Self { from: span.from.map(DateTime::from), to: span.to.map(DateTime::from) }
    }
}

/// As they stand, whatever their words.
impl From<TasksAsked> for TaskFilter {
    fn from(asked: TasksAsked) -> Self {
        let me = asked.me;
        Self {
            statuses: asked.statuses,
            assignees: asked.assignees,
            creators: asked.creators,
            watchers: asked.watchers,
            labels: asked.labels,
            priorities: asked.priorities,
            parents: asked.parents,
            external_refs: asked.external_refs,
            due: asked.due.into(),
            created: asked.created.into(),
            updated: asked.updated.into(),
            words: Words::default(),
            asked: asked.filter.map(|filter| Asked { filter, me }),
            deleted: asked.deleted,
            when: When::Now,
        }
    }
}

impl TaskFilter {
    /// Adds ` WHERE …` for `t`, a row of [`Source::tables`].
    pub(super) fn push_where(&self, sql: &mut Sql<'_>, source: Source, sight: Sight) {
        sql.push(" WHERE ");
        source.push_seen(sql, sight, self.deleted);
        self.push_values(sql);
        push_people(sql, source, "assignee", "t.assignees = '{}'", &self.assignees);
        push_people(sql, source, "creator", "false", &self.creators);
        push_people(sql, source, "watcher", "t.watchers = '{}'", &self.watchers);
        push_labels(sql, source, &self.labels);
        push_external_refs(sql, &self.external_refs);
        push_span(sql, "t.due_order", self.due);
        if self.due != Span::default() {
            sql.push(" AND t.due_order < 'infinity'");
        }
        push_span(sql, &format!("{}.create_time", source.task()), self.created);
        push_span(sql, "t.update_time", self.updated);
        self.words.push(sql);
        if let Some(asked) = &self.asked {
            sql.push(" AND ");
            asked.push(sql, source);
        }
    }

    fn push_values(&self, sql: &mut Sql<'_>) {
        if !self.statuses.is_empty() {
            let words = self.statuses.iter().map(|status| status.as_str().to_owned()).collect();
            push_any(sql.push(" AND "), "t.status", words);
        }
        if !self.priorities.is_empty() {
            let ranks = self.priorities.iter().map(|priority| *priority as i16).collect();
            push_any(sql.push(" AND "), "t.priority", ranks);
        }
        if !self.parents.is_empty() {
            let (ids, none) = split(&self.parents);
            push_either(sql, &ids, none, "t.parent IS NULL", |sql| push_any(sql, "t.parent", ids.clone()));
        }
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
        sql.push(" AND ").push(column).push(" >= ").push_bind(from);
    }
    if let Some(to) = span.to {
        sql.push(" AND ").push(column).push(" < ").push_bind(to);
    }
}
