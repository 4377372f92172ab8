//! One case on its way to being a task: which commands its next row means.

use domain::{
    ids::{CommentId, TaskId, TaskKey, UserId},
    task::{
        CreateTask, EditTask, Task, TaskCommand,
        values::{ExternalRef, Label, Markdown, Status, Title, Transition},
    },
    violation::Violation,
};
use uuid::Uuid;

use super::{
    Mapping,
    mapping::{Move, Step},
    source::SourceRow,
};

/// Why a row means nothing that could be carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Meaningless {
    /// No rule, not even `*`.
    #[error("the mapping has no rule for this activity")]
    NoRule,
    /// A text that a task cannot bear.
    #[error("{what} {violation}")]
    Text {
        /// Which text.
        what: &'static str,
        /// What is wrong with it.
        violation: Violation,
    },
    /// A value that the mapping's table does not have.
    #[error("{column} is {value:?}, which the mapping does not know")]
    Value {
        /// The column.
        column: String,
        /// Its value.
        value: String,
    },
}

/// What is known about a case's task.
#[derive(Clone, Debug)]
pub(super) struct Case {
    pub(super) id: TaskId,
    pub(super) exists: bool,
    /// Whether an earlier run has carried out some of its rows.
    pub(super) resumed: bool,
    status: Status,
    labels: Vec<Label>,
}

impl Case {
    /// A case that has no task yet.
    pub(super) fn new() -> Self {
        Self {
            id: TaskId(Uuid::now_v7()),
            exists: false,
            resumed: false,
            status: Status::Waiting,
            labels: Vec::new(),
        }
    }

    /// A case whose task an earlier run created.
    pub(super) fn resumed(id: TaskId, task: &Task) -> Self {
        Self { id, exists: true, resumed: true, status: task.status, labels: task.labels.to_vec() }
    }

    /// The commands that a row means, and the case as it is after them.
    pub(super) fn read(
        &self,
        mapping: &Mapping,
        row: &SourceRow,
        actor: UserId,
        key: Option<TaskKey>,
    ) -> Result<(Vec<TaskCommand>, Self), Meaningless> {
        let mut after = self.clone();
        let mut commands = Vec::new();
        if let Some(key) = key {
            let create = create(mapping, row, key)?;
            after.labels.clone_from(&create.labels);
            after.exists = true;
            commands.push(TaskCommand::Create(Box::new(create)));
        }
        for step in mapping.steps(&row.activity).ok_or(Meaningless::NoRule)? {
            after.take(step, row, actor, &mut commands)?;
        }
        Ok((commands, after))
    }

    fn take(
        &mut self,
        step: &Step,
        row: &SourceRow,
        actor: UserId,
        commands: &mut Vec<TaskCommand>,
    ) -> Result<(), Meaningless> {
        match step {
            Step::Run(movement) => self.go(*movement, commands),
            Step::When(by_status) => {
                let moves = by_status.get(&self.status.into()).map_or(&[][..], Vec::as_slice);
                moves.iter().for_each(|movement| self.go(*movement, commands));
            }
            Step::AssignActor(wanted) => {
                if *wanted {
                    commands.push(TaskCommand::Assign { assignees: vec![actor] });
                }
            }
            Step::Priority(from) => {
                let value = row.value(&from.column).unwrap_or_default();
                let unknown = || Meaningless::Value { column: from.column.clone(), value: value.to_owned() };
                let priority = Some(*from.values.get(value).ok_or_else(unknown)?);
                commands.push(edit(EditTask { priority, ..EditTask::default() }));
            }
            Step::Label(template) => {
                let label = Label::parse(&template.fill(|name| row.value(name))).map_err(bad("the label"))?;
                if !self.labels.contains(&label) {
                    self.labels.push(label);
                    commands
                        .push(edit(EditTask { labels: Some(self.labels.clone()), ..EditTask::default() }));
                }
            }
            Step::Comment(template) => {
                let text =
                    Markdown::parse(&template.fill(|name| row.value(name))).map_err(bad("the comment"))?;
                commands.push(TaskCommand::AddComment { comment: CommentId(Uuid::now_v7()), text });
            }
        }
        Ok(())
    }

    fn go(&mut self, movement: Move, commands: &mut Vec<TaskCommand>) {
        let (transition, status) = match movement {
            Move::Start => (Transition::Start, Status::InProgress),
            Move::Hold => (Transition::Hold, Status::OnHold),
            Move::Resume => (Transition::Resume, Status::InProgress),
            Move::Complete => (Transition::Complete, Status::Done),
            Move::Cancel => (Transition::Cancel, Status::Cancelled),
            Move::Reopen => (Transition::Reopen, Status::Waiting),
        };
        self.status = status;
        commands.push(TaskCommand::Transition { transition, reason: None });
    }
}

fn create(mapping: &Mapping, row: &SourceRow, key: TaskKey) -> Result<CreateTask, Meaningless> {
    let fill = |template: &super::mapping::Template| template.fill(|name| row.value(name));
    let rules = &mapping.create;
    let title = Title::parse(&fill(&rules.title)).map_err(bad("the title"))?;
    let system = ExternalRef::parse_system(&mapping.system).map_err(bad("the system"))?;
    let id = ExternalRef::parse_id(&row.case).map_err(bad("the case"))?;
    let mut create = CreateTask::new(key, title);
    create.external_ref = Some(ExternalRef::new(system, id));
    create.visibility = rules.visibility.unwrap_or_default();
    if let Some(template) = &rules.description {
        create.description = Markdown::parse_optional(&fill(template)).map_err(bad("the description"))?;
    }
    for template in &rules.labels {
        create.labels.push(Label::parse(&fill(template)).map_err(bad("the label"))?);
    }
    Ok(create)
}

fn edit(edit: EditTask) -> TaskCommand {
    TaskCommand::Edit(Box::new(edit))
}

fn bad(what: &'static str) -> impl FnOnce(Violation) -> Meaningless {
    move |violation| Meaningless::Text { what, violation }
}
