use std::{sync::Arc, time::Duration};

use async_nats::jetstream::Context;
use futures_util::{Stream, stream};
use tokio::time::{Instant, timeout};
use uuid::Uuid;

use super::{
    Checkpoint, FollowError, Tail,
    subscription::{Lost, Subscription},
    tail::Reader,
};
use crate::{
    Log, LogError,
    envelope::Envelope,
    stream::{EventStream, StreamError},
};

/// A consumer that brings nothing for so long is checked against the log.
const QUIET: Duration = Duration::from_secs(1);

/// How often the log is asked while it is the source.
const POLL: Duration = Duration::from_millis(100);

/// How often JetStream is tried while the log is the source.
const REJOIN: Duration = Duration::from_secs(1);

/// Longest time that one try to join the stream keeps the follower from reading the log.
const JOIN_DEADLINE: Duration = Duration::from_secs(2);

/// At most so many bytes of payload are read from the log at once.
const READ_BYTES: i64 = 4 << 20;

/// Yields every event after a checkpoint, once, in order of position. Dropping it ends its consumer.
pub struct Follower {
    log: Log,
    stream: EventStream,
    at: Checkpoint,
    epoch: Option<Uuid>,
    verified: bool,
    tail: Option<Reader>,
    at_once: usize,
    subscription: Option<Box<Subscription>>,
    join_at: Instant,
    look_after: Duration,
}

/// Why a step of following did not succeed.
enum Setback {
    Final(FollowError),
    Log(LogError),
    Stream(StreamError),
}

impl From<FollowError> for Setback {
    fn from(error: FollowError) -> Self {
        Self::Final(error)
    }
}

impl From<LogError> for Setback {
    fn from(error: LogError) -> Self {
        match error {
            LogError::Damaged { position, .. } => Self::Final(FollowError::Damaged { position }),
            passing => Self::Log(passing),
        }
    }
}

impl From<StreamError> for Setback {
    fn from(error: StreamError) -> Self {
        Self::Stream(error)
    }
}

impl Follower {
    /// Follows from the event after this checkpoint; nothing is asked before the first batch is.
    pub fn new(log: Log, jetstream: Context, from: Checkpoint) -> Self {
        Self {
            log,
            stream: EventStream::new(jetstream),
            at: from,
            epoch: None,
            verified: false,
            tail: None,
            at_once: usize::MAX,
            subscription: None,
            join_at: Instant::now(),
            look_after: QUIET,
        }
    }

    /// The epoch of the log that the checkpoint belongs to; without it the log's epoch at the start counts.
    #[must_use]
    pub fn expecting_epoch(mut self, epoch: Uuid) -> Self {
        self.epoch = Some(epoch);
        self
    }

    /// Takes from what the process follows together whenever that reaches back far enough.
    #[must_use]
    pub fn sharing(mut self, tail: Tail) -> Self {
        self.tail = Some(tail.reader());
        self
    }

    /// Ends a batch with the event by which it comes to so many bytes: for those whose users may be slow, and hold it for long.
    #[must_use]
    pub fn at_most(mut self, bytes: usize) -> Self {
        self.at_once = bytes;
        self
    }

    /// The last event that was yielded.
    pub fn checkpoint(&self) -> Checkpoint {
        self.at
    }

    /// The epoch of the log, known once the first batch was asked for.
    pub fn epoch(&self) -> Option<Uuid> {
        self.epoch
    }

    /// Waits for the next event and yields it with all that is ready, at most `limit` (at least 1). Can be cancelled
    /// and called again without loss. An error is final.
    pub async fn next_batch(&mut self, limit: usize) -> Result<Vec<Arc<Envelope>>, FollowError> {
        loop {
            match self.step(limit.max(1)).await {
                Ok(batch) => match batch.last() {
                    Some(last) => {
                        self.at = Checkpoint::at(last.position, last.id);
                        return Ok(batch);
                    }
                    None if self.is_polling() => tokio::time::sleep(POLL).await,
                    None => {}
                },
                Err(Setback::Final(error)) => return Err(error),
                Err(Setback::Log(error)) => self.wait_for_log(&error).await,
                Err(Setback::Stream(error)) => tracing::debug!(%error, "following the log itself"),
            }
        }
    }

    /// The events one by one; ends after the first error.
    pub fn into_stream(self) -> impl Stream<Item = Result<Arc<Envelope>, FollowError>> + Send {
        let batches = stream::unfold(Some(self), |follower| async {
            let mut follower = follower?;
            match follower.next_batch(256).await {
                Ok(batch) => Some((batch.into_iter().map(Ok).collect::<Vec<_>>(), Some(follower))),
                Err(error) => Some((vec![Err(error)], None)),
            }
        });
        futures_util::StreamExt::flat_map(batches, stream::iter)
    }

