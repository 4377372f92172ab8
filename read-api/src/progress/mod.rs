//! How far the read model has come: kept in memory, so that waiting for a position costs no query.
//!
//! Progress messages on NATS raise it at once; one poll a second of the checkpoints keeps it right when messages are
//! lost, NATS is away, several replicas share the lanes, or another version goes live.

mod feed;
mod news;
mod parked;
mod told;

use std::{
    sync::{
        Arc, RwLock,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::watch,
    time::{Instant, timeout_at},
};
use uuid::Uuid;

use news::News;

pub use feed::run;
pub use news::NewsOf;
pub use parked::Parked;

/// Reads wait this long at most for the position that they ask for.
pub const PATIENCE: Duration = Duration::from_secs(2);
/// Whoever watches an operation looks this often, whether or not somebody has told of a change.
const OPERATION: Duration = Duration::from_secs(1);
/// The same for inboxes, of which many are watched: the poll tells of new notices anyway.
const INBOX: Duration = Duration::from_secs(10);

/// The projections that queries read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Projection {
    /// Tasks with their people, labels, comments.
    Tasks,
    /// Text of tasks.
    TaskSearch,
    /// Users and their names.
    Users,
    /// Every event, for auditors.
    Audit,
}

impl Projection {
    /// Every projection.
    pub const ALL: [Self; 4] = [Self::Tasks, Self::TaskSearch, Self::Users, Self::Audit];

    /// Its name in the registry and in `progress.<name>`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tasks => "tasks",
            Self::TaskSearch => "task_search",
            Self::Users => "users",
            Self::Audit => "audit",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|projection| projection.as_str() == name)
    }
}

/// Where the live version of a projection stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Reached {
    version: i32,
    position: i64,
    /// The highest position that was reported since the last poll began; that poll may have missed it.
    news: i64,
}

/// The position was not reached in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the projections stand at {reached}")]
pub struct Behind {
    /// Lowest of the projections waited for.
    pub reached: i64,
}

/// How far each projection has come; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Progress(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    reached: [watch::Sender<Reached>; Projection::ALL.len()],
    parked: RwLock<Arc<Parked>>,
    /// The log's head when last looked at.
    head: AtomicI64,
    operations: News,
    inboxes: News,
}

impl Progress {
    fn of(&self, projection: Projection) -> &watch::Sender<Reached> {
        &self.0.reached[projection as usize]
    }

    /// The lowest position of these projections.
    pub fn lowest(&self, projections: &[Projection]) -> i64 {
        projections.iter().map(|one| self.of(*one).borrow().position).min().unwrap_or_default()
    }

    /// Waits until all these projections have handled `position`, for [`PATIENCE`] at most.
    pub async fn wait(&self, projections: &[Projection], position: i64) -> Result<(), Behind> {
        let deadline = Instant::now() + PATIENCE;
        for projection in projections {
            let mut reached = self.of(*projection).subscribe();
            let there = reached.wait_for(|reached| reached.position >= position);
            if timeout_at(deadline, there).await.is_err() {
                return Err(Behind { reached: self.lowest(projections) });
            }
        }
        Ok(())
    }

    /// A position that the log is known to have reached, from what was seen so far.
    pub fn known_head(&self) -> i64 {
        let furthest = Projection::ALL.map(|one| self.of(one).borrow().position).into_iter().max();
        furthest.unwrap_or_default().max(self.0.head.load(Ordering::Relaxed))
    }

    /// Remembers the log's head.
    pub fn saw_head(&self, head: i64) {
        self.0.head.store(head, Ordering::Relaxed);
    }

    /// Hears from now on when this operation changes.
    pub fn operation(&self, id: Uuid) -> NewsOf {
        self.0.operations.of(id, OPERATION)
    }

    /// Hears from now on when this user's inbox changes.
    pub fn inbox(&self, user: Uuid) -> NewsOf {
        self.0.inboxes.of(user, INBOX)
    }

    /// What the projections could not take in, as of the last poll.
    pub fn parked(&self) -> Arc<Parked> {
        self.0.parked.read().map(|parked| Arc::clone(&parked)).unwrap_or_default()
    }

    /// Since which position this aggregate is parked in one of these projections.
    pub fn parked_since(&self, projections: &[Projection], aggregate: Uuid) -> Option<i64> {
        self.parked().since(projections, aggregate)
    }

    /// A projector reports what it has committed. It only ever raises: a late message changes nothing.
    fn raise(&self, projection: Projection, version: i32, position: i64) {
        self.of(projection).send_if_modified(|reached| {
            let higher = reached.version == version && reached.position < position;
            if higher {
                (reached.position, reached.news) = (position, position);
            }
            higher
        });
    }

    /// A poll begins: it will see all that was reported before.
    fn polling(&self) {
        for reached in &self.0.reached {
            reached.send_if_modified(|reached| {
                reached.news = 0;
                false
            });
        }
    }

    /// A poll has read the checkpoints: it also lowers, when another version is live or the read model went back.
    fn polled(&self, projection: Projection, version: i32, position: i64) {
        self.of(projection).send_if_modified(|reached| {
            let before = *reached;
            let news = if reached.version == version { reached.news } else { 0 };
            *reached = Reached { version, position: position.max(news), news };
            before.position != reached.position || before.version != version
        });
    }

    fn set_parked(&self, parked: Parked) {
        if let Ok(mut current) = self.0.parked.write() {
            *current = Arc::new(parked);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Projection::*, *};

    #[test]
    fn the_lowest_projection_counts() {
        let progress = Progress::default();
        progress.polled(Tasks, 1, 7);
        progress.polled(Users, 2, 5);
        assert_eq!(progress.lowest(&[Tasks, Users]), 5);
        assert_eq!(progress.lowest(&[Tasks]), 7);
        assert_eq!(progress.known_head(), 7);
    }

    #[test]
    fn messages_raise_and_polls_correct() {
        let progress = Progress::default();
        progress.polled(Tasks, 1, 10);
        progress.polling();
        progress.raise(Tasks, 1, 14);
        progress.raise(Tasks, 1, 12);
        progress.polled(Tasks, 1, 13);
        assert_eq!(progress.lowest(&[Tasks]), 14, "a poll that began before the message lowers nothing");
        progress.raise(Tasks, 2, 99);
        assert_eq!(progress.lowest(&[Tasks]), 14, "version 2 is not live yet");
        progress.polled(Tasks, 2, 9);
        assert_eq!(progress.lowest(&[Tasks]), 9, "another version starts where it stands");
        progress.raise(Tasks, 2, 20);
        progress.polling();
        progress.polled(Tasks, 2, 3);
        assert_eq!(progress.lowest(&[Tasks]), 3, "a poll that saw less means that the read model went back");
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_ends_with_the_slowest_projection() {
        let progress = Progress::default();
        progress.polled(Tasks, 1, 10);
        progress.polled(Users, 1, 9);
        let waiting = progress.wait(&[Tasks, Users], 10);
        let raising = async { progress.raise(Users, 1, 10) };
        let (waited, ()) = tokio::join!(waiting, raising);
        assert_eq!(waited, Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_ends_after_two_seconds() {
        let progress = Progress::default();
        progress.polled(Tasks, 1, 10);
        let begun = Instant::now();
        assert_eq!(progress.wait(&[Tasks, Users], 11).await, Err(Behind { reached: 0 }));
        assert_eq!(begun.elapsed().as_secs(), PATIENCE.as_secs());
    }
}
