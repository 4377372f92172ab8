//! Tasks: create, edit, move, assign, watch, delete.

use axum::{extract::Path, response::Response};
use domain::{
    ids::TaskId,
    policy::Action,
    task::{TaskCommand, values::Transition},
};
use service::{
    http::{MergePatch, RequestBody},
    json::{self, Fields},
    problem::{Flaw, Problem},
};
use uuid::Uuid;

use super::{
    exchange::{Content, Exchange, NoBody},
    ops::{Op, Part, Reading, task_by_id, uuid_v7},
    problems::problem,
    reply, schemas,
};
use crate::commands::{Answer, TaskStep, TaskUnit};

pub(super) type Handled = Result<Response, Problem>;

/// Create a task.
///
/// Only `title` is needed. A client may bring its own UUIDv7 as `id`.
#[utoipa::path(post, path = "/v1/tasks", tag = "tasks", request_body = schemas::CreateTask,
    responses((status = 201, body = schemas::TaskReply)), extensions(("x-policy" = json!("task.create"))))]
pub(super) async fn create(mut exchange: Exchange) -> Handled {
    exchange.app.commands.authorise(&exchange.caller, Action::TaskCreate, None).await.map_err(problem)?;
    exchange.must_have_key_to_create()?;
    if let Some(replayed) = exchange.replay().await? {
        return Ok(replayed);
    }
    let answered = exchange.create_task().await;
    exchange.finish(answered).await
}

impl Exchange {
    async fn create_task(&self) -> Result<Answer, Problem> {
        self.refuse_query()?;
        let object = self.body.object()?;
        let mut fields = object.fields();
        let id = fields.optional("id", uuid_v7);
        let base = base_version(&mut fields);
        let command = Op::Create.read(&mut fields, self.reading(None));
        let command = fields.finish_with(|| command)?;
        self.execute(TaskId(id.unwrap_or_else(Uuid::now_v7)), command, base).await
    }
}

impl<B: Content> Exchange<B> {
    /// One command on a task that the path names.
    pub(super) async fn on_task(mut self, id: &str, op: Op, part: Option<Part>, has_body: bool) -> Handled {
        let task = self.app.task_id(id).await?;
        let judged = self.app.commands.authorise_task(&self.caller, task, op.action()).await;
        judged.map_err(problem)?;
        if matches!(op, Op::AddComment | Op::AddItem) {
            self.must_have_key_to_create()?;
        }
        if let Some(replayed) = self.replay().await? {
            return Ok(replayed);
        }
        let answered = self.decide(task, op, part, has_body).await;
        self.finish(answered).await
    }

    async fn decide(
        &self,
        task: TaskId,
        op: Op,
        part: Option<Part>,
        has_body: bool,
    ) -> Result<Answer, Problem> {
        self.refuse_query()?;
        let body: &[u8] = if has_body { self.body.bytes() } else { b"{}" };
        let object = json::parse_object(body)?;
        let mut fields = object.fields();
        let base = base_version(&mut fields);
        let command = op.read(&mut fields, self.reading(part));
        let echoes = (op == Op::Update).then(|| fields.output_only(super::echo::OUTPUT_ONLY));
        let command = fields.finish_with(|| command)?;
        if let Some(echoes) = echoes.filter(|echoes| !echoes.is_empty()) {
            super::echo::check(&self.app.commands, task, &echoes).await?;
        }
        self.execute(task, command, base).await
    }

    async fn execute(
        &self,
        task: TaskId,
        mut command: TaskCommand,
        base: Option<i64>,
    ) -> Result<Answer, Problem> {
        let precondition = self.precondition(base)?;
        if let TaskCommand::Create(create) = &mut command {
            create.key = self.app.commands.next_key().await.map_err(problem)?;
        }
        let step = TaskStep { task, command, precondition };
        let unit = TaskUnit { steps: vec![step], claims: Vec::new(), key: self.key() };
        let reply = |done: &[crate::commands::TaskDone]| done.first().map(reply::of_task).unwrap_or_default();
        self.app.commands.tasks(&self.caller, &unit, reply).await.map_err(|refused| problem(refused.why))
    }

