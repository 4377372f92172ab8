//! How far a rebuild is.

use std::time::{Duration, Instant};

use tokio::sync::watch;

/// What a rebuild is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Phase {
    /// Folding the log into the new tables.
    #[default]
    Filling,
    /// Making indexes and statistics.
    Indexing,
    /// Folding what was appended meanwhile.
    CatchingUp,
    /// Comparing the new rows with the live ones.
    Comparing,
    /// Taking the place of the live version.
    Switching,
    /// Live.
    Done,
}

impl Phase {
    /// As operations and progress bars show it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Filling => "filling",
            Self::Indexing => "indexing",
            Self::CatchingUp => "catching up",
            Self::Comparing => "comparing",
            Self::Switching => "switching",
            Self::Done => "done",
        }
    }
}

/// The latest on a rebuild.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct RebuildProgress {
    /// What it is doing.
    pub phase: Phase,
    /// Events folded in this phase …
    pub done: i64,
    /// … of about so many; 0 = not known.
    pub total: i64,
    /// Events a second in this phase.
    pub rate: f64,
    /// Time until the phase ends at this rate.
    pub remaining: Option<Duration>,
}

/// Counts events and tells.
pub(super) struct Meter<'a> {
    told: &'a watch::Sender<RebuildProgress>,
    since: Instant,
    phase: Phase,
    done: i64,
    total: i64,
}

impl<'a> Meter<'a> {
    pub(super) fn new(told: &'a watch::Sender<RebuildProgress>) -> Self {
        Self { told, since: Instant::now(), phase: Phase::Filling, done: 0, total: 0 }
    }

    /// Begins a phase.
    pub(super) fn enter(&mut self, phase: Phase, total: i64) {
        (self.since, self.phase, self.done, self.total) = (Instant::now(), phase, 0, total);
        self.tell();
    }

    /// Counts events.
    pub(super) fn add(&mut self, events: usize) {
        self.done += i64::try_from(events).unwrap_or(0);
        self.tell();
    }

    /// Events counted in this phase.
    pub(super) fn done(&self) -> i64 {
        self.done
    }

    fn tell(&self) {
        let rate = self.done as f64 / self.since.elapsed().as_secs_f64().max(0.001);
        let left = (self.total - self.done).max(0) as f64;
        let remaining = (self.total > 0 && rate > 0.0).then(|| Duration::from_secs_f64(left / rate));
        let (phase, done, total) = (self.phase, self.done, self.total);
        self.told.send_replace(RebuildProgress { phase, done, total, rate, remaining });
    }
}
