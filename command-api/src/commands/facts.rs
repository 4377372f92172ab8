//! Facts about other aggregates, loaded before a decision; what they were taken from is guarded.

use domain::{
    actor::Actor,
    ids::{TaskId, UserId},
    policy::Role,
    task::{Content, Facts, Needs, Task, TaskCommand, TaskFact, UserFact},
    user::{User, UserFacts},
};
use event_store::{Guard, Log, LogError, past};
use uuid::Uuid;

use super::{Refusal, claims, task_ref, user_ref};
use crate::{
    aggregates::{Aggregates, Trust},
    draft::Draft,
};

/// Where facts come from, and for whom.
pub(super) struct Sources<'a> {
    pub(super) log: &'a Log,
    pub(super) aggregates: &'a Aggregates,
    pub(super) trust: Trust,
    pub(super) actor: &'a Actor,
}

impl Sources<'_> {
    /// Everything that the command asks about, following links until nothing is missing.
    pub(super) async fn gather(
        &self,
        draft: &mut Draft<Task>,
        command: &TaskCommand,
        index: usize,
    ) -> Result<Facts, Refusal> {
        let mut facts = Facts::default();
        loop {
            let stream = &draft.streams[index];
            let Needs { users, tasks, version } = command.needs(&stream.state, TaskId(stream.id), &facts);
            let task = stream.id;
            if users.is_empty() && tasks.is_empty() && version.is_none() {
                return Ok(facts);
            }
            if let Some(version) = version {
                facts.contents.insert(version, self.content(task, version).await?);
            }
            for id in users {
                facts.users.insert(id, self.user(draft, id).await?);
            }
            for id in tasks {
                facts.tasks.insert(id, self.task(draft, id).await?);
            }
        }
    }

    /// What a task said after its event of this version; it cannot change any more. None if the log has no such event.
    async fn content(&self, task: Uuid, version: i64) -> Result<Option<Content>, Refusal> {
        let mut state = Task::default();
        past::replay(self.log, task, &mut state, 0, version).await?;
        Ok((state.version == version).then(|| state.content()))
    }

    async fn user(&self, draft: &mut Draft<Task>, id: UserId) -> Result<Option<UserFact>, Refusal> {
        let user = self.aggregates.get::<User>(id.0, self.trust).await?;
        draft.guards.insert(user_ref(id), user.version);
        Ok(user.aggregate.fact())
    }

    /// A task of the same unit counts as it stands there.
    async fn task(&self, draft: &mut Draft<Task>, id: TaskId) -> Result<Option<TaskFact>, Refusal> {
        if let Some(stream) = draft.streams.iter().find(|stream| stream.id == id.0) {
            return Ok(stream.state.fact(self.actor));
        }
        let task = self.aggregates.get::<Task>(id.0, self.trust).await?;
        draft.guards.insert(task_ref(id), task.version);
        Ok(task.aggregate.fact(self.actor))
    }
}

/// Whether another active admin exists; guards the one found.
pub(super) async fn other_admin(
    log: &Log,
    aggregates: &Aggregates,
    trust: Trust,
    user: UserId,
) -> Result<(UserFacts, Option<Guard>), Refusal> {
    const SQL: &str =
        "SELECT owner FROM event_store.unique_claims WHERE scope = $1 AND owner <> $2 LIMIT 100";
    let query = sqlx::query_scalar(SQL).bind(claims::ADMIN).bind(user.0);
    let others: Vec<Uuid> = query.fetch_all(log.pool()).await.map_err(LogError::from)?;
    for other in others {
        let loaded = aggregates.get::<User>(other, trust).await?;
        if loaded.aggregate.effective_roles().has(Role::Admin) {
            let guard = Guard { aggregate: user_ref(UserId(other)), sequence: loaded.version };
            return Ok((UserFacts { other_active_admin: true }, Some(guard)));
        }
    }
    Ok((UserFacts { other_active_admin: false }, None))
}
