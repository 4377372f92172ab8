use std::collections::{BTreeMap, BTreeSet, HashMap};

use domain::{
    event::{ActorType, Metadata, RecordedEvent},
    ids::EventId,
};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde_json::value::RawValue;

use super::*;

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000, 0).unwrap()
}

fn key(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

fn event(position: i64, aggregate: u128) -> Arc<Envelope> {
    let metadata = Metadata {
        actor_type: ActorType::System,
        actor_id: None,
        on_behalf_of: None,
        session_id: None,
        ip: None,
        user_agent: None,
        request_id: Uuid::nil(),
        correlation_id: Uuid::nil(),
        causation_id: None,
        traceparent: None,
        transport: "system".into(),
        occurred_at: now().into(),
        ip_chain: None,
        node: None,
        app_version: None,
        route: None,
        key_hash: None,
    };
    let recorded = RecordedEvent {
        position,
        id: EventId(Uuid::from_u128(position.unsigned_abs().into())),
        aggregate_type: "task".into(),
        aggregate_id: key(aggregate),
        sequence: position,
        event_type: "task.started".into(),
        event_version: "1".into(),
        data: RawValue::from_string("{}".into()).unwrap(),
        metadata,
        recorded_at: now().into(),
    };
    Arc::new(Envelope::try_from(recorded).unwrap())
}

/// A window that begins with the log, with events of these aggregates from position 1 on.
fn window(aggregates: &[u128]) -> Window {
    let mut window = Window::new(0, Vec::new(), Vec::new());
    for (position, aggregate) in (1..).zip(aggregates) {
        window.take(event(position, *aggregate));
        window.looked_up_to(position);
    }
    window
}

/// Hands out all that may be.
fn hand_out(window: &mut Window) -> Vec<i64> {
    let until = now() + chrono::TimeDelta::seconds(60);
    let mut out = Vec::new();
    while let Some(position) = window.next() {
        window.hand_out(position, 1, until);
        out.push(position);
    }
    out
}

#[test]
fn of_one_aggregate_one_event_is_out() {
    let mut window = window(&[1, 1, 2, 1, 2]);
    assert_eq!(hand_out(&mut window), [1, 3]);
    window.finish(3);
    assert_eq!((hand_out(&mut window), window.position()), (vec![5], 0));
    window.finish(1);
    assert_eq!((hand_out(&mut window), window.position()), (vec![2], 1));
    window.finish(2);
    assert_eq!((window.position(), window.standing().finished), (3, vec![]));
    // What was not handed out cannot be finished.
    window.finish(4);
    assert_eq!(window.position(), 3);
}

#[test]
fn what_is_parked_holds_back_its_aggregate_only() {
    let mut window = window(&[1, 2, 1]);
    assert_eq!(hand_out(&mut window), [1, 2]);
    window.park(1, now(), Some("broken".into()));
    window.finish(2);
    window.take(event(4, 1));
    window.take(event(5, 2));
    window.looked_up_to(5);
    assert_eq!(hand_out(&mut window), [5]);
    window.finish(5);
    assert_eq!(window.position(), 5);
    let listed = window.standing().listed;
    let seen: Vec<_> = listed.iter().map(|row| (row.position, row.parked_at.is_some())).collect();
    assert_eq!(seen, [(1, true), (3, false), (4, false)]);
    // As it is after a restart, and somebody has had it tried again.
    let mut again = Window::new(5, Vec::new(), listed.clone());
    assert!(hand_out(&mut again).is_empty());
    let mut rows = listed;
    rows[0].parked_at = None;
    again.reconcile(&rows);
    for position in [1, 3, 4] {
        assert_eq!(hand_out(&mut again), [position]);
        again.finish(position);
    }
    assert_eq!(again.standing().settled, [1, 3, 4]);
    // Or has skipped it.
    window.kept();
    window.reconcile(&rows[1..]);
    assert_eq!(hand_out(&mut window), [3]);
}

#[test]
fn what_waits_behind_others_was_not_out() {
    let mut window = window(&[1, 2, 1, 2]);
    let out = |window: &Window| (1..=4).map(|up_to| window.was_out(up_to)).collect::<Vec<_>>();
    assert_eq!(out(&window), [false; 4]);
    hand_out(&mut window);
    assert_eq!(out(&window), [true, true, false, false]);
    window.finish(1);
    hand_out(&mut window);
    assert_eq!(out(&window), [true, true, true, false]);
    // What is to be tried again was out, what comes behind it comes by itself ...
    window.again(2, now() + chrono::TimeDelta::seconds(5), None);
    assert_eq!(out(&window), [true, true, true, false]);
    window.wake(now() + chrono::TimeDelta::seconds(5));
    assert_eq!(out(&window), [true, false, false, false]);
    hand_out(&mut window);
    // ... and behind what is parked only when somebody looks after that.
    window.park(2, now(), None);
    assert_eq!(out(&window), [true; 4]);
}

#[test]
fn what_is_tried_again_waits_its_time() {
    let mut window = window(&[1, 1]);
    assert_eq!(hand_out(&mut window), [1]);
    let later = now() + chrono::TimeDelta::seconds(5);
    window.again(1, later, None);
    assert_eq!((hand_out(&mut window), window.wakes_at()), (vec![], Some(later)));
    assert_eq!((window.position(), window.standing().listed.len()), (2, 2));
    window.wake(later);
    assert_eq!((hand_out(&mut window), window.attempts(1)), (vec![1], 2));
    // Who says nothing for too long has it no more.
    let taken = window.wake(now() + chrono::TimeDelta::seconds(60));
    assert_eq!((taken, window.next()), (vec![(1, 1)], Some(1)));
}

#[test]
fn a_group_takes_in_so_much_and_no_more() {
    let mut window = Window::new(0, Vec::new(), Vec::new());
    let mut position = 0;
    while window.has_room() {
        position += 1;
        window.take(event(position, 1));
        window.looked_up_to(position);
    }
    assert_eq!(usize::try_from(position).unwrap(), SPAN);
    hand_out(&mut window);
    window.park(1, now(), None);
    assert!(window.is_stuck() && window.bytes == 0);
    window.changes = Changed::default();
    window.reconcile(&[]);
    assert!(!window.is_stuck() && window.next() == Some(2));
}

/// What is written down, as the database would have it.
#[derive(Default)]
struct Written {
    position: i64,
    finished: Vec<i64>,
    listed: BTreeMap<i64, Listed>,
}

impl Written {
    fn take(&mut self, window: &mut Window) {
        let changes = window.standing();
        self.position = changes.position;
        self.finished = changes.finished;
        changes.settled.iter().for_each(|position| drop(self.listed.remove(position)));
        self.listed.extend(changes.listed.into_iter().map(|row| (row.position, row)));
        window.kept();
    }

    fn window(&self) -> Window {
        Window::new(self.position, self.finished.clone(), self.listed.values().cloned().collect())
    }

    fn is_finished(&self, position: i64) -> bool {
        let passed = position <= self.position && !self.listed.contains_key(&position);
        passed || self.finished.contains(&position)
    }
}

/// Whatever consumers say and however often they or the process die: of each aggregate the order is kept, nothing is lost,
/// and what is written down as finished does not come again.
#[test]
fn every_event_is_finished_once_and_in_order() {
    for seed in 0..60 {
        let mut random = StdRng::seed_from_u64(seed);
        let log: Vec<u128> = (0..120).map(|_| random.random_range(0..12)).collect();
        let (mut written, mut clock) = (Written::default(), now());
        let mut window = written.window();
        let mut handled: HashMap<u128, Vec<i64>> = HashMap::new();
        let mut out = BTreeSet::new();
        for step in 0.. {
            assert!(step < 20_000, "seed {seed} does not come to its end");
            let calm = step > 3_000;
            match random.random_range(0..if calm { 6 } else { 12 }) {
                0 | 1 if window.has_room() && window.looked < 120 => {
                    let position = window.looked + 1;
                    window.take(event(position, log[usize::try_from(position).unwrap() - 1]));
                    window.looked_up_to(position);
                }
                2 => {
                    if let Some(position) = window.next() {
                        assert!(!written.is_finished(position), "seed {seed}: {position} comes again");
                        let aggregate = log[usize::try_from(position).unwrap() - 1];
                        let of_it = |other: &&i64| log[usize::try_from(**other).unwrap() - 1] == aggregate;
                        assert_eq!(out.iter().find(of_it), None, "seed {seed}: two of one aggregate");
                        window.hand_out(position, 1, clock + chrono::TimeDelta::seconds(30));
                        out.insert(position);
                    }
                }
                3 | 4 => {
                    if let Some(position) = out.pop_first() {
                        window.finish(position);
                        handled
                            .entry(log[usize::try_from(position).unwrap() - 1])
                            .or_default()
                            .push(position);
                    }
                }
                5 => {
                    clock += chrono::TimeDelta::seconds(3);
                    let taken = window.wake(clock);
                    out.retain(|position| !taken.iter().any(|(_, other)| other == position));
                    let parked = window.parked();
                    written.take(&mut window);
                    // Somebody looks after what is parked.
                    for position in parked.into_iter().filter(|_| calm) {
                        written.listed.get_mut(&position).unwrap().parked_at = None;
                    }
                    window.reconcile(&written.listed.values().cloned().collect::<Vec<_>>());
                }
                6 => out.pop_last().into_iter().for_each(|position| window.again(position, clock, None)),
                7 => out.pop_last().into_iter().for_each(|position| window.park(position, clock, None)),
                8 => {
                    window = written.window();
                    out.clear();
                }
                _ => {}
            }
            if calm && written.position == 120 && written.listed.is_empty() && out.is_empty() {
                break;
            }
        }
        for (aggregate, mut positions) in handled {
            // A crash repeats from what was written; what is new comes in order.
            let mut highest = 0;
            positions.retain(|position| {
                let new = *position > highest;
                highest = highest.max(*position);
                new
            });
            let expected: Vec<i64> =
                (1..).zip(&log).filter(|(_, of)| **of == aggregate).map(|(position, _)| position).collect();
            assert_eq!(positions, expected, "seed {seed}");
        }
    }
}
