//! The events of one transaction, each decided on with everything as it is after it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use domain::{
    event::from_stored,
    ids::{TaskId, UserId},
    inbox::Inbox,
    notice::{Happening, Notice, Occasion, People, comment, decide, rules_in_force, subjects},
    notification_rule::{NotificationRule, RuleDefinition, values::Reminder},
    policy::RoleSet,
    task::{Task, TaskEvent, values::Due},
    time::Timestamp,
    user::User,
};
use event_store::envelope::Envelope;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    NAME, Notices,
    blocks::Blocks,
    dues::Dues,
    inbox::{self, NewNotice},
    names::Names,
};
use crate::{
    deliveries::NewDelivery,
    reactors::{ReactError, StateError, States},
};

pub(super) struct Batch<'a> {
    notices: &'a Notices,
    decides_after: i64,
    /// What happened to tasks, by position.
    facts: BTreeMap<i64, TaskEvent>,
    tasks: States<Task>,
    users: States<User>,
    rules: States<NotificationRule>,
    inboxes: States<Inbox>,
    in_force: Vec<RuleDefinition>,
    names: Names<'a>,
    dues: Dues,
    blocks: Blocks,
    shown: Vec<NewNotice>,
    sent: Vec<NewDelivery>,
}

impl People for States<User> {
    fn get(&self, id: UserId) -> Option<&User> {
        self.get(id.0)
    }

    fn holders(&self, roles: RoleSet) -> Vec<UserId> {
        self.iter().filter(|(_, user)| user.roles.has_any(roles)).map(|(id, _)| UserId(id)).collect()
    }
}

impl<'a> Batch<'a> {
    /// Reads the states of all that these events are about, and of all whom they may concern.
    pub(super) async fn read(
        notices: &'a Notices,
        tables: &mut PgConnection,
        events: &[Arc<Envelope>],
    ) -> Result<Self, StateError> {
        let log = &notices.log;
        let decides_after = decides_after(tables).await?;
        let changed = ids(events, "task");
        let facts: BTreeMap<i64, TaskEvent> = events.iter().filter_map(|at| task_event(at)).collect();
        let blocks = Blocks::read(tables, &changed, facts.values()).await?;
        let new = events.iter().filter(|at| at.version == 1).map(|at| at.aggregate_id);
        let new: BTreeSet<Uuid> = new.collect();
        let looked_at: BTreeSet<Uuid> = changed.into_iter().chain(blocks.blocked()).collect();
        let looked_at: Vec<Uuid> = looked_at.difference(&new).copied().collect();
        let tasks = States::<Task>::read(tables, log, NAME, &looked_at).await?;
        let rules = States::<NotificationRule>::read_all(tables, log, NAME).await?;
        let inboxes = States::read(tables, log, NAME, &ids(events, "inbox")).await?;
        let in_force = in_force(&rules);
        let users = match concerned(events, &facts, decides_after, &tasks, &in_force) {
            Concerned::Everybody => States::read_all(tables, log, NAME).await?,
            Concerned::Some(users) => States::read(tables, log, NAME, &users).await?,
        };
        let names = Names::new(&notices.sealer);
        let (dues, shown, sent) = (Dues::new(notices.zone), Vec::new(), Vec::new());
        Ok(Self {
            notices,
            decides_after,
            facts,
            tasks,
            users,
            rules,
            inboxes,
            in_force,
            names,
            dues,
            blocks,
            shown,
            sent,
        })
    }

    /// Takes one event in, and decides on it.
    pub(super) async fn take(&mut self, at: &Envelope) -> Result<(), ReactError> {
        let taken = match at.aggregate_type.as_str() {
            "task" => return self.take_fact(at).await,
            "user" => self.users.take(at).map(drop),
            "notification_rule" => {
                let taken = self.rules.take(at).map(drop);
                self.in_force = in_force(&self.rules);
                taken
            }
            _ => self.inboxes.take(at).map(drop),
        };
        if let Err(error) = taken {
            tracing::error!(position = at.position, %error, "no notice: the event cannot be read");
        }
        Ok(())
    }

    async fn take_fact(&mut self, at: &Envelope) -> Result<(), ReactError> {
        let Some(fact) = self.facts.remove(&at.position) else { return Ok(()) };
        let before = self.open_due(at);
        self.tasks.take_decoded(at, &fact);
        self.note_due(at, before);
        self.tell(at, &fact).await?;
        self.set_free(at, &fact)
    }

    fn open_due(&self, at: &Envelope) -> Option<Due> {
        self.tasks.get(at.aggregate_id)?.open_due()
    }

    fn note_due(&mut self, at: &Envelope, before: Option<Due>) {
        let due = self.open_due(at);
        if due != before {
            let silent_until = (!self.is_news(at)).then(|| (self.notices.clock)());
            self.dues.note(at.aggregate_id, due, silent_until);
        }
    }

    /// History that somebody brings in is no news.
    fn is_news(&self, at: &Envelope) -> bool {
        at.position > self.decides_after && at.on_behalf_of.is_none()
    }

    async fn tell(&mut self, at: &Envelope, fact: &TaskEvent) -> Result<(), ReactError> {
        if !self.is_news(at) {
            return Ok(());
        }
        let mentioned = match comment(fact) {
            Some(text) => self.names.mentioned(text.as_str(), &self.users).await?,
            None => Vec::new(),
        };
        let Some(task) = self.tasks.get(at.aggregate_id) else { return Ok(()) };
        let told = (TaskId(at.aggregate_id), task);
        let Some(happening) = Happening::of(at.id, fact, told, at.actor_id, at.occurred_at) else {
            return Ok(());
        };
        let subjects = subjects(fact);
        let occasion = Occasion {
            trigger: &at.event_type,
            actor: at.actor_id,
            task,
            subjects: &subjects,
            mentioned: &mentioned,
        };
        let now = (self.notices.clock)();
        let told = decide(&self.in_force, &occasion, &self.users, now);
        self.put(told, &happening, (at.position, now))
    }

