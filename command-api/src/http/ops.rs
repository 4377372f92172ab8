//! What can be asked of a task, read from a body: one reader for the routes and for batches.

use std::ops::RangeInclusive;

use domain::{
    ids::{ChecklistItemId, CommentId, TaskId, TaskKey, UserId},
    policy::Action,
    task::{
        CreateTask, EditTask, TaskCommand,
        values::{
            ChecklistText, Due, ExternalRef, Label, MAX_ASSIGNEES, MAX_LABELS, MAX_WATCHERS, Markdown,
            Priority, Progress, Reason, Relation, RelationType, TimeZone, Title, Transition, Visibility,
        },
    },
    violation::Violation as Rule,
};
use service::{
    json::{Fields, any},
    problem::Flaw,
};
use uuid::Uuid;

use super::problems::flaw;

/// One kind of wish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Op {
    Create,
    Update,
    Delete,
    Undelete,
    RollBack,
    Move(Transition),
    Assign,
    Unassign,
    Progress,
    Watch,
    Unwatch,
    AddComment,
    EditComment,
    DeleteComment,
    AddItem,
    EditItem,
    RemoveItem,
    AddRelation,
    RemoveRelation,
}

/// The words of a batch.
const WORDS: &[(&str, Op)] = &[
    ("create", Op::Create),
    ("update", Op::Update),
    ("delete", Op::Delete),
    ("undelete", Op::Undelete),
    ("rollback", Op::RollBack),
    ("start", Op::Move(Transition::Start)),
    ("hold", Op::Move(Transition::Hold)),
    ("resume", Op::Move(Transition::Resume)),
    ("complete", Op::Move(Transition::Complete)),
    ("cancel", Op::Move(Transition::Cancel)),
    ("reopen", Op::Move(Transition::Reopen)),
    ("assign", Op::Assign),
    ("unassign", Op::Unassign),
    ("progress", Op::Progress),
    ("watch", Op::Watch),
    ("unwatch", Op::Unwatch),
    ("add_comment", Op::AddComment),
    ("edit_comment", Op::EditComment),
    ("delete_comment", Op::DeleteComment),
    ("add_checklist_item", Op::AddItem),
    ("edit_checklist_item", Op::EditItem),
    ("remove_checklist_item", Op::RemoveItem),
    ("add_relation", Op::AddRelation),
    ("remove_relation", Op::RemoveRelation),
];

impl std::str::FromStr for Op {
    type Err = Flaw;

    fn from_str(word: &str) -> Result<Self, Flaw> {
        let found = WORDS.iter().find(|(known, _)| *known == word).map(|(_, op)| *op);
        let words = || WORDS.iter().map(|(known, _)| *known).collect::<Vec<_>>().join(" ");
        found.ok_or_else(|| Flaw::new("UNKNOWN_VALUE").param("allowed", words()))
    }
}

/// What a command is read with beside its data.
#[derive(Clone, Copy)]
pub(super) struct Reading<'a> {
    /// Who asks.
    pub(super) user: UserId,
    /// What the path names beside the task; in a batch the data names it.
    pub(super) part: Option<Part>,
    /// The task that a name in the data means.
    pub(super) resolve: &'a (dyn Fn(&str) -> Result<TaskId, Flaw> + Sync),
}

/// A part of a task, named by a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// A comment or checklist item.
    Id(Uuid),
    /// A relation.
    Relation(Relation),
}

impl Op {
    /// The row of the policy table.
    pub(super) fn action(self) -> Action {
        match self {
            Self::Create => Action::TaskCreate,
            Self::Update | Self::AddRelation | Self::RemoveRelation => Action::TaskEdit,
            Self::Delete => Action::TaskDelete,
            Self::Undelete => Action::TaskUndelete,
            Self::RollBack => Action::TaskRollback,
            Self::Move(_) => Action::TaskTransition,
            Self::Assign | Self::Unassign => Action::TaskAssign,
            Self::Progress => Action::TaskProgress,
            Self::Watch | Self::Unwatch => Action::TaskWatch,
            Self::AddComment => Action::TaskComment,
            Self::EditComment => Action::CommentEdit,
            Self::DeleteComment => Action::CommentDelete,
            Self::AddItem | Self::EditItem | Self::RemoveItem => Action::TaskChecklist,
        }
    }

