//! Aggregates as they were, and tasks as clients saw them.

use domain::{event::RecordedEvent, stored::Stored, task::Task as State, time::Timestamp};
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

impl Moment {
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
    let (mut state, mut last) = (A::default(), None::<RecordedEvent>);
    loop {
        let after = last.as_ref().map_or(0, |event| event.sequence);
        let events = log.read_aggregate(A::TYPE, id, after, PAGE).await?;
        let read = events.len();
        let kept: Vec<RecordedEvent> =
            events.into_iter().take_while(|event| moment.includes(event)).collect();
        let whole = kept.len() == read && i64::try_from(read).is_ok_and(|read| read == PAGE);
        for event in kept {
            state.apply(understand(&event)?);
            state.occurred(event.metadata.occurred_at);
            last = Some(event);
        }
        if !whole {
            return Ok(last.map(|last| Past { state, id, last }));
        }
    }
}

fn item(item: &domain::task::ChecklistItem) -> ChecklistItem {
    ChecklistItem { id: item.id.0, text: item.text.to_string(), done: item.done }
}

impl Past {
    /// As clients see a task; people bear the names that they have today.
    pub async fn shown(&self, users: &PgPool) -> Result<Task, HistoryError> {
        let state = &self.state;
        let creator = state.creator.map_or_else(Uuid::nil, |id| id.0);
        let mut people: Vec<Uuid> = state.assignees.iter().map(|id| id.0).collect();
        people.push(creator);
        let names = names(users, &people).await?;
        let person = |id: Uuid| Person { id, name: names.get(&id).cloned() };
        Ok(Task {
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
        })
    }

    /// What its last event changed.
    pub async fn entry(&self, log: &Log, users: &PgPool) -> Result<Option<HistoryEntry>, HistoryError> {
        let page = task_history(log, users, self.id, self.last.sequence + 1, 1).await?;
        Ok(page.entries.into_iter().next())
    }
}
