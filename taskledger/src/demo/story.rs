//! What happened to a task, as the commands that its people would have sent.

use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use command_api::commands::{Caller, Commands, Refusal, TaskStep, Who};
use domain::ids::{ChecklistItemId, CommentId, TaskId, UserId};
use domain::task::values::{
    ChecklistText, Due, ExternalRef, Label, Markdown, Progress, Reason, Title, Transition,
};
use domain::task::{CreateTask, TaskCommand};
use uuid::Uuid;

use super::DemoError;
use super::data::{Story, Task};
use super::people::People;

/// Tasks of the data set are known by a name in this "system", so that none is added twice.
const SYSTEM: &str = "demo";

/// Time between two steps.
const PACE: Duration = Duration::hours(3);

/// Adds the task with all that happened to it; false if it is there already.
pub(super) async fn tell(
    commands: &Commands,
    people: &People,
    number: usize,
    task: &Task,
    now: DateTime<Utc>,
) -> Result<bool, DemoError> {
    let creator = people.id(&task.by)?;
    let assignees = task.assignees.iter().map(|key| people.id(key)).collect::<Result<Vec<_>, _>>()?;
    let worker = assignees.first().copied().unwrap_or(creator);
    let start = now - Duration::days(task.day);
    let mut teller = Teller { commands, task: TaskId(Uuid::now_v7()), clock: start };
    let create = CreateTask {
        description: Markdown::parse_optional(&task.description)?,
        priority: task.priority,
        due: task.due.map(|days| Due::Date { date: (now + Duration::days(days)).date_naive() }),
        labels: task.labels.iter().map(|label| Label::parse(label)).collect::<Result<_, _>>()?,
        assignees,
        external_ref: Some(external_ref(number)?),
        ..CreateTask::new(commands.next_key().await?, Title::parse(&task.title)?)
    };
    match teller.act(creator, TaskCommand::Create(Box::new(create))).await {
        Err(DemoError::Refused(Refusal::Taken { .. })) => return Ok(false),
        created => created?,
    }
    teller.go_on(creator, worker, task).await?;
    Ok(true)
}

fn external_ref(number: usize) -> Result<ExternalRef, DemoError> {
    let (system, id): (Arc<str>, String) = (ExternalRef::parse_system(SYSTEM)?, (number + 1).to_string());
    Ok(ExternalRef::new(system, ExternalRef::parse_id(&id)?))
}

/// Sends one command after the other, each a while later.
struct Teller<'a> {
    commands: &'a Commands,
    task: TaskId,
    clock: DateTime<Utc>,
}

impl Teller<'_> {
    async fn go_on(&mut self, creator: UserId, worker: UserId, task: &Task) -> Result<(), DemoError> {
        use Transition::{Cancel, Complete, Hold, Reopen, Start};
        let mut comments = task.comments.iter();
        for (index, text) in task.checklist.iter().enumerate() {
            let (item, text) = (ChecklistItemId(Uuid::now_v7()), ChecklistText::parse(text)?);
            self.act(creator, TaskCommand::AddChecklistItem { item, text }).await?;
            if task.story == Story::Done || index < task.checklist.len() / 2 {
                let edit = TaskCommand::EditChecklistItem { item, text: None, done: Some(true) };
                self.act(worker, edit).await?;
            }
        }
        if !matches!(task.story, Story::Fresh | Story::Cancelled) {
            self.change(worker, Start, None).await?;
        }
        match task.story {
            Story::Fresh => {}
            Story::Running => self.progress(worker, 40).await?,
            Story::Held => self.change(worker, Hold, task.comments.first()).await?,
            Story::Done => {
                self.comment(creator, comments.next()).await?;
                self.change(worker, Complete, None).await?;
            }
            Story::Cancelled => self.change(creator, Cancel, task.comments.first()).await?,
            Story::Reopened => {
                self.comment(creator, comments.next()).await?;
                self.change(worker, Complete, None).await?;
                self.change(creator, Reopen, None).await?;
                self.change(worker, Start, None).await?;
            }
        }
        for text in comments {
            self.comment(worker, Some(text)).await?;
        }
        Ok(())
    }

    async fn comment(&mut self, by: UserId, text: Option<&String>) -> Result<(), DemoError> {
        let Some(text) = text else { return Ok(()) };
        let (comment, text) = (CommentId(Uuid::now_v7()), Markdown::parse(text)?);
        self.act(by, TaskCommand::AddComment { comment, text }).await
    }

    async fn change(
        &mut self,
        by: UserId,
        transition: Transition,
        reason: Option<&String>,
    ) -> Result<(), DemoError> {
        let reason = reason.map(|text| Reason::parse(text)).transpose()?;
        self.act(by, TaskCommand::Transition { transition, reason }).await
    }

    async fn progress(&mut self, by: UserId, percent: i64) -> Result<(), DemoError> {
        self.act(by, TaskCommand::SetProgress { progress: Progress::parse(percent)? }).await
    }

    async fn act(&mut self, by: UserId, command: TaskCommand) -> Result<(), DemoError> {
        let caller = Caller::internal(Who::User(by), "system").at(self.clock.into());
        self.commands.task(&caller, TaskStep::new(self.task, command)).await?;
        // Nothing happens in the future.
        self.clock = (self.clock + PACE).min(Utc::now());
        Ok(())
    }
}
