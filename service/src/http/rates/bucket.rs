//! One bucket: it fills by itself, evenly, and is full at first. Kept as the moment at which it will be full again.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use super::setting::Rate;

/// When it will be full, in nanoseconds since the process began to count.
#[derive(Debug, Default)]
pub(super) struct Bucket(AtomicU64);

/// What somebody who asked is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Level {
    /// Units that are left.
    pub(super) left: u32,
    /// Until there is one more.
    pub(super) more_in: Duration,
    /// Nothing was taken: until there is enough.
    pub(super) refused_for: Option<Duration>,
}

impl Bucket {
    /// Takes so many units more than those that the same request has taken, or none. More than ever fit into it are as many
    /// as fit, or nobody could take them. Who is refused has to wait for all, since all are taken anew.
    pub(super) fn take(&self, rate: Rate, units: u32, taken: u32, now: Duration) -> Level {
        let now = nanos(now);
        let (unit, size) = (rate.unit(), rate.unit() * u64::from(rate.quota));
        let wanted = unit * u64::from(units.min(rate.quota.saturating_sub(taken)));
        let mut full_at = self.0.load(Ordering::Relaxed);
        loop {
            let missing = full_at.saturating_sub(now);
            if missing + wanted > size {
                let wait = missing + wanted + unit * u64::from(taken) - size;
                return level(size - missing.min(size), unit, Some(wait));
            }
            let next = now + missing + wanted;
            match self.0.compare_exchange_weak(full_at, next, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return level(size - missing - wanted, unit, None),
                Err(moved) => full_at = moved,
            }
        }
    }
}

fn level(held: u64, unit: u64, refused_for: Option<u64>) -> Level {
    let left = u32::try_from(held / unit).unwrap_or(u32::MAX);
    let more_in = Duration::from_nanos(unit - held % unit);
    Level { left, more_in, refused_for: refused_for.map(Duration::from_nanos) }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn ten_a_minute() -> Rate {
        Rate { quota: 10, window: Duration::from_secs(60) }
    }

    #[test]
    fn it_empties_and_fills_evenly() {
        let (bucket, rate) = (Bucket::default(), ten_a_minute());
        for left in (0..10).rev() {
            assert_eq!(bucket.take(rate, 1, 0, SECOND).left, left);
        }
        let refused = bucket.take(rate, 1, 0, SECOND);
        assert_eq!((refused.left, refused.more_in, refused.refused_for), (0, SECOND * 6, Some(SECOND * 6)));
        assert_eq!(bucket.take(rate, 3, 0, SECOND).refused_for, Some(SECOND * 18));
        assert_eq!(bucket.take(rate, 1, 0, SECOND * 7).refused_for, None);
        assert_eq!(bucket.take(rate, 1, 0, SECOND * 8).refused_for, Some(SECOND * 5));
        assert_eq!(bucket.take(rate, 1, 0, SECOND * 3600).left, 9);
    }

    #[test]
    fn more_than_it_holds_takes_all() {
        let (bucket, rate) = (Bucket::default(), ten_a_minute());
        assert_eq!(
            bucket.take(rate, 100, 0, SECOND),
            Level { left: 0, more_in: SECOND * 6, refused_for: None }
        );
        assert_eq!(bucket.take(rate, 100, 0, SECOND * 7).refused_for, Some(SECOND * 54));
    }

    #[test]
    fn who_waits_as_long_as_told_gets_all() {
        let (bucket, rate) = (Bucket::default(), ten_a_minute());
        let in_two_steps = |now| [bucket.take(rate, 1, 0, now), bucket.take(rate, 99, 1, now)];
        assert_eq!(in_two_steps(SECOND).map(|level| level.left), [9, 0]);
        assert_eq!(in_two_steps(SECOND * 8).map(|level| level.refused_for), [None, Some(SECOND * 59)]);
        assert_eq!(in_two_steps(SECOND * 67).map(|level| level.refused_for), [None, None]);
    }

    #[test]
    fn of_many_at_once_no_unit_is_taken_twice() {
        let (bucket, rate) = (Bucket::default(), Rate { quota: 1_000, ..ten_a_minute() });
        let taken = || (0..500).filter(|_| bucket.take(rate, 1, 0, SECOND).refused_for.is_none()).count();
        let all: usize = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(taken)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(all, 1_000);
    }
}
