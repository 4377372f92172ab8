//! Random units against a plain model in memory: the same outcomes, the same log.

use std::collections::HashMap;

use event_store::{AggregateRef, Claim, ClaimAction, Class, Guard, Outcome, Unit};
use proptest::{collection::vec, prelude::*, sample::subsequence, test_runner::TestRunner};
use uuid::Uuid;

use crate::store::{self, Store};

const AGGREGATES: usize = 5;
const OWNERS: usize = 2;
const VALUES: [&str; 3] = ["a", "b", "c"];
const KEYS: usize = 4;

/// A unit in small numbers; the sequences are guesses around the truth.
#[derive(Clone, Debug)]
struct Plan {
    streams: Vec<(usize, Guess, usize)>,
    guards: Vec<(usize, Guess)>,
    claims: Vec<(usize, usize, bool)>,
    key: Option<usize>,
}

/// What a unit believes of an aggregate: right, or off by so much.
type Guess = i64;

fn plan() -> impl Strategy<Value = Plan> {
    let guess = prop_oneof![5 => Just(0_i64), 1 => -2_i64..=2];
    let stream = (guess.clone(), 0..3_usize);
    let streams = (subsequence((0..AGGREGATES).collect::<Vec<_>>(), 0..=3), vec(stream, AGGREGATES));
    let guards = vec((0..AGGREGATES, guess), 0..2);
    let claims = (subsequence(vec![0, 1, 2], 0..=2), vec((0..OWNERS, any::<bool>()), VALUES.len()));
    let key = prop_oneof![2 => Just(None), 1 => (0..KEYS).prop_map(Some)];
    (streams, guards, claims, key).prop_map(|((chosen, streams), guards, (values, claims), key)| Plan {
        streams: chosen.into_iter().zip(streams).map(|(a, (guess, events))| (a, guess, events)).collect(),
        guards,
        claims: values.into_iter().zip(claims).map(|(value, (owner, take))| (value, owner, take)).collect(),
        key,
    })
}

/// Units that seldom stand in each other's way: each writes an aggregate of its own.
fn usual() -> impl Strategy<Value = Vec<Plan>> {
    let guess = prop_oneof![15 => Just(0_i64), 1 => -2_i64..=2];
    let guards = prop_oneof![3 => Just(vec![]), 1 => vec((0..AGGREGATES, guess.clone()), 1..3)];
    let key = prop_oneof![2 => Just(None), 1 => (0..KEYS).prop_map(Some)];
    let order = Just((0..AGGREGATES).collect::<Vec<_>>()).prop_shuffle();
    let rest = vec((guess, 1..3_usize, guards, key), 1..=AGGREGATES);
    (order, rest).prop_map(|(order, rest)| {
        let unit = |(aggregate, (guess, events, guards, key))| Plan {
            streams: vec![(aggregate, guess, events)],
            guards,
            claims: Vec::new(),
            key,
        };
        order.into_iter().zip(rest).map(unit).collect()
    })
}

/// The log as the design describes it.
#[derive(Default)]
struct Model {
    head: i64,
    versions: HashMap<AggregateRef, i64>,
    ends: HashMap<AggregateRef, i64>,
    claims: HashMap<String, Uuid>,
    receipts: HashMap<String, (Uuid, i64)>,
}

#[derive(Debug, PartialEq)]
enum Expected {
    Appended(i64),
    Replayed(Uuid, i64),
    Conflict(AggregateRef),
    Taken(Uuid),
    GuardFailed(AggregateRef),
}

impl Model {
    fn version(&self, aggregate: AggregateRef) -> i64 {
        self.versions.get(&aggregate).copied().unwrap_or(0)
    }

    fn append(&mut self, unit: &Unit) -> Expected {
        if let Some(refused) = self.refuse(unit) {
            return refused;
        }
        for stream in unit.streams.iter().filter(|stream| !stream.events.is_empty()) {
            let events = i64::try_from(stream.events.len()).unwrap();
            self.head += events;
            self.ends.insert(stream.aggregate, self.head);
            self.versions.insert(stream.aggregate, stream.expected + events);
        }
        let wrote = unit.streams.iter().any(|stream| !stream.events.is_empty());
        let first = unit.streams.first().and_then(|stream| self.ends.get(&stream.aggregate));
        let position = if wrote { self.head } else { first.copied().unwrap_or(self.head) };
        for claim in &unit.claims {
            match claim.action {
                ClaimAction::Take => drop(self.claims.insert(claim.value.clone(), claim.owner)),
                ClaimAction::Release if self.claims.get(&claim.value) == Some(&claim.owner) => {
                    self.claims.remove(&claim.value);
                }
                ClaimAction::Release => {}
            }
        }
        if let Some(receipt) = &unit.receipt {
            self.receipts.insert(receipt.key.clone(), (unit.id, position));
        }
        Expected::Appended(position)
    }

