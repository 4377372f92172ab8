//! Clients that send commands until they are told to stop, and never give one up.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::history::{Attempt, Kind, Seen};
use crate::client::{Answer, Client};
use crate::system::{ADMIN, PATIENCE, within};

const CLIENTS: u64 = 8;
/// A client that is refused a connection tries again after this.
const BREATH: std::time::Duration = std::time::Duration::from_millis(25);

const VERBS: &[(&str, &str)] = &[
    ("start", "in_progress"),
    ("hold", "on_hold"),
    ("resume", "in_progress"),
    ("complete", "done"),
    ("reopen", "waiting"),
];

/// What all clients share.
#[derive(Default)]
pub(super) struct Shared {
    answered: AtomicU64,
    unanswered: AtomicU64,
    /// Tasks that are known to exist.
    tasks: Mutex<Vec<Uuid>>,
    /// Answers that must not be: stale reads, internal errors.
    wrong: Mutex<Vec<String>>,
    stop: CancellationToken,
}

/// The clients at work.
pub(super) struct Load {
    pub(super) shared: Arc<Shared>,
    clients: JoinSet<Vec<Seen>>,
}

impl Shared {
    pub(super) fn answered(&self) -> u64 {
        self.answered.load(Ordering::Relaxed)
    }

    pub(super) fn unanswered(&self) -> u64 {
        self.unanswered.load(Ordering::Relaxed)
    }

    fn wrong(&self, words: String) {
        self.wrong.lock().expect("nobody panics with it").push(words);
    }
}

impl Load {
    /// `writers`: where commands go, client by client in turn; `reader`: where queries go.
    pub(super) fn start(writers: &[Client], reader: &Client, seed: u64) -> Self {
        let shared = Arc::new(Shared::default());
        let mut clients = JoinSet::new();
        for (number, writer) in (0..CLIENTS).zip(writers.iter().cycle()) {
            let client = OneClient {
                number,
                writer: writer.clone(),
                reader: reader.clone(),
                random: StdRng::seed_from_u64(seed.wrapping_mul(31).wrapping_add(number)),
                shared: shared.clone(),
                seen: Vec::new(),
            };
            clients.spawn(client.run());
        }
        Self { shared, clients }
    }

    /// Waits until a count, one of `shared`, has come this far.
    pub(super) async fn reached(&self, what: impl Fn(&Shared) -> u64, wanted: u64) {
        let reached = within(PATIENCE, async || what(&self.shared) >= wanted).await;
        assert!(reached, "the clients are stuck at {} of {wanted}", what(&self.shared));
    }

    /// No new commands; those that are open are sent until they are answered. What each client has seen.
    pub(super) async fn finish(self) -> Vec<Vec<Seen>> {
        self.shared.stop.cancel();
        let seen = self.clients.join_all().await;
        let wrong = self.shared.wrong.lock().expect("nobody panics with it");
        assert!(wrong.is_empty(), "{wrong:#?}");
        seen
    }
}

struct OneClient {
    number: u64,
    writer: Client,
    reader: Client,
    random: StdRng,
    shared: Arc<Shared>,
    seen: Vec<Seen>,
}

impl OneClient {
    async fn run(mut self) -> Vec<Seen> {
        for count in 0_u64.. {
            if self.shared.stop.is_cancelled() {
                break;
            }
            let attempt = self.choose(count);
            self.seen.push(Seen::Invoked(attempt.clone()));
            match self.insist(&attempt).await {
                Some(answer) => self.note(attempt, answer).await,
                None => break,
            }
        }
        self.seen
    }

