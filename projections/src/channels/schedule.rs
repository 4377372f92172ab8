//! When a delivery that has failed is tried again.

use std::time::Duration;

/// Longer pauses that a receiver asks for are cut to this.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// The pauses before each attempt; the first is usually none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule(pub &'static [Duration]);

/// Where in the spread of ± 10 % a pause lies, so that what failed together does not come back together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread(f64);

impl Spread {
    /// Anything from 0 to 1; the middle is the schedule's own pause.
    pub fn new(part: f64) -> Self {
        Self(part.clamp(0.0, 1.0))
    }

    /// By chance.
    pub fn random() -> Self {
        Self::new(rand::random())
    }

    fn of(self, pause: Duration) -> Duration {
        pause.mul_f64(0.9 + 0.2 * self.0)
    }
}

impl Schedule {
    /// How long to wait after so many attempts, at least as long as the receiver asks for; None when there are no more.
    pub fn pause(&self, attempts: u32, spread: Spread, retry_after: Option<Duration>) -> Option<Duration> {
        let own = spread.of(*self.0.get(usize::try_from(attempts).ok()?)?);
        Some(own.max(retry_after.unwrap_or_default().min(LONGEST)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::channels::webhook::SCHEDULE;

    #[test]
    fn webhooks_are_tried_ten_times_in_about_three_days() {
        let middle = Spread::new(0.5);
        let pauses: Vec<_> = (0..).map_while(|attempts| SCHEDULE.pause(attempts, middle, None)).collect();
        assert_eq!(pauses.len(), 10);
        assert_eq!((pauses[0], pauses[1]), (Duration::ZERO, Duration::from_secs(5)));
        assert_eq!(pauses.iter().sum::<Duration>(), Duration::from_secs(5 + 35 * 60 + 75 * 60 * 60));
    }

    proptest! {
        #[test]
        fn a_pause_stays_near_the_schedule(attempts in 0_u32..12, part in -1.0_f64..2.0) {
            let Some(pause) = SCHEDULE.pause(attempts, Spread::new(part), None) else {
                prop_assert!(attempts >= 10);
                return Ok(());
            };
            let planned = SCHEDULE.0[attempts as usize].as_secs_f64();
            prop_assert!((pause.as_secs_f64() - planned).abs() <= planned * 0.1 + 1e-6);
        }

        #[test]
        fn the_receiver_can_only_ask_for_more_and_not_for_ever(attempts in 0_u32..12, part in 0.0_f64..=1.0, secs: u64) {
            let asked = Duration::from_secs(secs);
            let (with, without) = (
                SCHEDULE.pause(attempts, Spread::new(part), Some(asked)),
                SCHEDULE.pause(attempts, Spread::new(part), None),
            );
            prop_assert_eq!(with.is_some(), without.is_some());
            if let (Some(with), Some(without)) = (with, without) {
                prop_assert_eq!(with, without.max(asked.min(LONGEST)));
            }
        }
    }
}
