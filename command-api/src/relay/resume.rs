use std::time::Duration;

use domain::event::RecordedEvent;
use event_store::stream::{self, StreamError, StreamState};
use tokio::time;
use uuid::Uuid;

use super::Relay;

/// Pause between two tries to reach the stream.
const RETRY: Duration = Duration::from_millis(250);

impl Relay {
    /// Where to go on: the last position in the stream, once it is a true copy of the log. Waits for NATS and Postgres.
    pub(super) async fn resume(&self) -> i64 {
        let mut complained = false;
        loop {
            let result = if self.stream.is_connected() { Some(self.try_resume().await) } else { None };
            match result {
                Some(Ok(position)) => return position,
                Some(Err(error)) if !complained => {
                    complained = true;
                    tracing::warn!(%error, "the relay waits for the stream");
                }
                _ => {}
            }
            self.watch_head().await;
            time::sleep(RETRY).await;
        }
    }

    async fn try_resume(&self) -> Result<i64, StreamError> {
        let epoch = self.log.epoch().await?;
        let state = match self.stream.state().await {
            Ok(Some(state)) => state,
            Ok(None) => return self.create_missing(epoch).await,
            Err(StreamError::Foreign) => return self.replace(epoch, "it is no copy of a log").await,
            Err(error) => return Err(error),
        };
        if let Some(reason) = self.fault(&state, epoch).await? {
            return self.replace(epoch, reason).await;
        }
        if let Err(error) = self.stream.configure(&state, &self.config.stream).await {
            tracing::warn!(%error, "the stream keeps its old limits");
        }
        Ok(state.last)
    }

    /// Why the stream is no copy of this log that can be gone on with.
    async fn fault(&self, state: &StreamState, epoch: Uuid) -> Result<Option<&'static str>, StreamError> {
        if state.epoch != Some(epoch) {
            return Ok(Some("it is of another epoch"));
        }
        let head = self.log.head().await?;
        if state.last > head {
            return Ok(Some("it is ahead of the log"));
        }
        if state.last < head && self.log.event_at(state.last + 1).await?.is_none() {
            return Ok(Some("it is behind what the log can bridge"));
        }
        if !self.is_true_copy(state).await? {
            return Ok(Some("it holds another event"));
        }
        Ok(None)
    }

    /// Are the stream's last events those of the log? As many are compared as may have been in flight: when a message
    /// is refused because somebody else was first, those behind it are stored.
    async fn is_true_copy(&self, state: &StreamState) -> Result<bool, StreamError> {
        let window = i64::try_from(self.config.in_flight).unwrap_or(i64::MAX);
        let first = state.first.max(state.last - window + 1);
        let copied = self.stream.event_ids(first..=state.last).await?;
        let recorded = self.log.read_after(first - 1, state.last - first + 1, i64::MAX).await?;
        let count = usize::try_from(state.last - first + 1).unwrap_or(0);
        let same = |event: &RecordedEvent| copied.get(&event.position).is_none_or(|id| *id == Some(event.id));
        Ok(recorded.len() == count && recorded.iter().all(same))
    }

    /// Creates the stream that is not there yet, or no more. One that a reseed creates meanwhile stays.
    async fn create_missing(&self, epoch: Uuid) -> Result<i64, StreamError> {
        let first = stream::default_start(&self.log, &self.config.stream).await?;
        self.stream.create(&self.config.stream, epoch, first).await?;
        Ok(self.created(first))
    }

    async fn replace(&self, epoch: Uuid, reason: &'static str) -> Result<i64, StreamError> {
        tracing::warn!(reason, "the stream is given up");
        let first = stream::default_start(&self.log, &self.config.stream).await?;
        self.create_from(epoch, first).await
    }

    /// Replaces the stream by one that begins with this position.
    pub(super) async fn create_from(&self, epoch: Uuid, first: i64) -> Result<i64, StreamError> {
        self.stream.recreate(&self.config.stream, epoch, first).await?;
        Ok(self.created(first))
    }

    fn created(&self, first: i64) -> i64 {
        tracing::info!(first, "the stream was created");
        self.status.created(first);
        first - 1
    }

    /// Keeps the lag true while nothing is published.
    async fn watch_head(&self) {
        if let Ok(head) = self.log.head().await {
            self.status.head(head);
        }
    }
}
