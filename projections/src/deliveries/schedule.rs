//! When to try again.

use std::time::Duration;

/// Whatever the other side asks for, it is not left alone for longer.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);
/// Retries stray from the schedule by so much of the pause, so that what failed together does not come again together.
const JITTER: f64 = 0.1;

/// The pauses before the second attempt and all later ones; after the last one the delivery is exhausted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule(pub &'static [Duration]);

impl Schedule {
    /// Attempts in all.
    pub fn attempts(self) -> i32 {
        i32::try_from(self.0.len() + 1).unwrap_or(i32::MAX)
    }

    /// The pause after a failed attempt, the `step`th, or none if it was the last one. `luck` is from 0 to 1.
    pub fn after(self, step: i32, retry_after: Option<Duration>, luck: f64) -> Option<Duration> {
        let index = usize::try_from(step).unwrap_or(0).saturating_sub(1);
        let pause = self.0.get(index)?.mul_f64(1.0 - JITTER + 2.0 * JITTER * luck.clamp(0.0, 1.0));
        Some(pause.max(retry_after.unwrap_or_default().min(LONGEST)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::channels::webhook;

    const SCHEDULE: Schedule = Schedule(&[Duration::from_secs(10), Duration::from_secs(100)]);

    #[test]
    fn pauses_grow_stray_a_little_and_end() {
        assert_eq!(SCHEDULE.attempts(), 3);
        assert_eq!(SCHEDULE.after(1, None, 0.5), Some(Duration::from_secs(10)));
        assert_eq!(SCHEDULE.after(1, None, 0.0), Some(Duration::from_secs(9)));
        assert_eq!(SCHEDULE.after(2, None, 1.0), Some(Duration::from_secs(110)));
        assert_eq!(SCHEDULE.after(3, None, 0.5), None);
    }

    #[test]
    fn nobody_is_asked_earlier_than_wished_nor_left_alone_for_days() {
        let wished = |seconds| SCHEDULE.after(1, Some(Duration::from_secs(seconds)), 0.5);
        assert_eq!(wished(5), Some(Duration::from_secs(10)));
        assert_eq!(wished(60), Some(Duration::from_secs(60)));
        assert_eq!(wished(1_000_000), Some(LONGEST));
    }

    #[test]
    fn webhooks_are_tried_ten_times_in_about_three_days() {
        let schedule = webhook::SCHEDULE;
        let pauses: Vec<_> = (1..).map_while(|step| schedule.after(step, None, 0.5)).collect();
        assert_eq!((schedule.attempts(), pauses[0]), (10, Duration::from_secs(5)));
        assert_eq!(pauses.iter().sum::<Duration>(), Duration::from_secs(5 + 35 * 60 + 75 * 60 * 60));
    }

    proptest! {
        #[test]
        fn a_pause_stays_near_the_schedule(step in 1_i32..12, luck in -1.0_f64..2.0) {
            let schedule = webhook::SCHEDULE;
            let Some(pause) = schedule.after(step, None, luck) else {
                prop_assert!(step >= 10);
                return Ok(());
            };
            let planned = schedule.0[usize::try_from(step).unwrap() - 1].as_secs_f64();
            prop_assert!((pause.as_secs_f64() - planned).abs() <= planned * JITTER + 1e-6);
        }

        #[test]
        fn the_receiver_can_only_ask_for_more_and_not_for_ever(step in 1_i32..12, luck in 0.0_f64..=1.0, secs: u64) {
            let asked = Duration::from_secs(secs);
            let pause = |asked| webhook::SCHEDULE.after(step, asked, luck);
            prop_assert_eq!(pause(Some(asked)), pause(None).map(|own| own.max(asked.min(LONGEST))));
        }
    }
}