    fn choose(&mut self, count: u64) -> Attempt {
        let key = format!("client {} command {count}", self.number).replace(' ', "-");
        let tasks = self.shared.tasks.lock().expect("nobody panics with it");
        // Few tasks, so that clients meet on them.
        let recent = &tasks[tasks.len().saturating_sub(20)..];
        let kind = match self.random.random_range(0..10) {
            _ if recent.is_empty() => Kind::Create,
            0 => Kind::Create,
            1..4 => Kind::Rename,
            4..6 => Kind::Comment,
            _ => {
                let (verb, to) = VERBS.choose(&mut self.random).expect("there are some");
                Kind::Go { verb, to }
            }
        };
        let task = match (kind, recent.choose(&mut self.random)) {
            (Kind::Create, _) | (_, None) => Uuid::now_v7(),
            (_, Some(task)) => *task,
        };
        Attempt { key, task, kind }
    }

    /// Sends the same again until there is an answer that settles it; none if that takes too long.
    async fn insist(&mut self, attempt: &Attempt) -> Option<Answer> {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            match send(&self.writer, attempt).await {
                Ok(answer) if settles(&answer) => return Some(answer),
                Ok(answer) if answer.status == 401 => drop(self.writer.log_in(ADMIN).await),
                Ok(answer) if answer.status >= 500 && answer.status != 503 => {
                    self.shared.wrong(format!("{attempt:?}: {answer:?}"));
                }
                Ok(_) | Err(_) => {}
            }
            self.shared.unanswered.fetch_add(1, Ordering::Relaxed);
            self.seen.push(Seen::Unknown(attempt.key.clone()));
            tokio::time::sleep(BREATH).await;
        }
        None
    }

    async fn note(&mut self, attempt: Attempt, answer: Answer) {
        let good = answer.status < 300;
        if good && attempt.kind == Kind::Create {
            self.shared.tasks.lock().expect("nobody panics with it").push(attempt.task);
        }
        if good && self.random.random_ratio(1, 8) {
            self.read_own_write(&attempt, &answer).await;
        }
        let seen = if good { Seen::Ok } else { Seen::Failed };
        self.seen.push(seen(attempt.key, answer));
        self.shared.answered.fetch_add(1, Ordering::Relaxed);
    }

    /// Whoever asks with the position sees at least what it stands for, or is told that it is not there yet.
    async fn read_own_write(&mut self, attempt: &Attempt, answer: &Answer) {
        let (position, version) = (answer.number("position"), answer.number("version"));
        let path = format!("/v1/tasks/{}?min_position={position}", attempt.task);
        match self.reader.get(&path).await {
            Ok(read) if read.status == 200 && read.number("version") < version => {
                self.shared.wrong(format!("stale: {attempt:?} {answer:?} {read:?}"));
            }
            Ok(read) if read.status == 401 => {
                drop(self.writer.log_in(ADMIN).await);
                self.reader = self.writer.at(self.reader.url());
            }
            Ok(read) if !matches!(read.status, 200 | 503 | 504) => {
                self.shared.wrong(format!("not read: {attempt:?} {answer:?} {read:?}"));
            }
            Ok(_) | Err(_) => {}
        }
    }
}

/// One sending of a command.
pub(super) async fn send(writer: &Client, attempt: &Attempt) -> reqwest::Result<Answer> {
    let Attempt { key, task, kind } = attempt;
    let path = format!("/v1/tasks/{task}");
    let (method, path, body): (_, _, Value) = match kind {
        Kind::Create => ("POST", "/v1/tasks".to_owned(), json!({"id": task, "title": key})),
        Kind::Rename => ("PATCH", path, json!({"title": key})),
        Kind::Comment => ("POST", format!("{path}/comments"), json!({"text": key})),
        Kind::Go { verb, .. } => ("POST", format!("{path}/{verb}"), json!({"reason": key})),
    };
    writer.call(method, &path, Some(&body), Some(key)).await
}

/// Whether sending it again could bring no other answer.
pub(super) fn settles(answer: &Answer) -> bool {
    match answer.status {
        200 | 201 | 412 | 422 => true,
        409 => answer.code() != "IDEMPOTENCY_IN_FLIGHT",
        400 | 403 | 404 => panic!("the clients' own fault: {answer:?}"),
        _ => false,
    }
}