    /// Reads the command from its data; `None` only together with a violation.
    pub(super) fn read(self, fields: &mut Fields<'_>, reading: Reading<'_>) -> Option<TaskCommand> {
        match self {
            Self::Create => create(fields, reading),
            Self::Update => Some(TaskCommand::Edit(Box::new(edit(fields, reading)))),
            Self::Delete => Some(TaskCommand::Delete),
            Self::Undelete => Some(TaskCommand::Undelete),
            Self::RollBack => {
                fields.required("version", any::<i64>).map(|version| TaskCommand::RollBack { version })
            }
            Self::Move(transition) => {
                let reason = fields.nullable("reason", rule(Reason::parse)).value();
                Some(TaskCommand::Transition { transition, reason })
            }
            Self::Assign => users(fields, "assignees", 1..=MAX_ASSIGNEES)
                .map(|assignees| TaskCommand::Assign { assignees }),
            Self::Unassign => users(fields, "assignees", 1..=MAX_ASSIGNEES)
                .map(|assignees| TaskCommand::Unassign { assignees }),
            Self::Progress => {
                let parse = |percent: i64| Progress::parse(percent).map_err(flaw);
                fields.required("progress", parse).map(|progress| TaskCommand::SetProgress { progress })
            }
            Self::Watch => watchers(fields, reading).map(|watchers| TaskCommand::Watch { watchers }),
            Self::Unwatch => watchers(fields, reading).map(|watchers| TaskCommand::Unwatch { watchers }),
            Self::AddComment | Self::EditComment | Self::DeleteComment => self.comment(fields, reading),
            Self::AddItem | Self::EditItem | Self::RemoveItem => self.checklist(fields, reading),
            Self::AddRelation => relation(fields, reading).map(TaskCommand::AddRelation),
            Self::RemoveRelation => relation(fields, reading).map(TaskCommand::RemoveRelation),
        }
    }

    fn comment(self, fields: &mut Fields<'_>, reading: Reading<'_>) -> Option<TaskCommand> {
        let id = if self == Self::AddComment { new_id(fields) } else { part_id(fields, "comment", reading) };
        if self == Self::DeleteComment {
            return Some(TaskCommand::DeleteComment { comment: CommentId(id?) });
        }
        let text = fields.required("text", rule(Markdown::parse));
        let (comment, text) = (CommentId(id?), text?);
        Some(match self {
            Self::AddComment => TaskCommand::AddComment { comment, text },
            _ => TaskCommand::EditComment { comment, text },
        })
    }

    fn checklist(self, fields: &mut Fields<'_>, reading: Reading<'_>) -> Option<TaskCommand> {
        let id = if self == Self::AddItem { new_id(fields) } else { part_id(fields, "item", reading) };
        match self {
            Self::AddItem => {
                let text = fields.required("text", rule(ChecklistText::parse));
                Some(TaskCommand::AddChecklistItem { item: ChecklistItemId(id?), text: text? })
            }
            Self::EditItem => {
                let text = fields.optional("text", rule(ChecklistText::parse));
                let done = fields.optional("done", any::<bool>);
                Some(TaskCommand::EditChecklistItem { item: ChecklistItemId(id?), text, done })
            }
            _ => Some(TaskCommand::RemoveChecklistItem { item: ChecklistItemId(id?) }),
        }
    }
}

/// A create with a key still to be handed out.
fn create(fields: &mut Fields<'_>, reading: Reading<'_>) -> Option<TaskCommand> {
    let title = fields.required("title", rule(Title::parse));
    let edit = content(fields, reading);
    let assignees = fields.list("assignees", 0..=MAX_ASSIGNEES, any::<Uuid>).unwrap_or_default();
    Some(TaskCommand::Create(Box::new(CreateTask {
        key: TaskKey::default(),
        title: title?,
        description: edit.description.flatten(),
        priority: edit.priority.unwrap_or_default(),
        due: edit.due.flatten(),
        labels: edit.labels.unwrap_or_default(),
        assignees: assignees.into_iter().map(UserId).collect(),
        parent: edit.parent.flatten(),
        external_ref: edit.external_ref.flatten(),
        visibility: edit.visibility.unwrap_or_default(),
    })))
}