    /// What is next: from the tail or the consumer if there is one and it brings something in time, else from the log. All but
    /// the waiting is boxed: thousands wait, and each is as large as whatever it may come to do.
    async fn step(&mut self, limit: usize) -> Result<Vec<Arc<Envelope>>, Setback> {
        if !self.verified {
            Box::pin(self.verify()).await?;
        }
        if let Some(batch) = self.take_from_tail(limit).await? {
            return Ok(batch);
        }
        if self.subscription.is_none() && Instant::now() >= self.join_at {
            Box::pin(self.join()).await?;
        }
        if let Some(subscription) = &mut self.subscription {
            match timeout(self.look_after, subscription.take(self.at.position, limit, self.at_once)).await {
                Ok(Ok(batch)) => {
                    self.look_after = QUIET;
                    return Ok(batch);
                }
                Ok(Err(lost)) => Box::pin(self.part(&lost)).await?,
                Err(_) => {}
            }
        }
        let batch = Box::pin(self.read(limit)).await?;
        self.look_after = if batch.is_empty() { QUIET } else { POLL };
        Ok(batch)
    }

    /// What the tail has next; none if the tail begins later, or is not fed. Its feed looks at the log when JetStream is silent,
    /// for all who share it: a thousand of them who did so themselves would ask a thousand times a second.
    async fn take_from_tail(&mut self, limit: usize) -> Result<Option<Vec<Arc<Envelope>>>, Setback> {
        if self.tail.as_mut().is_some_and(Reader::renewed) {
            self.verified = false;
            Box::pin(self.verify()).await?;
        }
        let position = self.at.position;
        let Some(tail) = self.tail.as_mut().filter(|tail| tail.reaches(position)) else { return Ok(None) };
        self.subscription = None;
        tail.grows(position).await;
        match tail.after(position, limit, self.at_once) {
            Some(batch) => Ok(Some(batch)),
            None => Box::pin(self.read(limit)).await.map(Some),
        }
    }

    /// Is there nobody to say when there is more?
    fn is_polling(&self) -> bool {
        let fed = self.tail.as_ref().is_some_and(|tail| tail.reaches(self.at.position));
        self.subscription.is_none() && !fed
    }

    /// Reads the log; the events after the checkpoint must follow it without a hole.
    async fn read(&self, limit: usize) -> Result<Vec<Arc<Envelope>>, Setback> {
        let rows = i64::try_from(limit).unwrap_or(i64::MAX);
        let bytes = i64::try_from(self.at_once).unwrap_or(READ_BYTES).min(READ_BYTES);
        let events = self.log.read_after(self.at.position, rows, bytes).await?;
        let mut batch = Vec::with_capacity(events.len());
        for (after, event) in (self.at.position..).zip(events) {
            let position = event.position;
            if position != after + 1 {
                return Err(FollowError::Hole { after, found: position }.into());
            }
            let envelope = Envelope::try_from(event).map_err(|_| FollowError::Damaged { position })?;
            batch.push(Arc::new(envelope));
        }
        Ok(batch)
    }

    /// Do checkpoint and log still belong together?
    async fn verify(&mut self) -> Result<(), Setback> {
        let found = self.log.epoch().await?;
        let expected = *self.epoch.get_or_insert(found);
        if found != expected {
            return Err(FollowError::EpochChanged { expected, found }.into());
        }
        self.verify_event().await?;
        self.verified = true;
        Ok(())
    }

    async fn verify_event(&self) -> Result<(), Setback> {
        let Checkpoint { position, event_id } = self.at;
        if position < 1 {
            return Ok(());
        }
        let Some(event) = self.log.event_at(position).await? else {
            let head = self.log.head().await?;
            return Err(FollowError::CheckpointAhead { position, head }.into());
        };
        match event_id {
            Some(expected) if expected != event.id => {
                Err(FollowError::CheckpointMismatch { position, expected, found: event.id }.into())
            }
            _ => Ok(()),
        }
    }

    /// Starts a consumer if the stream is a true copy that holds what comes next. At most once in a while, and then
    /// checkpoint and log are compared again: only a consumer tells, by its end, that the log has become another one.
    async fn join(&mut self) -> Result<(), Setback> {
        self.join_at = Instant::now() + REJOIN;
        self.verified = false;
        if self.stream.is_connected() {
            let joined = timeout(JOIN_DEADLINE, self.try_join()).await;
            self.subscription = joined.unwrap_or(Ok(None))?;
        }
        Ok(())
    }

    async fn try_join(&self) -> Result<Option<Box<Subscription>>, Setback> {
        let position = self.at.position;
        let Some(state) = self.stream.state().await? else { return Ok(None) };
        let ours = state.epoch == self.epoch && state.last <= self.log.head().await?;
        if !ours || position + 1 < state.first {
            return Ok(None);
        }
        if let Some(expected) = self.at.event_id
            && (state.first..=state.last).contains(&position)
            && self.stream.event_ids(position..=position).await?.get(&position) != Some(&Some(expected))
        {
            return Ok(None);
        }
        Ok(Some(Box::new(Subscription::after(position, &self.stream).await?)))
    }

    /// Throws the consumer away; the next one is tried at once after a proof that the log is still the same.
    async fn part(&mut self, lost: &Lost) -> Result<(), Setback> {
        tracing::debug!(position = self.at.position, reason = %lost, "the consumer is given up");
        self.subscription = None;
        self.join_at = Instant::now() + POLL;
        self.verified = false;
        self.verify().await
    }

    async fn wait_for_log(&mut self, error: &LogError) {
        tracing::warn!(position = self.at.position, %error, "the log cannot be read, trying again");
        self.verified = false;
        tokio::time::sleep(REJOIN).await;
    }
}
