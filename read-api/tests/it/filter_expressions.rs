//! `filter=`: what SQL finds is what the filter itself says of each task.

use domain::{
    filter::{Condition, Expression, Filter, MAX_LENGTH, Order, Person, Subject, TaskFacts},
    ids::{TaskId, UserId},
    task::values::{Due, ExternalRef, Label, Priority, Status, TimeZone, Visibility},
    time::Timestamp,
};
use rand::{RngExt, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use serde_json::json;
use uuid::Uuid;

use crate::{
    filters::all_pages,
    naive::{self, LABELS, PRIORITIES, STATUSES, encoded},
    seed::{Seed, epoch, store_user},
    world::World,
};

const ORDERS: [Order; 5] = [Order::Less, Order::AtMost, Order::Equal, Order::AtLeast, Order::More];

/// A stored task as filters see it.
struct Known {
    labels: Vec<Label>,
    assignees: Vec<UserId>,
    watchers: Vec<UserId>,
    external_ref: Option<ExternalRef>,
}

fn external_ref(system: &str, id: &str) -> ExternalRef {
    ExternalRef::new(ExternalRef::parse_system(system).unwrap(), ExternalRef::parse_id(id).unwrap())
}

fn priority(rank: i16) -> Priority {
    PRIORITIES[usize::try_from(rank).unwrap()].parse().unwrap()
}

impl Known {
    fn of(seed: &Seed) -> Self {
        let users = |ids: &[Uuid]| ids.iter().copied().map(UserId).collect();
        Self {
            labels: seed.labels.iter().map(|label| Label::parse(label).unwrap()).collect(),
            assignees: users(&seed.assignees),
            watchers: users(&seed.watchers),
            external_ref: seed.external.as_ref().map(|(system, id)| external_ref(system, id)),
        }
    }

    fn facts(&self, seed: &Seed) -> TaskFacts<'_> {
        let at = seed.due_at.map(|at| Due::At { at: at.into(), zone: TimeZone::UTC });
        TaskFacts {
            status: seed.status.parse().unwrap(),
            priority: priority(seed.priority),
            visibility: if seed.private { Visibility::Private } else { Visibility::Team },
            due: at.or(seed.due_date.map(|date| Due::Date { date })),
            labels: &self.labels,
            assignees: &self.assignees,
            watchers: &self.watchers,
            creator: Some(UserId(seed.creator)),
            parent: seed.parent.map(TaskId),
            external_ref: self.external_ref.as_ref(),
            create_time: Some(seed.create_time.into()),
            update_time: Some(seed.update_time.into()),
        }
    }
}

/// Conditions that some of these tasks meet and others do not.
struct Dice<'a> {
    rng: &'a mut StdRng,
    users: &'a [Uuid],
    tasks: &'a [Seed],
}