fn edit(fields: &mut Fields<'_>, reading: Reading<'_>) -> EditTask {
    let title = fields.optional("title", rule(Title::parse));
    EditTask { title, ..content(fields, reading) }
}

/// What create and update have in common.
fn content(fields: &mut Fields<'_>, reading: Reading<'_>) -> EditTask {
    let description = fields.nullable("description", rule(Markdown::parse_optional)).change();
    EditTask {
        title: None,
        description: description.map(Option::flatten),
        priority: fields.optional("priority", rule(str::parse::<Priority>)),
        due: fields.nullable_object("due", due).change(),
        labels: fields.list("labels", 0..=MAX_LABELS, rule(Label::parse)),
        parent: fields.nullable("parent", |name: &str| (reading.resolve)(name)).change(),
        external_ref: fields.nullable_object("external_ref", external_ref).change(),
        visibility: fields.optional("visibility", rule(str::parse::<Visibility>)),
    }
}

fn due(fields: &mut Fields<'_>) -> Option<Due> {
    if fields.has("date") {
        return fields.required("date", rule(Due::parse_date)).map(|date| Due::Date { date });
    }
    let at = fields.required("at", rule(Due::parse_at));
    let zone = fields.required("zone", rule(TimeZone::parse));
    Some(Due::At { at: at?, zone: zone? })
}

fn external_ref(fields: &mut Fields<'_>) -> Option<ExternalRef> {
    let system = fields.required("system", rule(ExternalRef::parse_system));
    let id = fields.required("id", rule(ExternalRef::parse_id));
    Some(ExternalRef::new(system?, id?))
}

/// Some users, who must be named.
pub(super) fn users(
    fields: &mut Fields<'_>,
    name: &str,
    count: RangeInclusive<usize>,
) -> Option<Vec<UserId>> {
    if !fields.has(name) {
        fields.refuse(name, Flaw::new("REQUIRED"));
    }
    let users = fields.list(name, count, any::<Uuid>)?;
    Some(users.into_iter().map(UserId).collect())
}

/// Oneself unless others are named.
fn watchers(fields: &mut Fields<'_>, reading: Reading<'_>) -> Option<Vec<UserId>> {
    if fields.has("watchers") {
        users(fields, "watchers", 1..=MAX_WATCHERS)
    } else {
        Some(vec![reading.user])
    }
}

fn relation(fields: &mut Fields<'_>, reading: Reading<'_>) -> Option<Relation> {
    if let Some(Part::Relation(relation)) = reading.part {
        return Some(relation);
    }
    let kind = fields.required("type", rule(str::parse::<RelationType>));
    let task = fields.required("task", |name: &str| (reading.resolve)(name));
    Some(Relation { kind: kind?, task: task? })
}

/// A client may bring the id of what it makes.
fn new_id(fields: &mut Fields<'_>) -> Option<Uuid> {
    if fields.has("id") { fields.required("id", uuid_v7) } else { Some(Uuid::now_v7()) }
}

fn part_id(fields: &mut Fields<'_>, name: &str, reading: Reading<'_>) -> Option<Uuid> {
    match reading.part {
        Some(Part::Id(id)) => Some(id),
        _ => fields.required(name, any::<Uuid>),
    }
}

/// A UUIDv7, as clients must make them.
pub(super) fn uuid_v7(id: Uuid) -> Result<Uuid, Flaw> {
    let fits = id.get_version_num() == 7;
    if fits { Ok(id) } else { Err(Flaw::new("NOT_A_UUID_V7").detail("must be a UUID of version 7")) }
}

/// A task named by its UUID.
pub(super) fn task_by_id(text: &str) -> Result<TaskId, Flaw> {
    let id = Uuid::try_parse(text)
        .map_err(|_| Flaw::new("MALFORMED").param("expected", "a UUID").detail("must be a UUID"));
    id.map(TaskId)
}

/// A parser of the domain as one of the edge.
pub(super) fn rule<T>(parse: impl Fn(&str) -> Result<T, Rule>) -> impl Fn(&str) -> Result<T, Flaw> {
    move |text| parse(text).map_err(flaw)
}
