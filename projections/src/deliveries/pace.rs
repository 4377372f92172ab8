//! Who takes long, so that those who answer do not wait for them.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use tokio::{task::Id, time::Instant};

/// What one process knows of the attempts that it makes on a channel.
///
/// Whoever has kept an attempt for longer than the channel's patience is slow until one takes less. Slow ones get one attempt at a
/// time, and these do not count among those that may be made at a time but among as many again that are theirs.
#[derive(Debug)]
pub(super) struct Pace {
    concurrency: usize,
    patience: Option<Duration>,
    flights: HashMap<Id, Flight>,
    slow: HashSet<String>,
}

#[derive(Debug)]
struct Flight {
    recipient: String,
    began: Instant,
}

/// What may be claimed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Room {
    /// So many.
    pub(super) attempts: usize,
    /// Of which so many for those who are slow.
    pub(super) for_slow: usize,
    /// Who that is.
    pub(super) slow: Vec<String>,
}

impl Pace {
    pub(super) fn new(concurrency: usize, patience: Option<Duration>) -> Self {
        Self { concurrency, patience, flights: HashMap::new(), slow: HashSet::new() }
    }

    /// An attempt begins.
    pub(super) fn begins(&mut self, flight: Id, recipient: String, now: Instant) {
        self.flights.insert(flight, Flight { recipient, began: now });
    }

    /// It is over; one that was only put back says nothing good of its recipient.
    pub(super) fn ends(&mut self, flight: Id, tried: bool, now: Instant) {
        let Some(flight) = self.flights.remove(&flight) else { return };
        if self.is_late(&flight, now) {
            self.slow.insert(flight.recipient);
        } else if tried {
            self.slow.remove(&flight.recipient);
        }
    }

    /// What may be claimed now.
    pub(super) fn room(&mut self, now: Instant) -> Room {
        let late = self.flights.values().filter(|flight| self.is_late(flight, now));
        let late: Vec<String> = late.map(|flight| flight.recipient.clone()).collect();
        self.slow.extend(late);
        let theirs = self.flights.values().filter(|flight| self.slow.contains(&flight.recipient)).count();
        let others = self.concurrency.saturating_sub(self.flights.len() - theirs);
        let all = (2 * self.concurrency).saturating_sub(self.flights.len());
        Room {
            attempts: others.min(all),
            for_slow: self.concurrency.saturating_sub(theirs),
            slow: self.slow.iter().cloned().collect(),
        }
    }

    fn is_late(&self, flight: &Flight, now: Instant) -> bool {
        self.patience.is_some_and(|patience| now.duration_since(flight.began) > patience)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(1);

    /// Ids of tasks that are nothing else.
    async fn begin(pace: &mut Pace, recipient: &str, count: usize, now: Instant) -> Vec<Id> {
        (0..count)
            .map(|_| {
                let id = tokio::spawn(async {}).id();
                pace.begins(id, recipient.to_owned(), now);
                id
            })
            .collect()
    }

    fn room(attempts: usize, for_slow: usize, slow: &[&str]) -> Room {
        Room { attempts, for_slow, slow: slow.iter().map(|&name| name.to_owned()).collect() }
    }

    #[tokio::test]
    async fn who_keeps_an_attempt_for_long_takes_no_room_of_others() {
        let (mut pace, now) = (Pace::new(4, Some(PATIENCE)), Instant::now());
        let hanging = begin(&mut pace, "hangs", 3, now).await;
        assert_eq!(pace.room(now), room(1, 4, &[]));
        let later = now + 2 * PATIENCE;
        assert_eq!(pace.room(later), room(4, 1, &["hangs"]));
        begin(&mut pace, "answers", 4, later).await;
        assert_eq!(pace.room(later), room(0, 1, &["hangs"]));
        // Slow even when it has given up, until it answers.
        hanging.into_iter().for_each(|id| pace.ends(id, true, later));
        assert_eq!(pace.room(later), room(0, 4, &["hangs"]));
        for (tried, slow) in [(false, &["hangs"][..]), (true, &[])] {
            let one = begin(&mut pace, "hangs", 1, later).await;
            pace.ends(one[0], tried, later);
            assert_eq!(pace.room(later), room(0, 4, slow));
        }
    }

    #[tokio::test]
    async fn however_many_hang_there_is_an_end() {
        let (mut pace, mut now) = (Pace::new(4, Some(PATIENCE)), Instant::now());
        for (wave, left) in [("first", 4), ("second", 0)] {
            begin(&mut pace, wave, 4, now).await;
            now += 2 * PATIENCE;
            assert_eq!(pace.room(now).attempts, left);
        }
        assert_eq!(pace.room(now).for_slow, 0);
    }

    #[tokio::test]
    async fn where_patience_has_no_end_nobody_is_slow() {
        let (mut pace, now) = (Pace::new(4, None), Instant::now());
        begin(&mut pace, "hangs", 3, now).await;
        assert_eq!(pace.room(now + 1_000 * PATIENCE), room(1, 4, &[]));
    }
}