    fn refuse(&self, unit: &Unit) -> Option<Expected> {
        let used = unit.receipt.as_ref().and_then(|receipt| self.receipts.get(&receipt.key));
        if let Some((unit, position)) = used {
            return Some(Expected::Replayed(*unit, *position));
        }
        let stale = unit.streams.iter().find(|stream| self.version(stream.aggregate) != stream.expected);
        if let Some(stream) = stale {
            return Some(Expected::Conflict(stream.aggregate));
        }
        let moved = unit.guards.iter().find(|guard| self.version(guard.aggregate) != guard.sequence);
        if let Some(guard) = moved {
            return Some(Expected::GuardFailed(guard.aggregate));
        }
        let holder = |claim: &Claim| self.claims.get(&claim.value).filter(|owner| **owner != claim.owner);
        let mut taken = unit.claims.iter().filter(|claim| claim.action == ClaimAction::Take);
        taken.find_map(|claim| holder(claim).map(|owner| Expected::Taken(*owner)))
    }
}

/// One case's aggregates, owners, values and keys, none of them seen before.
struct World {
    aggregates: Vec<AggregateRef>,
    owners: Vec<Uuid>,
    salt: Uuid,
}

impl World {
    fn unit(&self, model: &Model, plan: &Plan) -> Unit {
        let believed = |index: usize, guess: Guess| (model.version(self.aggregates[index]) + guess).max(0);
        let stream = |&(index, guess, events): &(usize, Guess, usize)| {
            store::stream(self.aggregates[index], believed(index, guess), events)
        };
        let guard = |&(index, guess): &(usize, Guess)| Guard {
            aggregate: self.aggregates[index],
            sequence: believed(index, guess),
        };
        let claim = |&(value, owner, take): &(usize, usize, bool)| Claim {
            scope: "model".into(),
            value: format!("{} {}", self.salt, VALUES[value]),
            owner: self.owners[owner],
            action: if take { ClaimAction::Take } else { ClaimAction::Release },
        };
        Unit {
            id: Uuid::now_v7(),
            streams: plan.streams.iter().map(stream).collect(),
            guards: plan.guards.iter().map(guard).collect(),
            claims: plan.claims.iter().map(claim).collect(),
            receipt: plan.key.map(|key| store::receipt(&format!("{} {key}", self.salt), Class::Day)),
        }
    }
}

fn reduced(outcome: Outcome) -> Expected {
    match outcome {
        Outcome::Appended { position } => Expected::Appended(position),
        Outcome::Replayed(stored) => Expected::Replayed(stored.unit, stored.position),
        Outcome::Conflict { aggregate } => Expected::Conflict(aggregate),
        Outcome::Taken { owner, .. } => Expected::Taken(owner),
        Outcome::GuardFailed { aggregate } => Expected::GuardFailed(aggregate),
    }
}

async fn check(store: &Store, batches: Vec<Vec<Plan>>) {
    let world = World {
        aggregates: (0..AGGREGATES).map(|_| store::task()).collect(),
        owners: (0..OWNERS).map(|_| Uuid::now_v7()).collect(),
        salt: Uuid::now_v7(),
    };
    let mut model = Model { head: store.log.head().await.unwrap(), ..Model::default() };
    for plans in batches {
        // Built one after another on what the model makes of those before, sent together.
        let (mut units, mut expected) = (Vec::new(), Vec::new());
        for plan in &plans {
            let unit = world.unit(&model, plan);
            expected.push(model.append(&unit));
            units.push(unit);
        }
        let outcomes = store.append_all(units.clone()).await;
        let outcomes: Vec<Expected> = outcomes.into_iter().map(|outcome| reduced(outcome.unwrap())).collect();
        assert_eq!(outcomes, expected, "{plans:#?}");
        send_again(store, units, outcomes).await;
    }
    assert_eq!(store.log.head().await.unwrap(), model.head);
    for aggregate in world.aggregates {
        let events = store.log.read_aggregate("task", aggregate.id, 0, 1_000).await.unwrap();
        let sequences: Vec<i64> = events.iter().map(|event| event.sequence).collect();
        assert_eq!(sequences, (1..=model.version(aggregate)).collect::<Vec<_>>());
        let end = model.ends.get(&aggregate).copied();
        assert_eq!(events.last().map(|event| event.position), end);
    }
    for value in VALUES.map(|value| format!("{} {value}", world.salt)) {
        let owner = store.log.find_claim("model", &value).await.unwrap();
        assert_eq!(owner, model.claims.get(&value).copied());
    }
}

/// What was written and is sent again, as after a lost reply, is answered the same and written no second time.
async fn send_again(store: &Store, units: Vec<Unit>, outcomes: Vec<Expected>) {
    let events = |unit: &Unit| unit.streams.iter().any(|stream| !stream.events.is_empty());
    let written = |(unit, outcome): &(Unit, Expected)| {
        matches!(outcome, Expected::Appended(_)) && (events(unit) || unit.receipt.is_some())
    };
    let (units, outcomes): (Vec<_>, Vec<_>) = units.into_iter().zip(outcomes).filter(written).unzip();
    let again = store.append_all(units).await;
    let again: Vec<Expected> = again.into_iter().map(|outcome| reduced(outcome.unwrap())).collect();
    assert_eq!(again, outcomes);
}

#[test]
fn any_batches_of_units_have_the_outcomes_of_the_model() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let store = runtime.block_on(Store::new());
    let mut runner =
        TestRunner::new(ProptestConfig { cases: 96, failure_persistence: None, ..Default::default() });
    let batches = vec(prop_oneof![vec(plan(), 1..12), usual()], 1..8);
    let result = runner.run(&batches, |batches| {
        runtime.block_on(check(&store, batches));
        Ok(())
    });
    let _inside = runtime.enter(); // for what is dropped below
    result.unwrap();
}
