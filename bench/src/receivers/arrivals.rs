//! What has arrived, and when.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;

use crate::{Failure, load};

/// So long nothing more arrives, and it never will.
const SILENCE: Duration = Duration::from_secs(60);

/// Keeps count; cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Arrivals(Arc<Mutex<Vec<Arrival>>>);

#[derive(Clone, Copy)]
struct Arrival {
    at: Instant,
    /// Which endpoint got it.
    endpoint: u64,
    /// After the event was recorded.
    age: Duration,
}

impl Arrivals {
    /// One more.
    pub(super) fn note(&self, endpoint: u64, age: Duration) {
        self.kept().push(Arrival { at: Instant::now(), endpoint, age });
    }

    /// Begins anew.
    pub(crate) fn forget(&self) {
        self.kept().clear();
    }

    /// Waits until so many have arrived at the endpoints from `first` on.
    pub(crate) async fn reach(&self, count: u64, first: u64) -> Result<(), Failure> {
        let (mut there, mut since) = (0, Instant::now());
        while there < count {
            let now = self.kept().iter().filter(|arrival| arrival.endpoint >= first).count() as u64;
            if now > there {
                (there, since) = (now, Instant::now());
            } else if since.elapsed() > SILENCE {
                return Err(Failure::Answer(format!("{there} of {count} deliveries have arrived")));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    /// Arrivals per second, from the first to the last.
    pub(crate) fn rate(&self) -> f64 {
        let kept = self.kept();
        match (kept.first(), kept.last()) {
            (Some(first), Some(last)) if first.at < last.at => {
                kept.len() as f64 / last.at.duration_since(first.at).as_secs_f64()
            }
            _ => 0.0,
        }
    }

    /// Event → received at the endpoints from `first` on, in microseconds.
    pub(crate) fn ages(&self, first: u64) -> Histogram<u64> {
        let mut ages = load::histogram();
        for arrival in self.kept().iter().filter(|arrival| arrival.endpoint >= first) {
            ages.saturating_record(arrival.age.as_micros() as u64);
        }
        ages
    }

    fn kept(&self) -> MutexGuard<'_, Vec<Arrival>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
