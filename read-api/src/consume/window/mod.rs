//! What a group has not finished, and which of it may be handed out: pure, time and events come in with the calls.
//!
//! Of one aggregate only the first unfinished event is handed out. The group's position is the last one before the first
//! event that is unfinished and not *listed*: what is to be tried again or parked, and all of its aggregate behind it, is
//! listed one by one and holds nothing back but that aggregate.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use chrono::{DateTime, Utc};
use event_store::envelope::Envelope;
use uuid::Uuid;

use super::listed::{Changes, Listed};

/// Events that are unfinished or finished too early to move the position, at most.
const SPAN: usize = 2_000;
/// Events that wait to be handed out, at most …
const AHEAD: usize = 1_000;
/// … and their bytes.
const BYTES: usize = 16 << 20;
/// Listed events of a group at most.
pub(super) const MAX_LISTED: usize = 1_000;

/// Who an event was handed out to.
pub(super) type Holder = u64;

/// The unfinished events of a group.
#[derive(Debug, Default)]
pub(super) struct Window {
    /// Everything up to there was looked at.
    looked: i64,
    entries: BTreeMap<i64, Entry>,
    /// The unfinished of each aggregate, in their order.
    lanes: HashMap<Uuid, BTreeSet<i64>>,
    /// Of these the position waits for the first.
    open: BTreeSet<i64>,
    /// Finished beyond the position.
    finished: BTreeSet<i64>,
    /// First of their aggregate, and nothing else to wait for.
    ready: BTreeSet<i64>,
    /// First of their aggregate, and looked at again then: to be tried again, or handed out and not heard of.
    timers: BTreeSet<(DateTime<Utc>, i64)>,
    bytes: usize,
    changes: Changed,
}

#[derive(Debug, Default)]
struct Changed {
    listed: BTreeSet<i64>,
    moved: bool,
    skipped: i64,
}

#[derive(Debug)]
struct Entry {
    aggregate: Uuid,
    /// None of what can be had from the log when it is its turn.
    event: Option<Arc<Envelope>>,
    attempts: i32,
    state: State,
    listed: bool,
    reason: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Ready,
    Waiting(DateTime<Utc>),
    HandedOut(Holder, DateTime<Utc>),
    Parked(DateTime<Utc>),
}

impl Window {
    /// As it was written down.
    pub(super) fn new(position: i64, finished: Vec<i64>, listed: Vec<Listed>) -> Self {
        let finished = finished.into_iter().collect();
        let mut window = Self { looked: position, finished, ..Self::default() };
        for row in listed {
            let state = match (row.parked_at, row.due_at) {
                (Some(at), _) => State::Parked(at),
                (None, Some(at)) => State::Waiting(at),
                (None, None) => State::Ready,
            };
            let Listed { position, aggregate_id: aggregate, attempts, reason, .. } = row;
            window.lanes.entry(aggregate).or_default().insert(position);
            let entry = Entry { aggregate, event: None, attempts, state, listed: true, reason };
            window.entries.insert(position, entry);
        }
        let heads: Vec<_> = window.lanes.values().filter_map(|lane| lane.first().copied()).collect();
        heads.into_iter().for_each(|head| window.lead(head));
        window
    }

    /// Everything at or below is finished or listed.
    pub(super) fn position(&self) -> i64 {
        self.open.first().map_or(self.looked, |first| first - 1)
    }

    /// Whether more events may be taken in.
    pub(super) fn has_room(&self) -> bool {
        self.open.len() + self.finished.len() < SPAN
            && self.ready.len() < AHEAD
            && self.bytes < BYTES
            && self.listed() < MAX_LISTED
    }

    /// So many are listed that no more are taken in, and nothing will happen to them by itself.
    pub(super) fn is_stuck(&self) -> bool {
        self.listed() >= MAX_LISTED && self.ready.is_empty() && self.timers.is_empty()
    }

    /// An event that the group gets, in the order of the log.
    pub(super) fn take(&mut self, event: Arc<Envelope>) {
        let position = event.position;
        if self.finished.contains(&position) || self.entries.contains_key(&position) {
            return;
        }
        let aggregate = event.aggregate_id;
        let lane = self.lanes.entry(aggregate).or_default();
        let behind_listed = lane.last().is_some_and(|last| self.entries[last].listed);
        lane.insert(position);
        let first = lane.len() == 1;
        self.bytes += event.bytes.len();
        let state = State::Ready;
        let entry = Entry { aggregate, event: Some(event), attempts: 0, state, listed: false, reason: None };
        self.entries.insert(position, entry);
        self.open.insert(position);
        if first {
            self.lead(position);
        }
        if behind_listed {
            self.list(position);
        }
    }

