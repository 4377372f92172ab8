//! Aggregates at hand: a bounded cache in front of the log. What it gives is a guess that the append verifies.

use std::{fmt, sync::Arc};

use cqrs_es::Aggregate;
use domain::{
    announcement::Announcement, inbox::Inbox, notification_rule::NotificationRule, operation::Operation,
    stored::Stored, task::Task, user::User, webhook::Webhook,
};
use event_store::{AggregateRef, LoadError, Loaded, Log, load};
use quick_cache::sync::Cache;
use uuid::Uuid;

/// Tasks and users remembered at most.
const CACHED_TASKS: usize = 20_000;
const CACHED_USERS: usize = 10_000;
/// Longer texts than this are loaded each time: the cache is bounded in bytes too.
const LARGE: usize = 16 * 1024;

/// How true an answer must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trust {
    /// As remembered: fine where the append verifies it.
    Guess,
    /// As the log has it now: before refusing anything.
    Log,
}

/// An aggregate that is remembered.
pub(crate) trait Remembered: Stored + Clone + 'static {
    /// Where; none for aggregates that nobody asks for twice.
    fn cache(aggregates: &Aggregates) -> Option<&Cache<Uuid, Arc<Loaded<Self>>>>;

    /// Whether it is too large to be kept.
    fn is_large(&self) -> bool {
        false
    }
}

/// The aggregates of a process.
pub(crate) struct Aggregates {
    log: Log,
    tasks: Cache<Uuid, Arc<Loaded<Task>>>,
    users: Cache<Uuid, Arc<Loaded<User>>>,
}

impl fmt::Debug for Aggregates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Aggregates").finish_non_exhaustive()
    }
}

impl Aggregates {
    pub(crate) fn new(log: Log) -> Self {
        Self { log, tasks: Cache::new(CACHED_TASKS), users: Cache::new(CACHED_USERS) }
    }

    /// The aggregate; its default with version 0 if it has no event.
    pub(crate) async fn get<A: Remembered>(
        &self,
        id: Uuid,
        trust: Trust,
    ) -> Result<Arc<Loaded<A>>, LoadError> {
        if trust == Trust::Guess
            && let Some(known) = A::cache(self).and_then(|cache| cache.get(&id))
        {
            return Ok(known);
        }
        let loaded = Arc::new(load::<A>(&self.log, id).await?);
        self.keep(id, &loaded);
        Ok(loaded)
    }

    /// Remembers what a command has made of it.
    pub(crate) fn put<A: Remembered>(&self, id: Uuid, loaded: Loaded<A>) {
        self.keep(id, &Arc::new(loaded));
    }

    /// The guess was wrong.
    pub(crate) fn forget(&self, aggregate: AggregateRef) {
        match aggregate.kind {
            Task::TYPE => drop(self.tasks.remove(&aggregate.id)),
            User::TYPE => drop(self.users.remove(&aggregate.id)),
            _ => {}
        }
    }

    fn keep<A: Remembered>(&self, id: Uuid, loaded: &Arc<Loaded<A>>) {
        let Some(cache) = A::cache(self) else { return };
        if loaded.version == 0 || loaded.aggregate.is_large() {
            cache.remove(&id);
        } else {
            cache.insert(id, Arc::clone(loaded));
        }
    }
}

impl Remembered for Task {
    fn cache(aggregates: &Aggregates) -> Option<&Cache<Uuid, Arc<Loaded<Self>>>> {
        Some(&aggregates.tasks)
    }

    fn is_large(&self) -> bool {
        const ENTRY: usize = 100;
        let description = self.description.as_ref().map_or(0, |text| text.as_str().len());
        description + (self.comments.len() + self.checklist.len() + self.relations.len()) * ENTRY > LARGE
    }
}

impl Remembered for User {
    fn cache(aggregates: &Aggregates) -> Option<&Cache<Uuid, Arc<Loaded<Self>>>> {
        Some(&aggregates.users)
    }
}

macro_rules! not_remembered {
    ($($aggregate:ty)*) => {$(
        impl Remembered for $aggregate {
            fn cache(_: &Aggregates) -> Option<&Cache<Uuid, Arc<Loaded<Self>>>> {
                None
            }
        }
    )*};
}

not_remembered! { Operation NotificationRule Webhook Announcement Inbox }
