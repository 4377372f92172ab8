//! One channel at work in one process.

use std::{convert::identity, sync::Arc, time::Duration};

use tokio::{
    task::{Id, JoinError, JoinSet},
    time::{self, Instant},
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    Attempted, Channel, Job, Meters, Outcome, Wake, claim,
    pace::{Pace, Room},
    rate::Rate,
    record::{Verdict, put_back, record},
};
use crate::delivery::Delivery;

/// How often a worker looks whether something is due that nobody told it of: retries, and what a dead process left.
const POLL: Duration = Duration::from_secs(1);
/// Pause before writing down is tried again.
const PAUSE: Duration = Duration::from_millis(500);

/// What workers work with.
#[derive(Clone, Debug)]
pub struct Desk {
    /// Where the deliveries are.
    pub delivery: Delivery,
    /// Says when there is something new.
    pub wake: Wake,
    /// What is counted.
    pub meters: Meters,
}

/// Carries out what is due on a channel until told to stop; what is in flight then is seen through.
pub async fn run(channel: Arc<dyn Channel>, mut desk: Desk, stop: CancellationToken) {
    let owner = Uuid::now_v7();
    let settings = channel.settings();
    let mut rate = Rate::new(settings.per_second);
    let mut pace = Pace::new(settings.concurrency, channel.patience());
    let mut flights = JoinSet::new();
    while !stop.is_cancelled() {
        while let Some(ended) = flights.try_join_next_with_id() {
            land(&mut pace, ended);
        }
        let closed = channel.closed();
        let mut room = pace.room(Instant::now());
        let full = room.attempts == 0;
        room.attempts = if closed.is_some() { 0 } else { room.attempts.min(rate.allowance()) };
        let jobs = take(&*channel, &desk, owner, &room).await;
        if !jobs.is_empty() {
            rate.take(jobs.len());
            for job in jobs {
                let recipient = job.recipient.clone();
                let flight = flights.spawn(carry(channel.clone(), desk.clone(), owner, job));
                pace.begins(flight.id(), recipient, Instant::now());
            }
            continue;
        }
        let held = room.attempts == 0 && !full;
        let pause = if held { closed.unwrap_or_else(|| rate.wait()) } else { POLL };
        tokio::select! {
            () = stop.cancelled() => {}
            Some(ended) = flights.join_next_with_id() => land(&mut pace, ended),
            () = desk.wake.called() => {}
            () = time::sleep(pause.min(POLL)) => {}
        }
    }
    while flights.join_next().await.is_some() {}
}

fn land(pace: &mut Pace, ended: Result<(Id, bool), JoinError>) {
    let (flight, tried) = ended.unwrap_or_else(|error| (error.id(), false));
    pace.ends(flight, tried, Instant::now());
}

/// Nothing when the database does not answer: it is asked again soon.
async fn take(channel: &dyn Channel, desk: &Desk, owner: Uuid, room: &Room) -> Vec<Job> {
    if room.attempts == 0 {
        return Vec::new();
    }
    let taken = async {
        claim::give_up(desk.delivery.pool(), channel).await?;
        if channel.coalesces() {
            claim::supersede(desk.delivery.pool(), channel).await?;
        }
        claim::claim(desk.delivery.pool(), channel, owner, room).await
    };
    taken.await.unwrap_or_else(|error: sqlx::Error| {
        tracing::warn!(channel = channel.name(), %error, "deliveries are held up, trying again");
        Vec::new()
    })
}

/// One attempt, from the call to what is written down of it; false if it was put back untried.
async fn carry(channel: Arc<dyn Channel>, desk: Desk, owner: Uuid, job: Job) -> bool {
    let settings = channel.settings();
    let began = Instant::now();
    let attempted = time::timeout(settings.deadline, channel.send(&job)).await;
    let attempted = attempted.map_or_else(|_| Attempted::failed("no answer in time"), identity);
    let took = began.elapsed();
    desk.meters.attempted(channel.name(), &attempted.outcome, took);
    let verdict = judge(&*channel, &job, &attempted);
    let write = async || match (&verdict, &attempted.outcome) {
        (None, Outcome::Held { pause }) => put_back(desk.delivery.pool(), owner, &job, *pause).await,
        (None, _) => Ok(()),
        (Some(verdict), _) => record(desk.delivery.pool(), owner, &job, &attempted, took, verdict).await,
    };
    let written = async {
        while let Err(error) = write().await {
            tracing::warn!(channel = channel.name(), id = %job.id, %error, "an attempt is not written down yet");
            time::sleep(PAUSE).await;
        }
    };
    // Past its lease another one tries it again, and what came of this attempt stays unknown.
    if time::timeout_at(began + settings.lease, written).await.is_err() {
        tracing::error!(channel = channel.name(), id = %job.id, "what came of an attempt could not be written down");
    }
    verdict.is_some()
}

/// What becomes of the delivery; none if it was not tried.
fn judge(channel: &dyn Channel, job: &Job, attempted: &Attempted) -> Option<Verdict> {
    let pause = match attempted.outcome {
        Outcome::Failed { retry_after } => {
            let luck = rand::random_range(0.0..=1.0);
            channel.settings().schedule.after(job.step, retry_after, luck)
        }
        Outcome::Delivered | Outcome::Rejected { .. } | Outcome::Skipped { .. } | Outcome::Held { .. } => {
            None
        }
    };
    let verdict = Verdict::of(attempted, pause, channel.after_last())?;
    if verdict.state != "delivered" {
        let (channel, id, state) = (channel.name(), job.id, verdict.state);
        tracing::info!(channel, %id, state, attempt = job.attempt, "not delivered");
    }
    Some(verdict)
}
