//! What a rule would have told whom, decided as the reactor decides, and nothing of it done.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use cqrs_es::Aggregate;
use domain::{
    actor::Actor,
    event::{RecordedEvent, Timed, from_stored},
    ids::{TaskId, UserId},
    notice::{Happening, Named, Notice, Occasion, When, comment, decide, mentioned, subjects},
    notification_rule::{RuleDefinition, values::Group},
    policy::{self, RoleSet},
    task::{Task, TaskEvent},
    user::User,
};
use event_store::{LoadError, Log, LogError, load};
use sqlx::PgPool;
use uuid::Uuid;

use super::names;
use crate::model::{DryRun, Person, WouldTell};

/// Events that are looked at for one answer.
const EVENTS: i64 = 200;
/// Notices in one answer, those of its last event apart.
const NOTICES: usize = 1_000;
/// People who may hold a role, or be named.
const PEOPLE: i64 = 1_000;
/// Events of one task read at once.
const PAGE: i64 = 1_000;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum DryRunError {
    /// The log did not answer.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A task or a user cannot be loaded.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The read model did not answer.
    #[error(transparent)]
    Model(#[from] sqlx::Error),
}

/// Who asks: of tasks that he does not see he is told nothing.
#[derive(Clone, Copy, Debug)]
pub struct Asking {
    /// The user.
    pub id: Uuid,
    /// The roles held now.
    pub roles: RoleSet,
}

/// What the rule would have told of events behind `after`, up to `up_to`. Tasks are as of the event, people as they are today.
pub async fn dry_run(
    log: &Log,
    model: &PgPool,
    rule: &RuleDefinition,
    asking: Asking,
    (after, up_to): (i64, i64),
) -> Result<DryRun, DryRunError> {
    let of_rule = |name: &&str| rule.event_types.iter().any(|trigger| trigger.matches(name));
    let types: Vec<_> = TaskEvent::TYPES.iter().map(|(name, _)| *name).filter(of_rule).collect();
    let mut events = log.read_types(after, &types, EVENTS).await?;
    let read = events.len();
    events.retain(|event| event.position <= up_to);
    let complete = events.len() < read || i64::try_from(read).is_ok_and(|read| read < EVENTS);
    let mut rehearsal =
        Rehearsal { log, model, rule, asking, pasts: HashMap::new(), people: BTreeMap::new() };
    let everybody = rehearsal.everybody().await?;
    let (mut told, mut reached) = (Vec::new(), after);
    for event in &events {
        if told.len() >= NOTICES {
            return rehearsal.answer(told, reached, false).await;
        }
        told.extend(rehearsal.tell(event, &everybody).await?);
        reached = event.position;
    }
    let reached = if complete { up_to } else { reached };
    rehearsal.answer(told, reached, complete).await
}

struct Rehearsal<'a> {
    log: &'a Log,
    model: &'a PgPool,
    rule: &'a RuleDefinition,
    asking: Asking,
    /// Tasks as of some sequence; none of those that are not to be seen.
    pasts: HashMap<Uuid, Option<(i64, Task)>>,
    people: BTreeMap<UserId, User>,
}

type Told = (RecordedEvent, Happening, Notice);

