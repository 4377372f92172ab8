//! One stretch of work: the lease held, the log followed, each batch in one transaction.

use std::{convert::Infallible, sync::Arc, time::Duration};

use chrono::Utc;
use domain::{
    event::{DecodeError, from_stored},
    user::UserEvent,
};
use event_store::{
    SealError,
    envelope::Envelope,
    follow::{Checkpoint, Follower},
};
use sqlx::PgConnection;
use tokio::time::{self, Instant, MissedTickBehavior};
use uuid::Uuid;

use super::{
    Sender, Setback,
    compose::compose,
    occasion::{Occasion, occasion},
    people, store,
};

/// Events in one transaction at most.
const BATCH: usize = 1_000;
/// Longest time for one of them, and for renewing the lease.
const DEADLINE: Duration = Duration::from_secs(60);
/// A log that holds nothing for us moves the checkpoint no more often than this.
const IDLE: Duration = Duration::from_secs(5);

/// Works for as long as the lease is held.
pub(super) async fn work(sender: &Sender, owner: Uuid) -> Result<Infallible, Setback> {
    let epoch = sender.log.epoch().await?;
    let start = store::take(sender.delivery.pool(), owner, sender.lease, epoch).await?;
    let start = start.ok_or(Setback::LeaseLost)?;
    let follower = Follower::new(sender.log.clone(), sender.jetstream.clone(), start.checkpoint)
        .expecting_epoch(start.log_epoch);
    let mut follower = match sender.tail.clone() {
        Some(tail) => follower.sharing(tail),
        None => follower,
    };
    let mut renewal = time::interval(sender.lease / 3);
    renewal.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut commands_first = sender.pressure.worker();
    let mut shift = Shift { sender, owner, written: start.checkpoint, at: Instant::now() };
    loop {
        tokio::select! {
            biased;
            _ = renewal.tick() => {
                let renewed = store::take(sender.delivery.pool(), owner, sender.lease, epoch);
                let held = time::timeout(DEADLINE, renewed).await.map_err(|_| Setback::TooSlow)?;
                held?.ok_or(Setback::LeaseLost)?;
            }
            batch = follower.next_batch(BATCH) => {
                let batch = batch?;
                time::timeout(DEADLINE, shift.handle(&batch)).await.map_err(|_| Setback::TooSlow)??;
                commands_first.wait().await;
            }
        }
    }
}

/// The work since the lease was taken.
struct Shift<'a> {
    sender: &'a Sender,
    owner: Uuid,
    /// The checkpoint as it stands in the table …
    written: Checkpoint,
    /// … since when.
    at: Instant,
}

impl Shift<'_> {
    async fn handle(&mut self, batch: &[Arc<Envelope>]) -> Result<(), Setback> {
        let ours: Vec<_> = batch.iter().filter_map(|at| Some((at.as_ref(), read(at)?))).collect();
        let Some(last) = batch.last() else { return Ok(()) };
        if ours.is_empty() && self.at.elapsed() < IDLE {
            return Ok(());
        }
        let checkpoint = Checkpoint::at(last.position, last.id);
        let mut transaction = self.sender.delivery.pool().begin().await?;
        if !store::lock(&mut transaction, self.owner, self.written).await? {
            return Err(Setback::LeaseLost);
        }
        let mut sent = false;
        for (at, event) in &ours {
            people::fold(&mut transaction, at.aggregate_id, event).await?;
            sent |= self.mail(&mut transaction, at, event).await?;
        }
        if sent {
            store::trim(&mut transaction).await?;
        }
        store::advance(&mut transaction, checkpoint).await?;
        transaction.commit().await?;
        (self.written, self.at) = (checkpoint, Instant::now());
        Ok(())
    }

    async fn mail(
        &self,
        delivery: &mut PgConnection,
        at: &Envelope,
        event: &UserEvent,
    ) -> Result<bool, Setback> {
        let Some(occasion) = occasion(at, event, Utc::now().into()) else { return Ok(false) };
        match self.write(delivery, at, &occasion).await {
            Err(Setback::Seal(SealError::Damaged)) => {
                // It will not be mended by waiting, and others wait for their mails.
                tracing::error!(
                    position = at.position,
                    "no mail: what is sealed in the event cannot be opened"
                );
                Ok(false)
            }
            written => written,
        }
    }

    /// Nothing for those who have no address, or are erased.
    async fn write(
        &self,
        delivery: &mut PgConnection,
        at: &Envelope,
        occasion: &Occasion,
    ) -> Result<bool, Setback> {
        let Some(person) = people::find(delivery, at.aggregate_id).await? else { return Ok(false) };
        let Some(mail) = compose(self.sender, at, occasion, &person).await? else { return Ok(false) };
        store::insert(delivery, at, &mail).await?;
        Ok(true)
    }
}

/// The event, if it is one about users that this program knows. Newer programs write others: they are not our business.
fn read(at: &Envelope) -> Option<UserEvent> {
    if at.aggregate_type != "user" || !UserEvent::TYPES.iter().any(|(name, _)| *name == at.event_type) {
        return None;
    }
    let read = from_stored(&at.event_type, &at.event_version, at.data.get());
    if let Err(error @ (DecodeError::Unknown { .. } | DecodeError::Malformed { .. })) = &read {
        tracing::error!(position = at.position, %error, "no mail: the event cannot be read");
    }
    read.ok()
}