impl Dice<'_> {
    fn expression(&mut self, depth: u32) -> Expression {
        let parts = |dice: &mut Self| {
            let count = dice.rng.random_range(2..4);
            (0..count).map(|_| dice.expression(depth - 1)).collect::<Vec<_>>()
        };
        match self.rng.random_range(0..5) {
            0 if depth > 0 => Expression::And(parts(self)),
            1 if depth > 0 => Expression::Or(parts(self)),
            2 if depth > 0 => Expression::Not(Box::new(self.expression(depth - 1))),
            _ => Expression::Is(self.condition()),
        }
    }

    fn condition(&mut self) -> Condition {
        let order = ORDERS.choose(self.rng).copied().unwrap();
        match self.rng.random_range(0..12) {
            0 => Condition::Status(self.word(&STATUSES).parse::<Status>().unwrap()),
            1 => Condition::Priority(order, self.word(&PRIORITIES).parse().unwrap()),
            2 => Condition::Assignee(self.somebody()),
            3 => Condition::Watcher(self.somebody()),
            4 => Condition::Creator(self.somebody().unwrap_or(Person::Me)),
            5 => Condition::Label(self.maybe(|dice| Label::parse(dice.word(&LABELS)).unwrap())),
            6 => Condition::Parent(self.tasks.choose(self.rng).and_then(|task| task.parent).map(TaskId)),
            7 => Condition::ExternalRef(
                self.maybe(|dice| external_ref("jira", &format!("A:{}", dice.rng.random_range(1..5) * 4))),
            ),
            8 => Condition::Due(self.maybe(|dice| (order, dice.time()))),
            9 => Condition::CreateTime(order, self.time()),
            10 => Condition::UpdateTime(order, self.time()),
            _ => Condition::Visibility(*[Visibility::Team, Visibility::Private].choose(self.rng).unwrap()),
        }
    }

    fn word(&mut self, words: &[&'static str]) -> &'static str {
        words.choose(self.rng).copied().unwrap()
    }

    fn maybe<T>(&mut self, make: impl FnOnce(&mut Self) -> T) -> Option<T> {
        self.rng.random_ratio(3, 4).then(|| make(self))
    }

    fn somebody(&mut self) -> Option<Person> {
        self.maybe(|dice| match dice.rng.random_range(0..4) {
            0 => Person::Me,
            1 => Person::User(UserId(Uuid::now_v7())),
            _ => Person::User(UserId(*dice.users.choose(dice.rng).unwrap())),
        })
    }

    fn time(&mut self) -> Timestamp {
        (epoch() + chrono::TimeDelta::minutes(self.rng.random_range(-2..22))).into()
    }
}

#[tokio::test]
async fn sql_finds_what_the_filter_says() {
    let world = World::new().await;
    let mut users = Vec::new();
    for name in ["kim", "lee", "park"] {
        users.push(store_user(&world.pool, name, &["auditor"]).await);
    }
    let seed: u64 = rand::random();
    let mut rng = StdRng::seed_from_u64(seed);
    let mut tasks = Vec::new();
    for task in naive::tasks(&mut rng, 60, &users) {
        tasks.push(task.store(&world.pool).await);
    }
    // Sees everything: only the filter decides.
    let (me, token) = (users[0], world.token(users[0], &["auditor"]));
    let (mut some, mut none) = (0, 0);
    for _ in 0..150 {
        let expression = Dice { rng: &mut rng, users: &users, tasks: &tasks }.expression(3);
        let filter = Filter::from(expression);
        if filter.as_str().len() > MAX_LENGTH {
            continue;
        }
        let meets = |task: &&Seed| {
            let known = Known::of(task);
            let facts = Some(known.facts(task));
            filter.matches(&Subject { task: facts, me: Some(UserId(me)), ..Subject::default() })
        };
        let expected: Vec<_> = tasks.iter().filter(meets).map(|task| task.id.to_string()).collect();
        let asked = format!("show_deleted=true&filter={}", encoded(filter.as_str()));
        let found = all_pages(&world, &token, &format!("{asked}&sort=key"), 40).await;
        assert_eq!(found, expected, "seed {seed}: {filter}");
        let counts = world.get(&token, &format!("/v1/tasks/counts?{asked}&group_by=status")).await;
        let sum: i64 = counts.items().iter().map(|item| item["count"].as_i64().unwrap()).sum();
        assert_eq!(usize::try_from(sum).unwrap(), expected.len(), "seed {seed}: {filter}");
        (some, none) = (some + usize::from(!expected.is_empty()), none + usize::from(expected.is_empty()));
    }
    assert!(some > 30 && none > 0, "{some} filters found something, {none} nothing");
}

#[tokio::test]
async fn filters_add_to_what_else_is_asked_and_to_what_one_sees() {
    let world = World::new().await;
    let (kim, lee) = (
        store_user(&world.pool, "kim", &["member"]).await,
        store_user(&world.pool, "lee", &["member"]).await,
    );
    for (number, private, status) in [(1, false, "done"), (2, true, "done"), (3, false, "waiting")] {
        Seed { private, status, ..Seed::new(number, lee) }.store(&world.pool).await;
    }
    let token = world.token(kim, &["member"]);
    let keys =
        async |query: &str| world.get(&token, &format!("/v1/tasks?sort=key&{query}")).await.pluck("key");
    let filter = |text: &str| format!("filter={}", encoded(text));
    assert_eq!(keys(&filter("status = done OR creator = me")).await, ["T-1"]);
    assert_eq!(keys(&filter("visibility = private OR NOT creator = me")).await, ["T-1", "T-3"]);
    assert_eq!(keys(&format!("status=waiting&{}", filter("NOT due > 2026-01-01"))).await, ["T-3"]);
}

#[tokio::test]
async fn a_filter_that_makes_no_sense_is_refused_with_its_place() {
    let world = World::new().await;
    let token = world.token(Uuid::now_v7(), &["member"]);
    for (text, position) in [
        ("status = open", 9),
        ("status = done AND", 17),
        ("type = task.created", 0),
        ("actor = none", 0),
        ("label = '집' AND (due", 20),
        ("title = x", 0),
    ] {
        for path in ["/v1/tasks?", "/v1/tasks/counts?group_by=status&"] {
            let reply = world.get(&token, &format!("{path}filter={}", encoded(text))).await;
            assert_eq!((reply.status.as_u16(), reply.code()), (400, "INVALID_PARAMETER"), "{text}");
            let error = &reply.body["errors"][0];
            let expected = json!(["filter", "INVALID_FILTER", position.to_string()]);
            assert_eq!(
                json!([error["parameter"], error["code"], error["params"]["position"]]),
                expected,
                "{text}"
            );
        }
    }
    for text in ["", &"x".repeat(2_001)] {
        let reply = world.get(&token, &format!("/v1/tasks?filter={text}")).await;
        assert_eq!((reply.status.as_u16(), reply.code()), (400, "INVALID_PARAMETER"));
    }
}