impl Rehearsal<'_> {
    async fn tell(&mut self, event: &RecordedEvent, everybody: &[Named]) -> Result<Vec<Told>, DryRunError> {
        let Ok(fact) = understand(event) else { return Ok(Vec::new()) };
        if event.metadata.on_behalf_of.is_some() {
            return Ok(Vec::new());
        }
        let Some(task) = self.task(event.aggregate_id, event.sequence).await? else { return Ok(Vec::new()) };
        let (subjects, actor) = (subjects(&fact), event.metadata.actor_id);
        let mentioned = comment(&fact).map(|text| mentioned(text.as_str(), everybody)).unwrap_or_default();
        let mentioned: Vec<_> = mentioned.into_iter().collect();
        let concerned = task.assignees.iter().chain(&task.watchers).chain(&task.creator);
        self.load(concerned.chain(&subjects).chain(&mentioned).copied()).await?;
        let occasion = Occasion {
            trigger: &event.event_type,
            actor,
            task: &task,
            subjects: &subjects,
            mentioned: &mentioned,
        };
        let named = (TaskId(event.aggregate_id), &task);
        let at = event.metadata.occurred_at;
        let Some(happening) = Happening::of(event.id, &fact, named, actor, at) else { return Ok(Vec::new()) };
        let told = decide(std::slice::from_ref(self.rule), &occasion, &self.people, event.recorded_at);
        Ok(told.into_iter().map(|notice| (event.clone(), happening.clone(), notice)).collect())
    }

    /// The task as of its `sequence`th event, if the one who asks may see it today.
    async fn task(&mut self, id: Uuid, sequence: i64) -> Result<Option<Task>, DryRunError> {
        if !self.pasts.contains_key(&id) {
            let today = load::<Task>(self.log, id).await?.aggregate;
            let Asking { id: me, roles } = self.asking;
            let relation = today.relation(&Actor::User { id: UserId(me), roles });
            let seen = policy::sees(roles, today.visibility, relation) && !today.deleted;
            self.pasts.insert(id, seen.then(Default::default));
        }
        let Some(Some((reached, task))) = self.pasts.get_mut(&id) else { return Ok(None) };
        while *reached < sequence {
            let events =
                self.log.read_aggregate(Task::TYPE, id, *reached, PAGE.min(sequence - *reached)).await?;
            let Some(last) = events.last() else { break };
            *reached = last.sequence;
            for event in &events {
                if let Ok(fact) = understand(event) {
                    task.apply(fact);
                    task.occurred(event.metadata.occurred_at);
                }
            }
        }
        Ok(Some(task.clone()))
    }

    /// All whom the rule may mean though no task names them, as far as they can be named: holders of roles, users, and
    /// everybody if it goes by mentions.
    async fn everybody(&mut self) -> Result<Vec<Named>, DryRunError> {
        const SQL: &str = "SELECT id, name, email FROM read_model.users WHERE state = 'active' AND name IS NOT NULL \
             AND ($1 OR roles && $2) ORDER BY id LIMIT $3";
        let audience = &self.rule.audience;
        let by_name = audience.groups.has(Group::Mentioned);
        let roles: Vec<_> = audience.roles.iter().map(|role| role.as_str()).collect();
        let query = sqlx::query_as(SQL).bind(by_name).bind(roles).bind(PEOPLE);
        let found: Vec<(Uuid, String, Option<String>)> = query.fetch_all(self.model).await?;
        let holders: Vec<_> = found.iter().map(|(id, ..)| UserId(*id)).collect();
        if !audience.roles.is_empty() {
            self.load(holders).await?;
        }
        self.load(audience.users.iter().copied()).await?;
        let named = found.into_iter().map(|(id, name, email)| Named { id: UserId(id), name, email });
        Ok(if by_name { named.collect() } else { Vec::new() })
    }

    async fn load(&mut self, people: impl IntoIterator<Item = UserId>) -> Result<(), DryRunError> {
        let new: BTreeSet<_> = people.into_iter().filter(|id| !self.people.contains_key(id)).collect();
        for id in new {
            self.people.insert(id, load::<User>(self.log, id.0).await?.aggregate);
        }
        Ok(())
    }

    async fn answer(self, told: Vec<Told>, after: i64, complete: bool) -> Result<DryRun, DryRunError> {
        let people: BTreeSet<_> = told.iter().map(|(_, _, notice)| notice.recipient.0).collect();
        let names = names(self.model, &people.into_iter().collect::<Vec<_>>()).await?;
        let person = |id: UserId| Person { id: id.0, name: names.get(&id.0).cloned() };
        let items = told
            .iter()
            .map(|(event, happening, notice)| shown(event, happening, notice, person(notice.recipient)));
        Ok(DryRun { items: items.collect(), after, complete })
    }
}

fn shown(event: &RecordedEvent, happening: &Happening, notice: &Notice, recipient: Person) -> WouldTell {
    let (mode, due_time) = match notice.when {
        When::Now => ("now", event.recorded_at),
        When::At(due) => ("now", due),
        When::Digest { due, .. } => ("digest", due),
    };
    WouldTell {
        event_id: event.id.0,
        position: event.position,
        trigger: happening.trigger.clone(),
        task: happening.task.0,
        key: happening.key.to_string(),
        recipient,
        channel: notice.channel.as_str(),
        mode,
        due_time,
    }
}

fn understand(event: &RecordedEvent) -> Result<TaskEvent, domain::event::DecodeError> {
    from_stored(&event.event_type, &event.event_version, event.data.get())
}
