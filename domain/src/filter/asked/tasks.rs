//! What is asked of tasks, as they stand or as they were.

use uuid::Uuid;

use super::{Parameters, Span, flag, person, several, span};
use crate::{
    filter::{Filter, FilterOver},
    ids::UserId,
    task::values::{ExternalRef, Label, Priority, Status},
    violation::Violation,
};

/// Which tasks; `None` among the values stands for `none`. Values of one kind are alternatives (labels add up).
#[derive(Clone, Debug)]
pub struct TasksAsked {
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
    /// When due.
    pub due: Span,
    /// When created.
    pub created: Span,
    /// When last changed.
    pub updated: Span,
    /// What they must meet too.
    pub filter: Option<Filter>,
    /// Also deleted tasks that can still be brought back.
    pub deleted: bool,
    /// Who is meant with `me`.
    pub me: UserId,
}

impl TasksAsked {
    /// Reads all but words that are searched for.
    pub fn read(parameters: &mut impl Parameters, me: UserId) -> Self {
        let somebody = Some(me);
        Self {
            statuses: several(parameters, "status", str::parse),
            assignees: several(parameters, "assignee", |text| person(text, somebody, true)),
            creators: several(parameters, "creator", |text| person(text, somebody, false)),
            watchers: several(parameters, "watcher", |text| person(text, somebody, true)),
            labels: several(parameters, "label", |text| none_or(text, label)),
            priorities: several(parameters, "priority", str::parse),
            parents: several(parameters, "parent", |text| person(text, None, true)),
            external_refs: several(parameters, "external_ref", |text| none_or(text, external_ref)),
            due: span(parameters, "due_from", "due_to"),
            created: span(parameters, "created_from", "created_to"),
            updated: span(parameters, "updated_from", "updated_to"),
            filter: parameters.one("filter", |text| Filter::parse(text, FilterOver::Tasks)),
            deleted: parameters.one("show_deleted", flag).unwrap_or(false),
            me,
        }
    }
}

fn none_or<T>(text: &str, parse: impl FnOnce(&str) -> Result<T, Violation>) -> Result<Option<T>, Violation> {
    if text == "none" { Ok(None) } else { parse(text).map(Some) }
}

fn label(text: &str) -> Result<String, Violation> {
    Label::parse(text).map(|label| label.to_string())
}

fn external_ref(text: &str) -> Result<ExternalRef, Violation> {
    let (system, id) = text.split_once(':').ok_or(Violation::Malformed { expected: "system:id" })?;
    Ok(ExternalRef::new(ExternalRef::parse_system(system)?, ExternalRef::parse_id(id)?))
}
