//! What a consumer skips goes into the audit log as what is skipped while it is parked, and no more often than once a second.

use std::{fmt, time::Duration};

use service::audit::{Ongoing, Target};
use tokio::time::Instant;
use uuid::Uuid;

/// How often one consumer leaves a record, however much it skips.
const PAUSE: Duration = Duration::from_secs(1);
/// Positions that are named in one.
const NAMED: usize = 200;
/// The operation that does it to what is parked.
const SKIP: &str = "events.skip_parked_group_events";

/// The events that a consumer has skipped and that no record tells of yet.
#[derive(Debug)]
pub(super) struct Skips {
    ongoing: Ongoing,
    group: (Uuid, String),
    positions: Vec<i64>,
    told: Option<Instant>,
}

impl Skips {
    pub(super) fn new(ongoing: Ongoing, group: Uuid, name: &str) -> Self {
        Self { ongoing, group: (group, name.to_owned()), positions: Vec::new(), told: None }
    }

    pub(super) fn add(&mut self, position: i64) {
        self.positions.push(position);
    }

    /// Tells of them, if it is time.
    pub(super) fn tell(&mut self) {
        if self.told.is_none_or(|told| told.elapsed() >= PAUSE) {
            self.tell_now();
        }
    }

    fn tell_now(&mut self) {
        if self.positions.is_empty() {
            return;
        }
        let (id, name) = &self.group;
        let what = format!("group={name}&{}", Said(&self.positions));
        self.ongoing.did(SKIP, Target::new("consumer_group", id), what);
        self.positions.clear();
        self.told = Some(Instant::now());
    }
}

/// Whoever goes has skipped what they have skipped.
impl Drop for Skips {
    fn drop(&mut self) {
        self.tell_now();
    }
}

/// How many they were, and which.
struct Said<'a>(&'a [i64]);

impl fmt::Display for Said<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(positions) = self;
        let named: Vec<String> = positions.iter().take(NAMED).map(i64::to_string).collect();
        write!(f, "events={}&positions={}", positions.len(), named.join(","))?;
        if positions.len() > NAMED { f.write_str(",…") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_the_first_are_named() {
        assert_eq!(Said(&[3, 5]).to_string(), "events=2&positions=3,5");
        let many: Vec<i64> = (1..=201).collect();
        let said = Said(&many).to_string();
        assert!(said.starts_with("events=201&positions=1,2,") && said.ends_with(",200,…"), "{said}");
    }
}
