//! How hard commands press: lets background work of the same process give way to them.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::{Instant, sleep};

/// So many units that waited for one batch mean that commands come as fast as they can be written.
#[cfg(feature = "append")]
const PRESSING: usize = 24;

/// How long after such a batch commands still press; also how often those who give way look.
const RELIEF: Duration = Duration::from_millis(20);

/// Shared by an appender and the work that gives way to it. Cheap to clone; the default never presses.
#[derive(Clone, Debug, Default)]
pub struct Pressure {
    last: Arc<Mutex<Option<Instant>>>,
    patience: Duration,
}

impl Pressure {
    /// Work gives way for so long at most while commands press without a break.
    pub fn new(patience: Duration) -> Self {
        Self { last: Arc::default(), patience }
    }

    /// Tells how many units one batch took.
    #[cfg(feature = "append")]
    pub(crate) fn batch(&self, units: usize) {
        if units >= PRESSING {
            *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        }
    }

    /// What one worker asks before it takes up more work.
    pub fn worker(&self) -> GivingWay {
        GivingWay { pressure: self.clone(), since: None }
    }

    fn is_on(&self) -> bool {
        let last = *self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.is_some_and(|last| last.elapsed() < RELIEF)
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

    #[tokio::test(start_paused = true)]
    async fn work_waits_while_commands_press_and_no_longer() {
        let pressure = Pressure::new(PATIENCE);
        let mut worker = pressure.worker();
        assert!(!worker.is_due(), "nothing was written yet");
        pressure.batch(PRESSING - 1);
        assert!(!worker.is_due(), "a small batch");
        pressure.batch(PRESSING);
        assert!(worker.is_due());
        let begun = Instant::now();
        worker.wait().await;
        assert_eq!(begun.elapsed(), RELIEF);
    }

    #[tokio::test(start_paused = true)]
    async fn patience_ends_and_comes_back_with_relief() {
        let pressure = Pressure::new(PATIENCE);
        let mut worker = pressure.worker();
        let begun = Instant::now();
        while {
            pressure.batch(PRESSING);
            worker.is_due()
        } {
            sleep(RELIEF / 2).await;
        }
        assert_eq!(begun.elapsed(), PATIENCE);
        sleep(RELIEF).await;
        assert!(!worker.is_due());
        pressure.batch(PRESSING);
        assert!(worker.is_due(), "a new stretch of pressure");
    }

    #[tokio::test(start_paused = true)]
    async fn by_default_nothing_gives_way() {
        let pressure = Pressure::default();
        pressure.batch(1_000);
        assert!(!pressure.worker().is_due());
    }
}