    fn reading(&self, part: Option<Part>) -> Reading<'static> {
        Reading { user: self.user, part, resolve: &task_by_id }
    }
}

/// `base_version`, a member of any command.
pub(super) fn base_version(fields: &mut Fields<'_>) -> Option<i64> {
    let parse = |version: i64| {
        let fits = version >= 1;
        if fits { Ok(version) } else { Err(Flaw::new("TOO_SMALL").param("min", 1)) }
    };
    fields.optional("base_version", parse)
}

/// Change fields of a task.
///
/// A JSON merge patch: absent members stay, `null` clears. The status never changes here.
#[utoipa::path(patch, path = "/v1/tasks/{id}", tag = "tasks", params(schemas::TaskPath),
    request_body(content = schemas::EditTask, content_type = "application/merge-patch+json"),
    responses((status = 200, body = schemas::TaskReply)), extensions(("x-policy" = json!("task.edit"))))]
pub(super) async fn update(Path(id): Path<String>, exchange: Exchange<MergePatch>) -> Handled {
    exchange.on_task(&id, Op::Update, None, true).await
}

/// Delete a task.
///
/// It can be brought back until `purge_time`.
#[utoipa::path(delete, path = "/v1/tasks/{id}", tag = "tasks", params(schemas::TaskPath),
    responses((status = 200, body = schemas::TaskReply)), extensions(("x-policy" = json!("task.delete"))))]
pub(super) async fn delete(Path(id): Path<String>, exchange: Exchange<NoBody>) -> Handled {
    exchange.on_task(&id, Op::Delete, None, false).await
}

macro_rules! posts {
    ($($(#[$doc:meta])* $name:ident $path:literal $policy:literal $schema:path => $op:expr;)*) => {$(
        $(#[$doc])*
        #[utoipa::path(post, path = $path, tag = "tasks", params(schemas::TaskPath), request_body = $schema,
            responses((status = 200, body = schemas::TaskReply)), extensions(("x-policy" = json!($policy))))]
        pub(super) async fn $name(Path(id): Path<String>, exchange: Exchange<RequestBody>) -> Handled {
            exchange.on_task(&id, $op, None, true).await
        }
    )*};
}

posts! {
    /// Bring a deleted task back.
    undelete "/v1/tasks/{id}/undelete" "task.undelete" schemas::Empty => Op::Undelete;
    /// Set the content back to an earlier version: title, description, priority, due, labels, checklist.
    ///
    /// Status, progress, people, visibility, links and comments stay. The history keeps everything.
    rollback "/v1/tasks/{id}/rollback" "task.rollback" schemas::Rollback => Op::RollBack;
    /// Begin work.
    start "/v1/tasks/{id}/start" "task.transition" schemas::Reason => Op::Move(Transition::Start);
    /// Stop for now.
    hold "/v1/tasks/{id}/hold" "task.transition" schemas::Reason => Op::Move(Transition::Hold);
    /// Go on after a hold.
    resume "/v1/tasks/{id}/resume" "task.transition" schemas::Reason => Op::Move(Transition::Resume);
    /// Finish.
    complete "/v1/tasks/{id}/complete" "task.transition" schemas::Reason => Op::Move(Transition::Complete);
    /// Give up.
    cancel "/v1/tasks/{id}/cancel" "task.transition" schemas::Reason => Op::Move(Transition::Cancel);
    /// Back to the beginning.
    reopen "/v1/tasks/{id}/reopen" "task.transition" schemas::Reason => Op::Move(Transition::Reopen);
    /// Add assignees.
    assign "/v1/tasks/{id}/assign" "task.assign" schemas::Assignees => Op::Assign;
    /// Take assignees away.
    unassign "/v1/tasks/{id}/unassign" "task.assign" schemas::Assignees => Op::Unassign;
    /// Say how far it is.
    progress "/v1/tasks/{id}/progress" "task.progress" schemas::Progress => Op::Progress;
    /// Watch, oneself unless others are named.
    watch "/v1/tasks/{id}/watch" "task.watch" schemas::Watchers => Op::Watch;
    /// Cease to watch.
    unwatch "/v1/tasks/{id}/unwatch" "task.watch" schemas::Watchers => Op::Unwatch;
}
