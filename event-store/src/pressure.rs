//! How hard commands press: lets background work of the same process give way to them.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::{Instant, sleep};

/// Batches of so many units on average mean that commands come as fast as they can be written.
const PRESSING: f64 = 24.0;

/// The share of the newest batch in that average: one batch that a pause has swollen is not enough.
#[cfg(feature = "append")]
const NEWEST: f64 = 1.0 / 16.0;

/// How long after the last batch commands still press; also how often those who give way look.
const RELIEF: Duration = Duration::from_millis(20);

/// Shared by an appender and the work that gives way to it. Cheap to clone; the default never presses.
#[derive(Clone, Debug, Default)]
pub struct Pressure {
    batches: Arc<Mutex<Batches>>,
    patience: Duration,
}

#[derive(Debug, Default)]
struct Batches {
    /// Units a batch.
    average: f64,
    last: Option<Instant>,
}

impl Pressure {
    /// Work gives way for so long at most while commands press without a break.
    pub fn new(patience: Duration) -> Self {
        Self { batches: Arc::default(), patience }
    }

    /// Tells how many units one batch took.
    #[cfg(feature = "append")]
    pub(crate) fn batch(&self, units: usize) {
        let mut batches = self.batches.lock().unwrap_or_else(PoisonError::into_inner);
        batches.average += (units as f64 - batches.average) * NEWEST;
        batches.last = Some(Instant::now());
    }

    /// What one worker asks before it takes up more work.
    pub fn worker(&self) -> GivingWay {
        GivingWay { pressure: self.clone(), since: None }
    }

    fn is_on(&self) -> bool {
        let batches = self.batches.lock().unwrap_or_else(PoisonError::into_inner);
        batches.average >= PRESSING && batches.last.is_some_and(|last| last.elapsed() < RELIEF)
    }
}

/// One worker that lets commands go first, but not for ever.
#[derive(Debug)]
pub struct GivingWay {
    pressure: Pressure,
    /// Since when commands have pressed without a break.
    since: Option<Instant>,
}

impl GivingWay {
    /// Should the worker leave the machine to commands now?
    pub fn is_due(&mut self) -> bool {
        if self.pressure.patience.is_zero() || !self.pressure.is_on() {
            self.since = None;
            return false;
        }
        self.since.get_or_insert_with(Instant::now).elapsed() < self.pressure.patience
    }

    /// Waits as long as it should.
    pub async fn wait(&mut self) {
        while self.is_due() {
            sleep(RELIEF).await;
        }
    }
}

#[cfg(all(test, feature = "append"))]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(30);

    /// Enough large batches.
    fn press(pressure: &Pressure) {
        (0..64).for_each(|_| pressure.batch(32));
    }

    #[tokio::test(start_paused = true)]
    async fn work_waits_while_commands_press_and_no_longer() {
        let pressure = Pressure::new(PATIENCE);
        let mut worker = pressure.worker();
        assert!(!worker.is_due(), "nothing was written yet");
        pressure.batch(256);
        assert!(!worker.is_due(), "one batch may be swollen");
        press(&pressure);
        assert!(worker.is_due());
        let begun = Instant::now();
        worker.wait().await;
        assert_eq!(begun.elapsed(), RELIEF);
        press(&pressure);
        (0..32).for_each(|_| pressure.batch(4));
        assert!(!worker.is_due(), "batches are small again");
    }

    #[tokio::test(start_paused = true)]
    async fn patience_ends_and_comes_back_with_relief() {
        let pressure = Pressure::new(PATIENCE);
        let mut worker = pressure.worker();
        let begun = Instant::now();
        while {
            press(&pressure);
            worker.is_due()
        } {
            sleep(RELIEF / 2).await;
        }
        assert_eq!(begun.elapsed(), PATIENCE);
        sleep(RELIEF).await;
        assert!(!worker.is_due());
        press(&pressure);
        assert!(worker.is_due(), "a new stretch of pressure");
    }

    #[tokio::test(start_paused = true)]
    async fn by_default_nothing_gives_way() {
        let pressure = Pressure::default();
        press(&pressure);
        assert!(!pressure.worker().is_due());
    }
}