    /// Everything up to there was looked at and, if it is for the group, taken.
    pub(super) fn looked_up_to(&mut self, position: i64) {
        self.changes.moved |= position > self.looked;
        self.looked = self.looked.max(position);
        self.trim();
    }

    /// What is next to be handed out.
    pub(super) fn next(&self) -> Option<i64> {
        self.ready.first().copied()
    }

    /// Whether everything up to there was handed out at least once, is finished, or stands behind what is parked.
    pub(super) fn was_out(&self, up_to: i64) -> bool {
        let waits = |lane: &BTreeSet<i64>| {
            let unfinished = lane.range(..=up_to).filter_map(|position| self.entries.get(position));
            let mut moving = unfinished.take_while(|entry| !matches!(entry.state, State::Parked(_)));
            moving.any(|entry| entry.attempts == 0)
        };
        self.next().is_none_or(|next| next > up_to) && !self.lanes.values().any(waits)
    }

    /// The event, if it is at hand.
    pub(super) fn event(&self, position: i64) -> Option<Arc<Envelope>> {
        self.entries.get(&position)?.event.clone()
    }

    /// Hands an event out; which try it is.
    pub(super) fn hand_out(&mut self, position: i64, to: Holder, until: DateTime<Utc>) -> i32 {
        self.ready.remove(&position);
        let Some(entry) = self.entries.get_mut(&position) else { return 0 };
        entry.attempts += 1;
        entry.state = State::HandedOut(to, until);
        self.timers.insert((until, position));
        entry.attempts
    }

    /// Done with it. Of who was told of it once it counts whoever has it now: it was handled.
    pub(super) fn finish(&mut self, position: i64) -> Option<Holder> {
        let holder = self.holder(position);
        let told = self.entries.get(&position).is_some_and(|entry| entry.attempts > 0);
        if told && !self.is_parked(position) {
            self.remove(position);
        }
        holder
    }

    /// Done with it, though nobody has handled it.
    pub(super) fn pass_over(&mut self, position: i64) {
        self.remove(position);
    }

    /// Who has it did not want to handle it, and nobody shall.
    pub(super) fn skip(&mut self, position: i64) {
        self.changes.skipped += 1;
        self.remove(position);
    }

    /// To be handed out again from then on.
    pub(super) fn again(&mut self, position: i64, at: DateTime<Utc>, reason: Option<String>) {
        self.halt(position, State::Waiting(at), reason);
    }

    /// Not to be handed out until somebody looks after it.
    pub(super) fn park(&mut self, position: i64, now: DateTime<Utc>, reason: Option<String>) {
        self.halt(position, State::Parked(now), reason);
    }

    /// Who has it, if anybody.
    pub(super) fn holder(&self, position: i64) -> Option<Holder> {
        match self.entries.get(&position)?.state {
            State::HandedOut(holder, _) => Some(holder),
            State::Ready | State::Waiting(_) | State::Parked(_) => None,
        }
    }

    /// How often it was handed out.
    pub(super) fn attempts(&self, position: i64) -> i32 {
        self.entries.get(&position).map_or(0, |entry| entry.attempts)
    }

    /// When something is to be looked at by itself.
    pub(super) fn wakes_at(&self) -> Option<DateTime<Utc>> {
        self.timers.first().map(|(at, _)| *at)
    }

    /// What was to wait until now is ready; who had something for too long has it no more, which is told.
    pub(super) fn wake(&mut self, now: DateTime<Utc>) -> Vec<(Holder, i64)> {
        let mut taken = Vec::new();
        while let Some((at, position)) = self.timers.first().copied().filter(|(at, _)| *at <= now) {
            if let Some(holder) = self.holder(position) {
                taken.push((holder, position));
                self.again(position, now, Some("no answer in time".to_owned()));
            } else {
                self.timers.remove(&(at, position));
                if let Some(entry) = self.entries.get_mut(&position) {
                    entry.state = State::Ready;
                    self.ready.insert(position);
                }
            }
        }
        taken
    }

    /// What is parked here but not there any more was settled by somebody else.
    pub(super) fn reconcile(&mut self, kept: &[Listed]) {
        let kept: BTreeMap<_, _> = kept.iter().map(|row| (row.position, row)).collect();
        for position in self.parked() {
            match kept.get(&position) {
                // Not written yet.
                _ if self.changes.listed.contains(&position) => {}
                None => self.remove(position),
                Some(row) if row.parked_at.is_none() => {
                    if let Some(entry) = self.entries.get_mut(&position) {
                        entry.state = State::Ready;
                        self.lead(position);
                    }
                }
                Some(_) => {}
            }
        }
    }

