//! The filters of A8 once more, over a vector: what the queries are compared with.

use std::cmp::Ordering;

use chrono::{DateTime, NaiveTime, TimeDelta, Utc};
use rand::{
    RngExt,
    rngs::StdRng,
    seq::{IndexedRandom, SliceRandom},
};
use uuid::Uuid;

use crate::seed::{Seed, epoch};

pub(crate) const STATUSES: [&str; 5] = ["waiting", "in_progress", "on_hold", "done", "cancelled"];
pub(crate) const PRIORITIES: [&str; 4] = ["low", "normal", "high", "urgent"];
pub(crate) const LABELS: [&str; 4] = ["bug", "ui", "버그", "a b"];
const SORTS: [&str; 5] = ["update_time", "create_time", "due", "priority", "key"];

type When = fn(&Seed) -> Option<DateTime<Utc>>;
type Test = Box<dyn Fn(&Seed) -> bool>;

/// A request for a list, as parameters and as a predicate.
pub(crate) struct Ask {
    pub(crate) parameters: Vec<(&'static str, String)>,
    tests: Vec<Test>,
    sort: &'static str,
    descending: bool,
}

/// Random tasks with few distinct values, so that filters hit and sort keys tie.
pub(crate) fn tasks(rng: &mut StdRng, count: i64, users: &[Uuid]) -> Vec<Seed> {
    let mut tasks: Vec<Seed> = Vec::new();
    for number in 1..=count {
        let mut task = Seed::new(number, *users.choose(rng).unwrap());
        task.status = STATUSES.choose(rng).unwrap();
        task.priority = rng.random_range(0..4);
        let minutes = |rng: &mut StdRng| epoch() + TimeDelta::minutes(rng.random_range(0..20));
        (task.create_time, task.update_time) = (minutes(rng), minutes(rng));
        match rng.random_range(0..3) {
            0 => task.due_at = Some(minutes(rng)),
            1 => task.due_date = Some((epoch() + TimeDelta::days(rng.random_range(0..3))).date_naive()),
            _ => {}
        }
        task.labels = some(rng, &LABELS).into_iter().map(str::to_owned).collect();
        (task.assignees, task.watchers) = (some(rng, users), some(rng, users));
        task.private = rng.random_ratio(1, 3);
        task.delete_time = rng.random_ratio(1, 8).then(Utc::now);
        task.parent = tasks.choose(rng).filter(|_| number % 3 == 0).map(|task| task.id);
        task.external = (number % 4 == 0).then(|| ("jira".to_owned(), format!("A:{number}")));
        tasks.push(task);
    }
    tasks
}

fn some<T: Copy>(rng: &mut StdRng, values: &[T]) -> Vec<T> {
    let mut values = values.to_vec();
    values.shuffle(rng);
    values.truncate(rng.random_range(0..3));
    values
}

fn due(task: &Seed) -> Option<DateTime<Utc>> {
    task.due_at.or(task.due_date.map(|day| day.and_time(NaiveTime::MIN).and_utc()))
}

fn people(of: fn(&Seed) -> Vec<Uuid>, wanted: Vec<Option<Uuid>>) -> Test {
    Box::new(move |task| {
        let people = of(task);
        wanted.iter().any(|wanted| wanted.map_or(people.is_empty(), |id| people.contains(&id)))
    })
}

impl Ask {
    /// Some filters and a sort, asked by `me`.
    pub(crate) fn random(rng: &mut StdRng, me: Uuid, users: &[Uuid], tasks: &[Seed]) -> Self {
        let sort = SORTS.choose(rng).copied().unwrap();
        let mut ask = Self { parameters: Vec::new(), tests: Vec::new(), sort, descending: rng.random() };
        for _ in 0..rng.random_range(0..4) {
            ask.add(rng, me, users, tasks);
        }
        let sign = if ask.descending { "-" } else { "" };
        ask.parameters.push(("sort", format!("{sign}{sort}")));
        if rng.random() {
            ask.parameters.push(("show_deleted", "true".to_owned()));
        } else {
            ask.tests.push(Box::new(|task| task.delete_time.is_none()));
        }
        ask
    }

    fn add(&mut self, rng: &mut StdRng, me: Uuid, users: &[Uuid], tasks: &[Seed]) {
        let kinds = [
            "status",
            "priority",
            "assignee",
            "creator",
            "watcher",
            "label",
            "parent",
            "external_ref",
            "due",
            "created",
            "updated",
        ];
        let kind = kinds.choose(rng).copied().unwrap();
        if self.parameters.iter().any(|(name, _)| name.starts_with(kind)) {
            return;
        }
        match kind {
            "status" => {
                let wanted = some(rng, &STATUSES);
                self.words("status", &wanted);
                self.any(wanted, |task, wanted| task.status == *wanted);
            }
            "priority" => {
                let wanted = some(rng, &PRIORITIES);
                self.words("priority", &wanted);
                self.any(wanted, |task, wanted| {
                    PRIORITIES[usize::try_from(task.priority).unwrap()] == *wanted
                });
            }
            "assignee" | "creator" | "watcher" => self.person(rng, kind, me, users),
            "label" => self.labels(rng),
            "parent" => self.parents(rng, tasks),
            "external_ref" => self.external_refs(rng),
            _ => self.span(rng, kind),
        }
    }

