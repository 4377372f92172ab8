//! Reminders by the clock: a task is due soon, or overdue. They go the way of events, by rules and wishes.

use std::{collections::BTreeSet, sync::Arc};

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    notice::{Happening, Occasion, decide, rules_in_force},
    notification::ChannelSet,
    notification_rule::{NotificationRule, NotificationRuleEvent, RuleDefinition, values::Reminder},
    task::{Task, TaskEvent, values::Due},
    time::Timestamp,
    user::{User, UserEvent},
};
use event_store::Log;
use sqlx::PgConnection;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    NAME,
    batch::of_task,
    inbox::{self, put},
};
use crate::{
    deliveries::{self, NewDelivery},
    delivery::Delivery,
    reactors::{ReachError, ReactError, States, knows},
    schedules::Clock,
};

/// Tasks in one transaction at most.
const PAGE: i64 = 200;

/// Reminds people. Several processes may: each task is in the hands of one.
#[derive(Clone, Debug)]
pub struct Reminding {
    /// Where tasks, people and rules are, and what they are told goes.
    pub delivery: Delivery,
    /// Says whether they are up to date.
    pub log: Log,
    /// The ways that there are.
    pub channels: ChannelSet,
    /// What has been overdue for longer is told to those who look after everything.
    pub escalate_after: TimeDelta,
}

/// Reminds of what is due until told to stop.
pub async fn run(reminding: Reminding, clock: Arc<dyn Clock>, stop: CancellationToken) {
    let work = async {
        loop {
            if let Err(error) = reminding.turn(&*clock).await {
                tracing::warn!(%error, "reminders are held up, trying again");
            }
            clock.passes().await;
        }
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = work => {}
    }
}

#[derive(Debug, sqlx::FromRow)]
struct Row {
    task_id: Uuid,
    #[sqlx(json)]
    due: Due,
    soon_at: DateTime<Utc>,
    overdue_at: DateTime<Utc>,
    overdue_told: bool,
    escalated: bool,
}

const ANY: &str = "
SELECT EXISTS (SELECT FROM task_dues WHERE next_at <= $1)
    OR EXISTS (SELECT FROM task_dues WHERE overdue_told AND NOT escalated AND overdue_at <= $2)";

const TAKE: &str = "
SELECT task_id, due, soon_at, overdue_at, overdue_told, escalated FROM task_dues
WHERE next_at <= $1 OR overdue_told AND NOT escalated AND overdue_at <= $2
ORDER BY task_id LIMIT $3 FOR UPDATE SKIP LOCKED";

/// Of what is overdue nobody is told that it is due soon.
const TOLD: &str = "
UPDATE task_dues SET soon_told = true, overdue_told = overdue_told OR overdue_at <= $1,
    escalated = escalated OR overdue_at <= $2 WHERE task_id = ANY($3)";

const REACHED: &str = "SELECT position FROM checkpoints WHERE consumer = $1";

impl Reminding {
    /// What was done to tasks by now is to be known: who has done a task is not reminded of it.
    async fn turn(&self, clock: &dyn Clock) -> Result<(), ReactError> {
        let now = clock.now();
        if !sqlx::query_scalar::<_, bool>(ANY)
            .bind(now)
            .bind(self.long_before(now.into()))
            .fetch_one(self.delivery.pool())
            .await?
        {
            return Ok(());
        }
        let head = self.log.head().await?;
        while !self.knows(head).await? {
            clock.passes().await;
        }
        self.remind_due(now.into()).await.map(drop)
    }

    async fn knows(&self, position: i64) -> Result<bool, ReachError> {
        let types = TaskEvent::TYPES.iter().chain(UserEvent::TYPES).chain(NotificationRuleEvent::TYPES);
        let types: Vec<_> = types.map(|(name, _)| *name).collect();
        knows(&self.delivery, &self.log, (NAME, &types), position).await
    }

