//! One who follows: from a place in the log to its end, and on as it grows.

use std::{collections::VecDeque, mem, sync::Arc};

use event_store::{
    LogError,
    envelope::Envelope,
    follow::{FollowError, Follower},
};
use service::problem::{Code, Problem};
use uuid::Uuid;

use super::{Following, Selection};
use crate::ReadApi;

/// Events looked at in one go.
const BATCH: usize = 256;
/// Bytes of events looked at, and handed on, in one go, at most, but for the last one.
pub(super) const BYTES: usize = 1 << 20;

/// A place in a log: after this event of the log of this epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) after: i64,
    pub(crate) epoch: Uuid,
}

/// What there is next.
#[derive(Debug)]
pub(crate) struct Next {
    /// The events that the subscriber takes, in the order of the log.
    pub(crate) events: Vec<Arc<Envelope>>,
    /// Everything up to there was looked at.
    pub(crate) up_to: i64,
    /// There is nothing more for now; said once, and again after [`Subscription::look_for_the_end`].
    pub(crate) caught_up: bool,
}

/// Somebody's way through the log.
pub(crate) struct Subscription {
    api: ReadApi,
    follower: Follower,
    selection: Selection,
    /// Looked at up to there …
    at: i64,
    /// … of these, which come next, none yet …
    fetched: VecDeque<Arc<Envelope>>,
    /// … and taken, but not handed on.
    taken: Vec<Arc<Envelope>>,
    /// The end of the log as it was last seen; none once that was reached.
    end: Option<i64>,
}

impl Subscription {
    /// From after the place; from after the last event there is without one. A place of another log is refused.
    pub(crate) async fn open(
        api: &ReadApi,
        selection: Selection,
        after: Option<i64>,
        epoch: Option<Uuid>,
    ) -> Result<Self, OpenError> {
        let log = api.following.log();
        let found = log.epoch().await?;
        if epoch.is_some_and(|epoch| epoch != found) {
            return Err(OpenError::OtherLog);
        }
        let head = log.head().await?;
        api.progress.saw_head(head);
        let at = after.unwrap_or(head);
        if at > head {
            return Err(OpenError::Ahead { head });
        }
        let follower = api.following.after(at, found).map_err(OpenError::Refused)?;
        Ok(Self {
            api: api.clone(),
            follower,
            selection,
            at,
            fetched: VecDeque::new(),
            taken: Vec::new(),
            end: Some(head),
        })
    }

    /// Where it stands: what was handed on, or looked at and not taken.
    pub(crate) fn place(&self) -> Place {
        // Who has stopped waiting in the middle of it has not got what was taken.
        let after = self.taken.first().map_or(self.at, |first| first.position - 1);
        Place { after, epoch: self.follower.epoch().unwrap_or_default() }
    }

    pub(crate) fn following(&self) -> &Following {
        &self.api.following
    }

    /// Says once more when there is nothing more.
    pub(crate) fn look_for_the_end(&mut self) {
        self.end = self.end.or(Some(self.at));
    }

    /// Waits for what is next, at most `limit` events. Can be cancelled and called again without loss.
    pub(crate) async fn next(&mut self, limit: usize) -> Result<Next, Problem> {
        if self.fetched.is_empty() && self.taken.is_empty() {
            if self.end.is_some() && Box::pin(self.is_at_the_end()).await? {
                return Ok(Next { events: Vec::new(), up_to: self.at, caught_up: true });
            }
            let batch = self.follower.next_batch(limit.clamp(1, BATCH)).await.map_err(lost)?;
            self.fetched.extend(batch);
        }
        let mut bytes = self.taken.iter().map(|event| event.bytes.len()).sum::<usize>();
        while bytes < BYTES
            && let Some(event) = self.fetched.front()
        {
            let taken = self.selection.takes(&self.api.following, event).await.map_err(unread)?;
            let Some(event) = self.fetched.pop_front() else { break };
            self.at = event.position;
            if taken {
                bytes += event.bytes.len();
                self.taken.push(event);
            }
        }
        Ok(Next { events: mem::take(&mut self.taken), up_to: self.at, caught_up: false })
    }

    /// True once: when everything that there was has been looked at.
    async fn is_at_the_end(&mut self) -> Result<bool, Problem> {
        let Some(end) = self.end else { return Ok(false) };
        if self.at < end {
            return Ok(false);
        }
        let head = self.api.log.head().await.map_err(unread)?;
        self.end = (self.at < head).then_some(head);
        Ok(self.end.is_none())
    }
}

/// Why there is no subscription.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    #[error("the place is of another log")]
    OtherLog,
    #[error("the place is beyond the log, which ends at {head}")]
    Ahead { head: i64 },
    #[error("there is nothing to follow")]
    Refused(Problem),
    #[error(transparent)]
    Log(#[from] LogError),
}

impl From<OpenError> for Problem {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::OtherLog => Code::PositionExpired.into(),
            OpenError::Ahead { head } => Problem::new(Code::PositionAhead).with("head", head),
            OpenError::Refused(problem) => problem,
            OpenError::Log(error) => unread(error),
        }
    }
}

/// The log that is followed is not the one that it was.
fn lost(error: FollowError) -> Problem {
    match error {
        FollowError::EpochChanged { .. }
        | FollowError::CheckpointAhead { .. }
        | FollowError::CheckpointMismatch { .. } => Problem::new(Code::PositionExpired).caused_by(error),
        FollowError::Damaged { .. } | FollowError::Hole { .. } => Problem::internal(error),
    }
}

/// The log does not answer.
pub(crate) fn unread(error: LogError) -> Problem {
    Problem::new(Code::Unavailable).caused_by(error).retry_after(1)
}
