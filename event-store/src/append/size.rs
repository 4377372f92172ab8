//! How large units are and how much of them may wait.

use std::{collections::HashSet, sync::Arc};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::AppendError;
use crate::{Receipt, Unit};

/// The semaphore counts in these, because its permits are few.
const KIB: usize = 1024;

/// Bytes that may be waiting or in flight.
#[derive(Clone, Debug)]
pub(super) struct Budget(Arc<Semaphore>);

/// A share of the budget, given back when dropped.
#[derive(Debug)]
pub(super) struct Reservation(#[expect(dead_code, reason = "held for its Drop")] OwnedSemaphorePermit);

impl Budget {
    pub(super) fn new(bytes: usize) -> Self {
        Self(Arc::new(Semaphore::new(permits(bytes) as usize)))
    }

    /// Room, if there is some now and nobody waits for it.
    pub(super) fn try_reserve(&self, bytes: usize) -> Option<Reservation> {
        self.0.clone().try_acquire_many_owned(permits(bytes)).ok().map(Reservation)
    }

    /// Waits until there is room, in order of arrival.
    pub(super) async fn reserve(&self, bytes: usize) -> Option<Reservation> {
        self.0.clone().acquire_many_owned(permits(bytes)).await.ok().map(Reservation)
    }
}

fn permits(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(KIB)).unwrap_or(u32::MAX).max(1)
}

/// The unit's size in bytes, if it may be appended at all.
pub(super) fn check(unit: &Unit, event_limit: usize, unit_limit: usize) -> Result<usize, AppendError> {
    let mut bytes = KIB;
    for stream in &unit.streams {
        for event in &stream.events {
            let size = event.payload.len() + event.metadata.len();
            if size > event_limit {
                return Err(AppendError::TooLarge);
            }
            bytes += size + 128;
        }
        bytes += stream.snapshot.as_ref().map_or(0, |snapshot| snapshot.state.len());
    }
    bytes += unit.receipt.as_ref().map_or(0, receipt_size);
    bytes += unit.claims.iter().map(|claim| claim.value.len() + 64).sum::<usize>() + unit.guards.len() * 64;
    if bytes > unit_limit {
        return Err(AppendError::TooLarge);
    }
    consistent(unit)?;
    Ok(bytes)
}

fn receipt_size(receipt: &Receipt) -> usize {
    receipt.principal.len() + receipt.key.len() + receipt.body.len() + 128
}

fn consistent(unit: &Unit) -> Result<(), AppendError> {
    let mut streams = HashSet::with_capacity(unit.streams.len());
    for stream in &unit.streams {
        if !streams.insert(stream.aggregate) {
            return Err(AppendError::Malformed(format!("{} is written twice", stream.aggregate)));
        }
        if stream.snapshot.is_some() && stream.events.is_empty() {
            return Err(AppendError::Malformed(format!("{}: a snapshot without events", stream.aggregate)));
        }
    }
    let mut claims = HashSet::with_capacity(unit.claims.len());
    match unit.claims.iter().find(|claim| !claims.insert((&claim.scope, &claim.value))) {
        Some(claim) => Err(AppendError::Malformed(format!("two actions on one claim of {}", claim.scope))),
        None => Ok(()),
    }
}