    /// Reminds of everything that is due at an instant and was not told yet; returns of how many tasks.
    pub async fn remind_due(&self, now: Timestamp) -> Result<usize, ReactError> {
        let mut reminded = 0;
        loop {
            let mut transaction = self.delivery.pool().begin().await?;
            let long_before = self.long_before(now);
            let query = sqlx::query_as(TAKE).bind(now.as_datetime()).bind(long_before).bind(PAGE);
            let rows: Vec<Row> = query.fetch_all(&mut *transaction).await?;
            if rows.is_empty() {
                return Ok(reminded);
            }
            let sent = self.remind(&mut transaction, &rows, now).await?;
            deliveries::insert(&mut transaction, &sent).await?;
            let ids: Vec<Uuid> = rows.iter().map(|row| row.task_id).collect();
            let query = sqlx::query(TOLD).bind(now.as_datetime()).bind(long_before).bind(ids);
            query.execute(&mut *transaction).await?;
            transaction.commit().await?;
            reminded += rows.len();
        }
    }

    async fn remind(
        &self,
        tables: &mut PgConnection,
        rows: &[Row],
        now: Timestamp,
    ) -> Result<Vec<NewDelivery>, ReactError> {
        let position: i64 = sqlx::query_scalar(REACHED).bind(NAME).fetch_one(&mut *tables).await?;
        let ids: Vec<Uuid> = rows.iter().map(|row| row.task_id).collect();
        let tasks = States::<Task>::read(tables, &self.log, NAME, &ids).await?;
        let rules = States::<NotificationRule>::read_all(tables, &self.log, NAME).await?;
        let rules = rules_in_force(rules.iter());
        let reminders = |row: &Row| row.reminders(now.as_datetime(), self.long_before(now));
        let due: BTreeSet<Reminder> =
            rows.iter().flat_map(reminders).flatten().map(|(reminder, _)| reminder).collect();
        let people = self.people(tables, &due, &tasks, &rules).await?;
        let (mut sent, mut shown) = (Vec::new(), Vec::new());
        for row in rows {
            let Some(task) = tasks.get(row.task_id) else { continue };
            for (reminder, at) in reminders(row).into_iter().flatten() {
                let happening = Happening::reminder(reminder, (row.task_id.into(), task), row.due, at.into());
                let Some(happening) = happening else { continue };
                let trigger = reminder.as_str();
                let occasion = Occasion { trigger, actor: None, task, subjects: &[], mentioned: &[] };
                let told = decide(&rules, &occasion, &people, now);
                let told = told.into_iter().filter(|one| self.channels.has(one.channel));
                for one in told {
                    put(one, &happening, &people, (position, now), &mut sent, &mut shown)?;
                }
            }
        }
        inbox::insert(tables, &shown).await?;
        Ok(sent)
    }

    fn long_before(&self, now: Timestamp) -> DateTime<Utc> {
        now.plus(-self.escalate_after).as_datetime()
    }

    /// All whom the rules for these may mean.
    async fn people(
        &self,
        tables: &mut PgConnection,
        due: &BTreeSet<Reminder>,
        tasks: &States<Task>,
        rules: &[RuleDefinition],
    ) -> Result<States<User>, ReactError> {
        let reminds = |rule: &RuleDefinition| due.iter().any(|one| rule.goes_by(one.as_str()));
        if rules.iter().any(|rule| !rule.audience.roles.is_empty() && reminds(rule)) {
            return Ok(States::read_all(tables, &self.log, NAME).await?);
        }
        let concerned = tasks.iter().flat_map(|(_, task)| of_task(task));
        let named = rules.iter().flat_map(|rule| &rule.audience.users).copied();
        let ids: BTreeSet<Uuid> = concerned.chain(named).map(|id| id.0).collect();
        let ids: Vec<Uuid> = ids.into_iter().collect();
        Ok(States::read(tables, &self.log, NAME, &ids).await?)
    }
}

impl Row {
    /// What is to be said now: of what is overdue, not that it is due soon.
    fn reminders(
        &self,
        now: DateTime<Utc>,
        long_before: DateTime<Utc>,
    ) -> [Option<(Reminder, DateTime<Utc>)>; 2] {
        let overdue = self.overdue_at <= now;
        let first = match (overdue, self.overdue_told) {
            (false, _) => Some((Reminder::DueSoon, self.soon_at)),
            (true, false) => Some((Reminder::Overdue, self.overdue_at)),
            (true, true) => None,
        };
        let long = !self.escalated && self.overdue_at <= long_before;
        [first, long.then_some((Reminder::Escalated, self.overdue_at))]
    }
}