    /// Whether there is anything to be written down.
    pub(super) fn is_changed(&self) -> bool {
        let Changed { listed, moved, skipped } = &self.changes;
        *moved || *skipped > 0 || !listed.is_empty()
    }

    /// What is to be written down.
    pub(super) fn standing(&self) -> Changes {
        let (kept, settled): (Vec<i64>, Vec<i64>) =
            self.changes.listed.iter().partition(|position| self.entries.contains_key(position));
        Changes {
            position: self.position(),
            finished: self.finished.iter().copied().collect(),
            skipped: self.changes.skipped,
            listed: kept.into_iter().map(|position| self.row(position)).collect(),
            settled,
        }
    }

    /// It is written down.
    pub(super) fn kept(&mut self) {
        self.changes = Changed::default();
    }

    fn row(&self, position: i64) -> Listed {
        let entry = &self.entries[&position];
        let (due_at, parked_at) = match entry.state {
            State::Waiting(at) => (Some(at), None),
            State::Parked(at) => (None, Some(at)),
            State::Ready | State::HandedOut(..) => (None, None),
        };
        let (aggregate_id, attempts, reason) = (entry.aggregate, entry.attempts, entry.reason.clone());
        Listed { position, aggregate_id, attempts, due_at, parked_at, reason }
    }

    fn listed(&self) -> usize {
        self.entries.len() - self.open.len()
    }

    fn parked(&self) -> Vec<i64> {
        self.entries.keys().copied().filter(|position| self.is_parked(*position)).collect()
    }

    fn is_parked(&self, position: i64) -> bool {
        self.entries.get(&position).is_some_and(|entry| matches!(entry.state, State::Parked(_)))
    }

    /// Only what is handed out comes to a halt.
    fn halt(&mut self, position: i64, state: State, reason: Option<String>) {
        self.unset(position);
        let Some(entry) = self.entries.get_mut(&position) else { return };
        entry.state = state;
        entry.reason = reason;
        self.list(position);
        self.lead(position);
    }

    /// The event is the first of its aggregate: what it waits for is all there is to wait for.
    fn lead(&mut self, position: i64) {
        match self.entries.get(&position).map(|entry| entry.state) {
            Some(State::Ready) => drop(self.ready.insert(position)),
            Some(State::Waiting(at) | State::HandedOut(_, at)) => drop(self.timers.insert((at, position))),
            Some(State::Parked(_)) | None => {}
        }
    }

    fn unset(&mut self, position: i64) {
        self.ready.remove(&position);
        if let Some(State::Waiting(at) | State::HandedOut(_, at)) =
            self.entries.get(&position).map(|entry| entry.state)
        {
            self.timers.remove(&(at, position));
        }
    }

    /// From here on the aggregate holds nothing else back; its events are read again when it is their turn.
    fn list(&mut self, position: i64) {
        let Some(aggregate) = self.entries.get(&position).map(|entry| entry.aggregate) else { return };
        let lane = self.lanes.get(&aggregate).into_iter().flatten();
        for position in lane.copied().filter(|other| *other >= position).collect::<Vec<_>>() {
            self.changes.listed.insert(position);
            self.open.remove(&position);
            if let Some(entry) = self.entries.get_mut(&position) {
                entry.listed = true;
                self.bytes -= entry.event.take().map_or(0, |event| event.bytes.len());
            }
        }
        self.changes.moved = true;
        self.trim();
    }

    fn remove(&mut self, position: i64) {
        self.unset(position);
        let Some(entry) = self.entries.remove(&position) else { return };
        self.bytes -= entry.event.map_or(0, |event| event.bytes.len());
        self.open.remove(&position);
        self.finished.insert(position);
        if entry.listed {
            self.changes.listed.insert(position);
        }
        self.changes.moved = true;
        self.trim();
        let Some(lane) = self.lanes.get_mut(&entry.aggregate) else { return };
        lane.remove(&position);
        match lane.first().copied() {
            Some(head) => self.lead(head),
            None => drop(self.lanes.remove(&entry.aggregate)),
        }
    }

    /// Of what is finished only that beyond the position is remembered.
    fn trim(&mut self) {
        self.finished = self.finished.split_off(&(self.position() + 1));
    }
}

#[cfg(test)]
mod tests;
