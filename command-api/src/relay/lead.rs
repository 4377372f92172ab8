use std::{convert::Infallible, time::Duration};

use event_store::{LogError, stream::StreamError};
use tokio::time::{self, Instant, MissedTickBehavior};

use super::{
    Relay,
    publisher::{Publisher, Refusal},
};

/// How often an idle relay looks whether the stream is still where it left it.
const VERIFY: Duration = Duration::from_secs(1);

/// The log is read again so long after it was read to its end, at the earliest: a few larger batches cost less than many
/// small ones.
const PACE: Duration = Duration::from_millis(1);

/// At most so many bytes of payload are read at once.
const READ_BYTES: i64 = 4 << 20;

/// Why publishing stopped.
#[derive(Debug, thiserror::Error)]
enum Setback {
    #[error(transparent)]
    Refusal(#[from] Refusal),
    #[error(transparent)]
    Log(#[from] LogError),
    #[error(transparent)]
    Stream(#[from] StreamError),
    #[error("the stream ends at {found}, not at {expected}")]
    Moved { expected: i64, found: i64 },
    #[error("the log has no position {missing}, but later ones")]
    Hole { missing: i64 },
}

impl Relay {
    /// Publishes for ever: from where the stream ends, until something is in the way, and again.
    pub(super) async fn lead(&self) -> Infallible {
        loop {
            let position = self.resume().await;
            self.status.published(position);
            let setback = match Publisher::after(position, self.stream.context().client()).await {
                Ok(publisher) => self.publish(publisher).await,
                Err(refusal) => refusal.into(),
            };
            self.recover(&setback).await;
        }
    }

    /// Publishes until something is in the way and all that was in flight is answered.
    async fn publish(&self, mut publisher: Publisher) -> Setback {
        let Err(setback) = self.pump(&mut publisher).await;
        publisher.settle().await;
        setback
    }

    async fn pump(&self, publisher: &mut Publisher) -> Result<Infallible, Setback> {
        let mut poll = time::interval(self.config.poll);
        let mut verify = time::interval(VERIFY);
        poll.set_missed_tick_behavior(MissedTickBehavior::Delay);
        verify.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut commands_first = self.pressure.worker();
        let (mut more, mut due) = (true, Instant::now());
        loop {
            let room = |publisher: &Publisher| publisher.in_flight() <= self.config.in_flight / 2;
            while more && Instant::now() >= due && !commands_first.is_due() && room(publisher) {
                more = self.send(publisher).await?;
                due = Instant::now() + if more { Duration::ZERO } else { PACE };
            }
            tokio::select! {
                stored = publisher.acknowledged(), if publisher.in_flight() > 0 => {
                    stored?;
                    self.status.published(publisher.stored());
                }
                () = self.wake.notified() => more = true,
                () = time::sleep_until(due), if more && Instant::now() < due => {}
                _ = poll.tick() => more = true,
                _ = verify.tick(), if publisher.in_flight() == 0 => self.verify(publisher.stored()).await?,
            }
        }
    }

    /// Sends what the log holds after the last event sent, as far as the window allows. Is there more?
    async fn send(&self, publisher: &mut Publisher) -> Result<bool, Setback> {
        let room = self.config.in_flight.saturating_sub(publisher.in_flight());
        let limit = i64::try_from(room).unwrap_or(i64::MAX);
        let after = publisher.sent();
        let events = self.log.read_after(after, limit, READ_BYTES).await?;
        if let Some((missing, _)) = (after + 1..).zip(&events).find(|(next, event)| event.position != *next) {
            return Err(Setback::Hole { missing });
        }
        publisher.send(&events).await?;
        if let Some(last) = events.last() {
            self.status.head(last.position);
        }
        Ok(!events.is_empty() && publisher.in_flight() > 0 && events.len() >= room)
    }

    /// Was the stream replaced, wiped or written by somebody else while nothing was published?
    async fn verify(&self, expected: i64) -> Result<(), Setback> {
        let state = self.stream.state().await?;
        let epoch = self.log.epoch().await?;
        match state {
            Some(state) if state.last == expected && state.epoch == Some(epoch) => Ok(()),
            Some(state) => Err(Setback::Moved { expected, found: state.last }),
            None => Err(Refusal::NoStream.into()),
        }
    }

    /// An event that NATS cannot carry must not hold up the others: the stream begins after it, followers find it in
    /// the log. All else is found out where the stream is looked at again.
    async fn recover(&self, setback: &Setback) {
        match setback {
            Setback::Refusal(Refusal::TooLarge { position }) => {
                tracing::error!(position, "NATS cannot carry this event, the stream begins after it");
                let created = match self.log.epoch().await {
                    Ok(epoch) => self.create_from(epoch, position + 1).await,
                    Err(error) => Err(error.into()),
                };
                if let Err(error) = created {
                    tracing::warn!(%error, "the stream could not be created");
                }
            }
            Setback::Hole { .. } => tracing::error!(%setback, "the log is damaged"),
            _ => tracing::info!(%setback, "the relay looks where to go on"),
        }
    }
}
