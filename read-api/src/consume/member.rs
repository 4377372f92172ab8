//! One who consumes, as their group sees them. A group never waits for a connection.

use std::{collections::BTreeMap, sync::Arc};

use chrono::TimeDelta;
use event_store::envelope::Envelope;
use service::problem::{Code, Problem};
use tokio::{
    sync::mpsc::{self, error::TrySendError},
    time::{Duration, Instant},
};

use super::{
    consumer::{Down, Wishes},
    skips::Skips,
};
use crate::events::Place;

/// Room for what is no event; the last of it is for the end.
pub(super) const SPARE: usize = 8;
/// Bytes of events that somebody has and has not finished, at most, but for the last one.
const BYTES: usize = 16 << 20;
/// How often a position is told.
const CHECKPOINT: Duration = Duration::from_secs(1);

/// Somebody who consumes.
#[derive(Debug)]
pub(super) struct Member {
    outlet: mpsc::Sender<Down>,
    wishes: Wishes,
    skips: Skips,
    /// What they have, and how large it is.
    has: BTreeMap<i64, usize>,
    bytes: usize,
    told: (i64, Instant),
    knows_all: bool,
    /// Has been told why it is over.
    over: bool,
}

impl Member {
    pub(super) fn new(outlet: mpsc::Sender<Down>, wishes: Wishes, skips: Skips, position: i64) -> Self {
        let told = (position, Instant::now());
        Self { outlet, wishes, skips, has: BTreeMap::new(), bytes: 0, told, knows_all: false, over: false }
    }

    /// Whether they can take one more.
    pub(super) fn is_free(&self) -> bool {
        !self.over && self.has.len() < self.wishes.max_in_flight && self.bytes < BYTES
    }

    /// The positions of what they have.
    pub(super) fn has(&self) -> impl ExactSizeIterator<Item = i64> + use<'_> {
        self.has.keys().copied()
    }

    /// How long they may take for one.
    pub(super) fn patience(&self) -> TimeDelta {
        TimeDelta::from_std(self.wishes.ack_timeout).unwrap_or(TimeDelta::MAX)
    }

    pub(super) fn give(&mut self, event: Arc<Envelope>, attempt: i32) {
        let (position, size) = (event.position, event.bytes.len());
        self.bytes += size;
        self.has.insert(position, size);
        // Whoever is given more than they were willing to have at once was too slow with what came before.
        if self.outlet.capacity() <= SPARE / 2 {
            self.close(Code::FellBehind.into());
        }
        self.say(Down::Event(event, attempt));
    }

    pub(super) fn forget(&mut self, position: i64) {
        self.bytes -= self.has.remove(&position).unwrap_or_default();
    }

    pub(super) fn has_skipped(&mut self, position: i64) {
        self.skips.add(position);
    }

    /// What they have skipped is written down.
    pub(super) fn tell_of_skips(&mut self) {
        self.skips.tell();
    }

    pub(super) fn checkpoint(&mut self, place: Place) {
        let (told, at) = self.told;
        if place.after > told && at.elapsed() >= CHECKPOINT && self.outlet.capacity() > SPARE / 2 {
            self.told = (place.after, Instant::now());
            self.say(Down::Checkpoint(place));
        }
    }

    /// Whether they have been told so.
    pub(super) fn knows_all(&self) -> bool {
        self.knows_all
    }

    /// What there was when they came was handed out; said once.
    pub(super) fn caught_up(&mut self, place: Place) {
        if !self.knows_all {
            self.knows_all = true;
            self.say(Down::CaughtUp(place));
        }
    }

    pub(super) fn close(&mut self, problem: Problem) {
        self.say(Down::Closed(problem));
        self.over = true;
    }

    fn say(&self, down: Down) {
        if self.over {
            return;
        }
        // There is room; whoever is gone is heard of.
        if let Err(TrySendError::Full(_)) = self.outlet.try_send(down) {
            tracing::debug!("a consumer has no room");
        }
    }
}
