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
    use super::*;

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
}
