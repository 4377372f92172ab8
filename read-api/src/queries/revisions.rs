//! Aggregates as they were, and tasks as clients saw them.

use std::collections::{BTreeSet, HashMap};

use domain::{
    event::RecordedEvent,
    filter::{AsOf, Then},
    stored::Stored,
    task::Task as State,
    time::Timestamp,
};
use event_store::Log;
use serde::de::DeserializeOwned;
use sqlx::PgPool;
use uuid::Uuid;

use super::{
    history::{HistoryError, task_history, understand},
    users::names,
};
use crate::model::{ChecklistItem, HistoryEntry, Person, Task};

/// Events read at once.
const PAGE: i64 = 1_000;

/// Some moment in the life of a task or user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// After the event of this number among its own.
    Version(i64),
    /// After everything up to this position.
    Position(i64),
    /// As the log had it at this time.
    Time(Timestamp),
    /// After what had happened at this time; imported history came into the log later.
    Occurred(Timestamp),
}

impl From<AsOf> for Moment {
    fn from(moment: AsOf) -> Self {
        match moment {
            AsOf::Position(position) => Self::Position(position),
            AsOf::Time(time) => Self::Time(time),
        }
    }
}

impl From<Then> for Moment {
    fn from(moment: Then) -> Self {
        match moment {
            Then::Recorded(moment) => moment.into(),
            Then::Occurred(time) => Self::Occurred(time),
        }
    }
}

impl Moment {
    /// Nobody who came to be later than that is in it; none if that is not known.
    pub(super) fn latest(self) -> Option<Timestamp> {
        match self {
            Self::Occurred(time) => Some(time),
            Self::Version(_) | Self::Position(_) | Self::Time(_) => None,
        }
    }

    fn includes(self, event: &RecordedEvent) -> bool {
        match self {
            Self::Version(version) => event.sequence <= version,
            Self::Position(position) => event.position <= position,
            Self::Time(time) => event.recorded_at <= time,
            Self::Occurred(time) => event.metadata.occurred_at <= time,
        }
    }
}

/// A task or user as it was after one of its events.
#[derive(Debug)]
pub struct Past<A = State> {
    pub(super) state: A,
    pub(super) id: Uuid,
    /// The last event that it shows.
    pub last: RecordedEvent,
}

/// The task as it was then; none before its first event.
pub async fn task_at(log: &Log, id: Uuid, moment: Moment) -> Result<Option<Past>, HistoryError> {
    past_at(log, id, moment).await
}

/// The aggregate as it was then. Neither log nor business time runs backwards within one.
pub(super) async fn past_at<A>(log: &Log, id: Uuid, moment: Moment) -> Result<Option<Past<A>>, HistoryError>
where
    A: Stored,
    A::Event: DeserializeOwned,
{
    let mut past = None::<Past<A>>;
    loop {
        let after = past.as_ref().map_or(0, |past| past.last.sequence);
        let events = log.read_aggregate(A::TYPE, id, after, PAGE).await?;
        let read = events.len();
        let kept: Vec<RecordedEvent> =
            events.into_iter().take_while(|event| moment.includes(event)).collect();
        let whole = kept.len() == read && i64::try_from(read).is_ok_and(|read| read == PAGE);
        for event in kept {
            let fact = understand(&event)?;
            past = Some(Past::new(id, past.map(|past| past.state).unwrap_or_default(), fact, event));
        }
        if !whole {
            return Ok(past);
        }
    }
}

/// These tasks as they were then, in this order; people bear the names that they have today.
pub async fn tasks_at(
    log: &Log,
    users: &PgPool,
    ids: &[Uuid],
    moment: Moment,
) -> Result<Vec<Task>, HistoryError> {
    let pasts = pasts_at::<State>(log, ids, moment).await?;
    let people: BTreeSet<Uuid> = pasts.values().flat_map(Past::people).collect();
    let names = names(users, &people.into_iter().collect::<Vec<_>>()).await?;
    Ok(ids.iter().filter_map(|id| pasts.get(id)).map(|past| past.told(&names)).collect())
}

