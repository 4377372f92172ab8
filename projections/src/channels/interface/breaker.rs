//! A receiver in trouble is left alone, then asked once.

use std::time::{Duration, Instant};

/// Decides whether a call is worth making. Pure: time comes in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breaker {
    /// So many failures in a row open it.
    threshold: u32,
    /// How long it stays open at first; twice as long after each probe that fails …
    pause: Duration,
    /// … up to this.
    longest: Duration,
    state: State,
}

/// Where a breaker stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Calls are made.
    Closed {
        /// In a row.
        failures: u32,
    },
    /// No call before `until`; the next one is a probe.
    Open {
        /// The end of the pause.
        until: Instant,
        /// Its length.
        pause: Duration,
    },
    /// One call is on its way to see; one that never ends is given up at `until`.
    Probing {
        /// When another may try.
        until: Instant,
        /// The pause before it.
        pause: Duration,
    },
}

impl Breaker {
    /// A closed one.
    pub fn new(threshold: u32, pause: Duration, longest: Duration) -> Self {
        Self { threshold, pause, longest, state: State::Closed { failures: 0 } }
    }

    /// Where it stands.
    pub fn state(&self) -> State {
        self.state
    }

    /// Whether a call may be made now; if not, how long to wait. A yes must be followed by its outcome.
    pub fn admit(&mut self, now: Instant) -> Result<(), Duration> {
        match self.state {
            State::Closed { .. } => Ok(()),
            State::Open { until, pause } | State::Probing { until, pause } if until <= now => {
                self.state = State::Probing { until: now + pause, pause };
                Ok(())
            }
            State::Open { until, .. } | State::Probing { until, .. } => Err(until - now),
        }
    }

    /// How long calls are of no use; to ask changes nothing.
    pub fn closed(&self, now: Instant) -> Option<Duration> {
        match self.state {
            State::Closed { .. } => None,
            State::Open { until, .. } | State::Probing { until, .. } => {
                until.checked_duration_since(now).filter(|wait| !wait.is_zero())
            }
        }
    }

    /// The receiver answered.
    pub fn succeeded(&mut self) {
        self.state = State::Closed { failures: 0 };
    }

    /// It did not. Calls that were on their way when the breaker opened do not lengthen the pause.
    pub fn failed(&mut self, now: Instant) {
        self.state = match self.state {
            State::Closed { failures } if failures + 1 < self.threshold => {
                State::Closed { failures: failures + 1 }
            }
            State::Closed { .. } => State::Open { until: now + self.pause, pause: self.pause },
            State::Probing { pause, .. } => {
                let pause = (pause * 2).min(self.longest);
                State::Open { until: now + pause, pause }
            }
            open @ State::Open { .. } => open,
        };
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn breaker() -> Breaker {
        Breaker::new(3, 10 * SECOND, 60 * SECOND)
    }

    #[test]
    fn failures_in_a_row_open_it() {
        let (mut breaker, now) = (breaker(), Instant::now());
        for _ in 0..2 {
            breaker.failed(now);
            breaker.failed(now);
            assert_eq!(breaker.admit(now), Ok(()));
            breaker.succeeded();
        }
        (0..3).for_each(|_| breaker.failed(now));
        assert_eq!(breaker.admit(now), Err(10 * SECOND));
        assert_eq!(breaker.admit(now + 9 * SECOND), Err(SECOND));
        assert_eq!(breaker.closed(now + 9 * SECOND), Some(SECOND));
        assert_eq!(breaker.closed(now + 10 * SECOND), None);
    }

    #[test]
    fn one_probe_at_a_time_decides() {
        let (mut breaker, now) = (breaker(), Instant::now());
        (0..5).for_each(|_| breaker.failed(now));
        let then = now + 10 * SECOND;
        assert_eq!((breaker.admit(then), breaker.admit(then)), (Ok(()), Err(10 * SECOND)));
        breaker.failed(then);
        assert_eq!(breaker.admit(then), Err(20 * SECOND), "twice as long");
        let then = then + 20 * SECOND;
        assert_eq!(breaker.admit(then), Ok(()));
        breaker.succeeded();
        assert_eq!((breaker.admit(then), breaker.admit(then)), (Ok(()), Ok(())));
    }

    #[test]
    fn a_probe_that_was_lost_does_not_hold_everything_up() {
        let (mut breaker, now) = (breaker(), Instant::now());
        (0..3).for_each(|_| breaker.failed(now));
        assert_eq!(breaker.admit(now + 10 * SECOND), Ok(()));
        assert_eq!(breaker.admit(now + 19 * SECOND), Err(SECOND));
        assert_eq!(breaker.admit(now + 20 * SECOND), Ok(()));
    }

    proptest! {
        /// Against a receiver that is down all the time calls become rare, and when it is back it is found soon.
        #[test]
        fn calls_become_rare_and_come_back(steps in proptest::collection::vec(0_u64..120, 1..200)) {
            let (mut breaker, mut now, mut waited, mut calls) = (breaker(), Instant::now(), 0, 0_u64);
            for step in steps {
                now += Duration::from_secs(step);
                waited += step;
                match breaker.admit(now) {
                    Ok(()) => { calls += 1; breaker.failed(now); }
                    Err(wait) => prop_assert!(wait > Duration::ZERO && wait <= 60 * SECOND),
                }
            }
            prop_assert!(calls <= 3 + 1 + waited / 10, "{calls} in {waited} s");
            now += 60 * SECOND;
            prop_assert_eq!(breaker.admit(now), Ok(()));
            breaker.succeeded();
            prop_assert_eq!(breaker.admit(now), Ok(()));
        }
    }
}
