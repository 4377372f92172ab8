//! The events of one transaction, each decided on with everything as it is after it.

use std::{collections::BTreeSet, sync::Arc};

use domain::{
    event::from_stored,
    ids::{TaskId, UserId},
    inbox::Inbox,
    notice::{Happening, Occasion, People, comment, decide, rules_in_force, subjects},
    notification::Channel,
    notification_rule::{NotificationRule, RuleDefinition},
    policy::RoleSet,
    task::{Task, TaskEvent},
    user::User,
};
use event_store::envelope::Envelope;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    NAME, Notices,
    inbox::{self, NewNotice},
    names::Names,
};
use crate::{
    channels::notice::{self, Told},
    deliveries::NewDelivery,
    reactors::{ReactError, StateError, States},
};

pub(super) struct Batch<'a> {
    notices: &'a Notices,
    decides_after: i64,
    tasks: States<Task>,
    users: States<User>,
    rules: States<NotificationRule>,
    inboxes: States<Inbox>,
    in_force: Vec<RuleDefinition>,
    names: Names<'a>,
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
        let tasks = States::<Task>::read(tables, log, NAME, &ids(events, "task")).await?;
        let rules = States::<NotificationRule>::read_all(tables, log, NAME).await?;
        let inboxes = States::read(tables, log, NAME, &ids(events, "inbox")).await?;
        let in_force = in_force(&rules);
        let users = match concerned(events, decides_after, &tasks, &in_force) {
            Concerned::Everybody => States::read_all(tables, log, NAME).await?,
            Concerned::Some(users) => States::read(tables, log, NAME, &users).await?,
        };
        let names = Names::new(&notices.sealer);
        let (shown, sent) = (Vec::new(), Vec::new());
        Ok(Self { notices, decides_after, tasks, users, rules, inboxes, in_force, names, shown, sent })
    }

    /// Takes one event in, and decides on it.
    pub(super) async fn take(&mut self, at: &Envelope) -> Result<(), ReactError> {
        let taken = match at.aggregate_type.as_str() {
            "task" => match self.tasks.take(at) {
                Ok(fact) => return self.tell(at, &fact).await,
                Err(error) => Err(error),
            },
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

    /// History that somebody brings in is no news.
    async fn tell(&mut self, at: &Envelope, fact: &TaskEvent) -> Result<(), ReactError> {
        if at.position <= self.decides_after || at.on_behalf_of.is_some() {
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
        for one in decide(&self.in_force, &occasion, &self.users, now) {
            if !self.notices.channels.has(one.channel) {
                continue;
            }
            let told = Told { category: one.category, template: one.template, happening: happening.clone() };
            let devices = self.users.get(one.recipient.0).map_or(&[][..], |user| &user.devices[..]);
            self.sent.extend(notice::deliveries(&one, &told, devices, at.position, now)?);
            if one.channel == Channel::Inbox {
                self.shown.push(NewNotice { recipient: one.recipient, position: at.position, told });
            }
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

fn task_event(at: &Envelope) -> Option<TaskEvent> {
    let task = at.aggregate_type == "task";
    task.then(|| from_stored(&at.event_type, &at.event_version, at.data.get()).ok()).flatten()
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
    let facts: Vec<TaskEvent> = news.iter().filter_map(|at| task_event(at)).collect();
    let everybody = rules.iter().any(|rule| !rule.audience.roles.is_empty())
        || facts.iter().filter_map(comment).any(|text| text.as_str().contains('@'))
        || news.iter().any(|at| at.aggregate_type == "notification_rule");
    if everybody {
        return Concerned::Everybody;
    }
    users.extend(tasks.iter().flat_map(|(_, task)| of_task(task)).map(|id| id.0));
    users.extend(facts.iter().flat_map(of_event).map(|id| id.0));
    users.extend(rules.iter().flat_map(|rule| &rule.audience.users).map(|id| id.0));
    Concerned::Some(users.into_iter().collect())
}

fn of_task(task: &Task) -> Vec<UserId> {
    task.assignees.iter().chain(&task.watchers).chain(&task.creator).copied().collect()
}

fn of_event(fact: &TaskEvent) -> Vec<UserId> {
    match fact {
        TaskEvent::Created(task) => task.assignees.iter().copied().chain([task.creator]).collect(),
        TaskEvent::Watched(entry) => vec![entry.user],
        other => subjects(other),
    }
}