    fn words(&mut self, name: &'static str, words: &[&str]) {
        self.parameters.extend(words.iter().map(|word| (name, (*word).to_owned())));
    }

    /// Passes what one of the values fits; no values, no filter.
    fn any<T: 'static>(&mut self, values: Vec<T>, fits: impl Fn(&Seed, &T) -> bool + 'static) {
        if !values.is_empty() {
            self.tests.push(Box::new(move |task| values.iter().any(|value| fits(task, value))));
        }
    }

    fn person(&mut self, rng: &mut StdRng, role: &'static str, me: Uuid, users: &[Uuid]) {
        let mut wanted: Vec<Option<Uuid>> = some(rng, users).into_iter().map(Some).collect();
        if role != "creator" && rng.random_ratio(1, 3) {
            wanted.push(None);
        }
        let word = |id: &Option<Uuid>| match id {
            None => "none".to_owned(),
            Some(id) if *id == me => "me".to_owned(),
            Some(id) => id.to_string(),
        };
        self.parameters.extend(wanted.iter().map(|id| (role, word(id))));
        if wanted.is_empty() {
            return;
        }
        self.tests.push(match role {
            "assignee" => people(|task| task.assignees.clone(), wanted),
            "creator" => people(|task| vec![task.creator], wanted),
            _ => people(|task| task.watchers.clone(), wanted),
        });
    }

    fn labels(&mut self, rng: &mut StdRng) {
        if rng.random_ratio(1, 5) {
            self.words("label", &["none"]);
            self.tests.push(Box::new(|task| task.labels.is_empty()));
            return;
        }
        let wanted = some(rng, &LABELS);
        self.words("label", &wanted);
        self.tests.push(Box::new(move |task| {
            wanted.iter().all(|label| task.labels.iter().any(|own| own == label))
        }));
    }

    fn parents(&mut self, rng: &mut StdRng, tasks: &[Seed]) {
        let wanted = tasks.choose(rng).map(|task| task.id).filter(|_| rng.random());
        let word = wanted.map_or_else(|| "none".to_owned(), |id| id.to_string());
        self.parameters.push(("parent", word));
        self.tests.push(Box::new(move |task| task.parent == wanted));
    }

    fn external_refs(&mut self, rng: &mut StdRng) {
        let id = format!("A:{}", 4 * rng.random_range(1..20));
        self.parameters
            .extend([("external_ref", format!("jira:{id}")), ("external_ref", "jira:A:8".to_owned())]);
        let none = rng.random();
        self.parameters.extend(if none { Some(("external_ref", "none".to_owned())) } else { None });
        self.tests.push(Box::new(move |task| match &task.external {
            Some((_, own)) => *own == id || own == "A:8",
            None => none,
        }));
    }

    fn span(&mut self, rng: &mut StdRng, kind: &str) {
        let from = epoch() + TimeDelta::minutes(rng.random_range(-5..15));
        let to = from + TimeDelta::minutes(rng.random_range(0..12));
        let (names, of): ([&str; 2], When) = match kind {
            "due" => (["due_from", "due_to"], due),
            "created" => (["created_from", "created_to"], |task| Some(task.create_time)),
            _ => (["updated_from", "updated_to"], |task| Some(task.update_time)),
        };
        let text = |time: DateTime<Utc>| time.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
        if rng.random() {
            self.parameters.push((names[0], text(from)));
            self.tests.push(Box::new(move |task| of(task).is_some_and(|time| time >= from)));
        }
        if rng.random() {
            self.parameters.push((names[1], text(to)));
            self.tests.push(Box::new(move |task| of(task).is_some_and(|time| time < to)));
        }
    }

    /// The ids of the tasks that the answer must hold, in its order.
    pub(crate) fn answer(&self, me: Uuid, tasks: &[Seed]) -> Vec<String> {
        let seen = |task: &&Seed| {
            !task.private || task.creator == me || task.assignees.contains(&me) || task.watchers.contains(&me)
        };
        let passing = tasks.iter().filter(seen).filter(|task| self.tests.iter().all(|test| test(task)));
        let mut found: Vec<&Seed> = passing.collect();
        found.sort_by(|a, b| self.compare(a, b));
        if self.descending {
            found.reverse();
        }
        found.into_iter().map(|task| task.id.to_string()).collect()
    }

    fn compare(&self, a: &Seed, b: &Seed) -> Ordering {
        let order = match self.sort {
            "update_time" => a.update_time.cmp(&b.update_time),
            "create_time" => a.create_time.cmp(&b.create_time),
            "due" => {
                due(a).unwrap_or(DateTime::<Utc>::MAX_UTC).cmp(&due(b).unwrap_or(DateTime::<Utc>::MAX_UTC))
            }
            "priority" => a.priority.cmp(&b.priority),
            _ => a.key.cmp(&b.key),
        };
        order.then(a.id.cmp(&b.id))
    }

    /// The query string.
    pub(crate) fn query(&self) -> String {
        let pairs = self.parameters.iter().map(|(name, value)| format!("{name}={}", encoded(value)));
        pairs.collect::<Vec<_>>().join("&")
    }
}

/// Percent-encodes everything but letters, digits and hyphens.
pub(crate) fn encoded(text: &str) -> String {
    let encode = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    text.bytes().map(encode).collect()
}
