//! Carrying out what operators and auditors ask for with commands: rebuilds, what becomes of parked events and deliveries, exports.
//!
//! One process at a time does it, one operation after the other, and exports beside them; requests come from the log, their
//! state is in `read_model.operations`. An operation that its process did not survive is begun again by the next.

mod carry_out;
mod export;
mod news;
mod replays;
mod requests;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use event_store::LogError;
use sqlx::PgConnection;
use tokio::time;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use self::requests::Queue;
use crate::{
    delivery::Delivery,
    exports,
    projector::Projector,
    runner::{Leases, Pace, Sources},
};

/// The name under which the lease and the checkpoint are kept.
const NAME: &str = "operations";
/// There is one version of this table only.
const VERSION: i32 = 0;
/// How often the log is asked for requests.
const POLL: Duration = Duration::from_millis(250);

/// Why an operation could not be taken in or seen through; it is tried again.
#[derive(Debug, thiserror::Error)]
enum Setback {
    #[error(transparent)]
    ReadModel(#[from] sqlx::Error),
    #[error(transparent)]
    Log(#[from] LogError),
}

/// Works on operations until told to stop, whatever fails meanwhile.
pub async fn run(
    projectors: Vec<Arc<dyn Projector>>,
    sources: Sources,
    delivery: Delivery,
    pace: Pace,
    stop: CancellationToken,
) {
    let owner = Uuid::now_v7();
    while !stop.is_cancelled() {
        tokio::select! {
            () = stop.cancelled() => return,
            ended = lead(&projectors, &sources, &delivery, &pace, owner) => {
                if let Err(error) = ended {
                    tracing::warn!(%error, "operations are held up, trying again");
                }
            }
        }
        // Told to stop is as good as waited long enough.
        let _ = time::timeout(pace.longest_backoff, stop.cancelled()).await;
    }
}

/// Waits for the lease, then works for as long as it is held.
async fn lead(
    projectors: &[Arc<dyn Projector>],
    sources: &Sources,
    delivery: &Delivery,
    pace: &Pace,
    owner: Uuid,
) -> Result<(), Setback> {
    let mut registry = sources.read_model.registry().await?;
    let mut leases = Leases::none(NAME, VERSION, owner, pace.lease);
    requests::prepare(&mut registry, &sources.log).await?;
    while leases.is_empty() {
        leases.tend(&mut registry).await?;
        if leases.is_empty() {
            time::sleep(pace.lease / 3).await;
        }
    }
    for changed in requests::begin_again(&mut registry).await? {
        news::tell(sources, &mut registry, changed).await;
    }
    let renewal = renew(registry, leases.clone(), pace.lease / 3);
    tokio::select! {
        lost = renewal => lost,
        failed = work(projectors, sources, delivery) => failed,
    }
}

/// Returns when the lease is lost.
async fn renew(mut registry: PgConnection, mut leases: Leases, every: Duration) -> Result<(), Setback> {
    loop {
        time::sleep(every).await;
        if leases.tend(&mut registry).await? {
            // Lost and taken again: whoever had it meanwhile may have begun something.
            return Ok(());
        }
        if leases.is_empty() {
            return Ok(());
        }
    }
}

/// The operations under way, and what stops them.
type UnderWay = Mutex<HashMap<Uuid, CancellationToken>>;

async fn work(
    projectors: &[Arc<dyn Projector>],
    sources: &Sources,
    delivery: &Delivery,
) -> Result<(), Setback> {
    let under_way = UnderWay::default();
    // Cancellations must be heard while something is being done.
    tokio::select! {
        failed = take_in(sources, &under_way) => failed,
        failed = carry_out(Queue::Others, projectors, sources, delivery, &under_way) => failed,
        // They may take long, and nobody else waits for them.
        failed = carry_out(Queue::Exports, projectors, sources, delivery, &under_way) => failed,
        failed = replays::follow(sources) => failed,
        never = exports::forget(delivery) => match never {},
    }
}

async fn take_in(sources: &Sources, under_way: &UnderWay) -> Result<(), Setback> {
    let mut registry = sources.read_model.registry().await?;
    loop {
        let taken = requests::take_in(&mut registry, &sources.log).await?;
        for unwanted in taken.unwanted {
            let under_way = under_way.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(cancel) = under_way.get(&unwanted) {
                cancel.cancel();
            }
        }
        for changed in taken.spoken_of {
            news::tell(sources, &mut registry, changed).await;
        }
        time::sleep(POLL).await;
    }
}

async fn carry_out(
    queue: Queue,
    projectors: &[Arc<dyn Projector>],
    sources: &Sources,
    delivery: &Delivery,
    under_way: &UnderWay,
) -> Result<(), Setback> {
    let mut registry = sources.read_model.registry().await?;
    let under_way = || under_way.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        while let Some(operation) = requests::next(&mut registry, queue).await? {
            let cancel = CancellationToken::new();
            under_way().insert(operation.id, cancel.clone());
            news::tell(sources, &mut registry, operation.id).await;
            if requests::is_unwanted(&mut registry, operation.id).await? {
                cancel.cancel();
            }
            carry_out::carry_out(&mut registry, projectors, sources, delivery, &operation, cancel).await?;
            news::tell(sources, &mut registry, operation.id).await;
            under_way().remove(&operation.id);
        }
        time::sleep(POLL).await;
    }
}