    /// Those whose tasks nothing blocks any more are told so.
    fn set_free(&mut self, at: &Envelope, fact: &TaskEvent) -> Result<(), ReactError> {
        let Some(task) = self.tasks.get(at.aggregate_id) else { return Ok(()) };
        let free = self.blocks.take(at.aggregate_id, fact, task);
        if !self.is_news(at) {
            return Ok(());
        }
        let now = (self.notices.clock)();
        for id in free {
            let Some(task) = self.tasks.get(id).filter(|task| task.is_open()) else { continue };
            let told = (TaskId(id), task);
            let Some(happening) = Happening::unblocked(at.id, told, at.actor_id, at.occurred_at) else {
                continue;
            };
            let occasion = Occasion {
                trigger: Reminder::Unblocked.as_str(),
                actor: at.actor_id,
                task,
                subjects: &[],
                mentioned: &[],
            };
            let told = decide(&self.in_force, &occasion, &self.users, now);
            self.put(told, &happening, (at.position, now))?;
        }
        Ok(())
    }

    fn put(
        &mut self,
        told: Vec<Notice>,
        happening: &Happening,
        when: (i64, Timestamp),
    ) -> Result<(), ReactError> {
        let channels = self.notices.channels;
        for one in told.into_iter().filter(|one| channels.has(one.channel)) {
            inbox::put(one, happening, &self.users, when, &mut self.sent, &mut self.shown)?;
        }
        Ok(())
    }

    /// Whose inboxes look different after these events.
    pub(super) fn changed_inboxes(&self, events: &[Arc<Envelope>]) -> BTreeSet<Uuid> {
        let shown = self.shown.iter().map(|notice| notice.recipient.0);
        shown.chain(ids(events, "inbox")).collect()
    }

    /// Writes everything down but the deliveries.
    pub(super) async fn write(self, tables: &mut PgConnection) -> Result<Vec<NewDelivery>, ReactError> {
        self.tasks.write(tables).await?;
        self.users.write(tables).await?;
        self.rules.write(tables).await?;
        self.inboxes.write(tables).await?;
        self.dues.write(tables).await?;
        self.blocks.write(tables).await?;
        inbox::insert(tables, &self.shown).await?;
        Ok(self.sent)
    }
}

async fn decides_after(tables: &mut PgConnection) -> sqlx::Result<i64> {
    let query = sqlx::query_scalar("SELECT decides_after FROM checkpoints WHERE consumer = $1");
    query.bind(NAME).fetch_one(tables).await
}

fn ids(events: &[Arc<Envelope>], kind: &str) -> Vec<Uuid> {
    let of_kind = events.iter().filter(|at| at.aggregate_type == kind);
    let ids: BTreeSet<Uuid> = of_kind.map(|at| at.aggregate_id).collect();
    ids.into_iter().collect()
}

fn task_event(at: &Envelope) -> Option<(i64, TaskEvent)> {
    if at.aggregate_type != "task" {
        return None;
    }
    match from_stored(&at.event_type, &at.event_version, at.data.get()) {
        Ok(fact) => Some((at.position, fact)),
        Err(error) => {
            tracing::error!(position = at.position, %error, "no notice: the event cannot be read");
            None
        }
    }
}

fn in_force(rules: &States<NotificationRule>) -> Vec<RuleDefinition> {
    rules_in_force(rules.iter())
}

/// Whose states are asked for.
enum Concerned {
    Everybody,
    Some(Vec<Uuid>),
}

/// Those whom these events are about; if there is news, all who are named by its tasks as they are before it, by the events,
/// or by a rule. Roles may be anybody's, names in comments too, and new rules say anything.
fn concerned(
    events: &[Arc<Envelope>],
    facts: &BTreeMap<i64, TaskEvent>,
    decides_after: i64,
    tasks: &States<Task>,
    rules: &[RuleDefinition],
) -> Concerned {
    let mut users: BTreeSet<Uuid> = ids(events, "user").into_iter().collect();
    let news: Vec<&Envelope> =
        events.iter().map(|at| &**at).filter(|at| at.position > decides_after).collect();
    if news.is_empty() {
        return Concerned::Some(users.into_iter().collect());
    }
    let mut of_roles = rules.iter().filter(|rule| !rule.audience.roles.is_empty());
    let may_hold = |rule: &RuleDefinition| {
        rule.goes_by(Reminder::Unblocked.as_str()) || news.iter().any(|at| rule.goes_by(&at.event_type))
    };
    let everybody = of_roles.any(may_hold)
        || facts.values().filter_map(comment).any(|text| text.as_str().contains('@'))
        || news.iter().any(|at| at.aggregate_type == "notification_rule");
    if everybody {
        return Concerned::Everybody;
    }
    users.extend(tasks.iter().flat_map(|(_, task)| of_task(task)).map(|id| id.0));
    users.extend(facts.values().flat_map(of_event).map(|id| id.0));
    users.extend(rules.iter().flat_map(|rule| &rule.audience.users).map(|id| id.0));
    Concerned::Some(users.into_iter().collect())
}

pub(super) fn of_task(task: &Task) -> Vec<UserId> {
    task.assignees.iter().chain(&task.watchers).chain(&task.creator).copied().collect()
}

fn of_event(fact: &TaskEvent) -> Vec<UserId> {
    match fact {
        TaskEvent::Created(task) => task.assignees.iter().copied().chain([task.creator]).collect(),
        TaskEvent::Watched(entry) => vec![entry.user],
        other => subjects(other),
    }
}