/// Those of these aggregates that were there then, as they were.
pub(super) async fn pasts_at<A>(
    log: &Log,
    ids: &[Uuid],
    moment: Moment,
) -> Result<HashMap<Uuid, Past<A>>, HistoryError>
where
    A: Stored,
    A::Event: DeserializeOwned,
{
    let up_to = if let Moment::Position(position) = moment { position } else { i64::MAX };
    let (mut pasts, mut stuck) = (HashMap::<Uuid, Past<A>>::new(), BTreeSet::new());
    for event in log.read_aggregates(A::TYPE, ids, &[], up_to).await? {
        let id = event.aggregate_id;
        if !moment.includes(&event) || stuck.contains(&id) {
            continue;
        }
        // As the projection has it, which sets aside what it cannot understand, and what comes after.
        let Ok(fact) = understand(&event) else {
            stuck.insert(id);
            continue;
        };
        let state = pasts.remove(&id).map(|past| past.state).unwrap_or_default();
        pasts.insert(id, Past::new(id, state, fact, event));
    }
    Ok(pasts)
}

fn item(item: &domain::task::ChecklistItem) -> ChecklistItem {
    ChecklistItem { id: item.id.0, text: item.text.to_string(), done: item.done }
}

impl<A: Stored> Past<A> {
    /// What the event makes of the state before it.
    fn new(id: Uuid, mut state: A, fact: A::Event, last: RecordedEvent) -> Self {
        state.apply(fact);
        state.occurred(last.metadata.occurred_at);
        Self { state, id, last }
    }
}

impl Past {
    /// As clients see a task; people bear the names that they have today.
    pub async fn shown(&self, users: &PgPool) -> Result<Task, HistoryError> {
        let people: Vec<Uuid> = self.people().collect();
        Ok(self.told(&names(users, &people).await?))
    }

    fn creator(&self) -> Uuid {
        self.state.creator.map_or_else(Uuid::nil, |id| id.0)
    }

    /// Whose names are shown.
    fn people(&self) -> impl Iterator<Item = Uuid> {
        self.state.assignees.iter().map(|id| id.0).chain([self.creator()])
    }

    fn told(&self, names: &HashMap<Uuid, String>) -> Task {
        let state = &self.state;
        let creator = self.creator();
        let person = |id: Uuid| Person { id, name: names.get(&id).cloned() };
        Task {
            id: self.id,
            key: state.key.unwrap_or_default(),
            version: state.version,
            title: state.title.as_ref().map(ToString::to_string).unwrap_or_default(),
            description: state.description.as_ref().map(ToString::to_string),
            status: state.status,
            allowed: state.status.allowed(),
            priority: state.priority,
            due: state.due,
            labels: state.labels.iter().map(ToString::to_string).collect(),
            assignees: state.assignees.iter().map(|id| person(id.0)).collect(),
            watchers: state.watchers.iter().map(|id| id.0).collect(),
            creator: person(creator),
            parent: state.parent.map(|id| id.0),
            relations: state.relations.clone(),
            checklist: state.checklist.iter().map(item).collect(),
            progress: state.progress.percent().into(),
            external_ref: state.external_ref.clone(),
            visibility: state.visibility,
            comment_count: i32::try_from(state.comments.len()).unwrap_or(i32::MAX),
            create_time: state.create_time.unwrap_or(self.last.metadata.occurred_at),
            update_time: state.update_time.unwrap_or(self.last.metadata.occurred_at),
            delete_time: state.delete_time,
            purge_time: state.purge_time(),
        }
    }

    /// What its last event changed.
    pub async fn entry(&self, log: &Log, users: &PgPool) -> Result<Option<HistoryEntry>, HistoryError> {
        let page = task_history(log, users, self.id, self.last.sequence + 1, 1).await?;
        Ok(page.entries.into_iter().next())
    }
}
