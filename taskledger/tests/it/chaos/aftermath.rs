//! What must be true when everything runs again.

use std::collections::{HashMap, HashSet};

use futures_util::{StreamExt, stream};
use serde_json::Value;
use service::metrics::Metrics;
use sqlx::{FromRow, PgPool};
use uuid::Uuid;

use super::history::{Attempt, Folded, Seen, Stored, contradictions, fold};
use super::load::{send, settles};
use crate::client::{Answer, Client};
use crate::system::{PATIENCE, System, within};

const EVENTS: &str = "SELECT position, sequence, event_id, aggregate_id::uuid, event_type, payload::jsonb \
                      FROM event_store.events ORDER BY position";

#[derive(FromRow)]
struct Row {
    position: i64,
    sequence: i64,
    event_id: Uuid,
    aggregate_id: Uuid,
    event_type: String,
    payload: Value,
}

/// Keys that are sent once more at the end.
const AGAIN: usize = 300;

/// Compares what clients have seen, the log, its copy and the read models.
pub(super) struct Aftermath<'a> {
    system: &'a System,
    client: Client,
    /// Tasks that others than the clients have changed.
    foreign: HashSet<Uuid>,
}

impl<'a> Aftermath<'a> {
    pub(super) async fn of(system: &'a System) -> Self {
        Self { system, client: system.admin().await, foreign: HashSet::new() }
    }

    /// Leaves these tasks out of what the clients account for.
    pub(super) fn foreign(mut self, tasks: impl IntoIterator<Item = Uuid>) -> Self {
        self.foreign.extend(tasks);
        self
    }

    pub(super) async fn holds(&self, clients: &[Vec<Seen>]) {
        let events = self.log().await;
        let found = contradictions(clients, &events, &self.foreign);
        assert!(found.is_empty(), "{found:#?}");
        self.answers_are_kept(clients).await;
        assert_eq!(self.log().await.len(), events.len(), "what was sent again had an effect");
        self.stream_is_a_copy(&events).await;
        self.read_model_is_the_fold(&events).await;
        self.rebuilds_agree().await;
        self.seals_hold().await;
    }

    async fn log(&self) -> Vec<Stored> {
        let owner = PgPool::connect(&self.system.postgres.url()).await.expect("it runs again");
        let rows: Vec<Row> = sqlx::query_as(EVENTS).fetch_all(&owner).await.expect("it answers");
        owner.close().await;
        let stored = |row: Row| Stored {
            position: row.position,
            sequence: row.sequence,
            id: row.event_id,
            aggregate: row.aggregate_id,
            kind: row.event_type,
            payload: row.payload,
        };
        rows.into_iter().map(stored).collect()
    }

    /// Every key that ever was in doubt, and some others, get the answer that they got.
    async fn answers_are_kept(&self, clients: &[Vec<Seen>]) {
        let mut attempts = HashMap::<&str, &Attempt>::new();
        let mut doubtful = HashSet::<&str>::new();
        let mut answers = Vec::<(&str, &Answer)>::new();
        for seen in clients.iter().flatten() {
            match seen {
                Seen::Invoked(attempt) => drop(attempts.insert(&attempt.key, attempt)),
                Seen::Unknown(key) => drop(doubtful.insert(key)),
                Seen::Ok(key, answer) | Seen::Failed(key, answer) => answers.push((key, answer)),
            }
        }
        answers.sort_by_key(|(key, _)| !doubtful.contains(key));
        let again = stream::iter(answers.into_iter().take(AGAIN)).map(async |(key, first)| {
            let again = self.send_again(attempts[key]).await;
            assert_eq!(again.header("idempotent-replayed"), Some("true"), "{key}: {again:?}");
            assert_eq!(shape(&again), shape(first), "{key}");
        });
        again.buffer_unordered(8).collect::<()>().await;
    }

    /// Sends until there is an answer that settles it: connections may still be broken.
    async fn send_again(&self, attempt: &Attempt) -> Answer {
        let mut last = None;
        let settled = within(PATIENCE, async || {
            last = send(&self.client, attempt).await.ok();
            last.as_ref().is_some_and(settles)
        });
        assert!(settled.await, "{attempt:?} is not answered: {last:?}");
        last.expect("there is an answer")
    }

    /// Everything that the stream holds stands at the sequence that is its position.
    async fn stream_is_a_copy(&self, events: &[Stored]) {
        let url = self.system.nats.url().parse().expect("a URL");
        let client = service::nats::connect(&url, "aftermath", &Metrics::default()).await;
        let client = client.expect("it runs again");
        let mut context = async_nats::jetstream::new(client);
        context.set_timeout(PATIENCE);
        let head = events.last().map_or(0, |event| event.position.unsigned_abs());
        let copied = within(PATIENCE, async || {
            let stream = context.get_stream(event_store::stream::NAME).await;
            stream.is_ok_and(|stream| stream.cached_info().state.last_sequence == head)
        });
        assert!(copied.await, "the stream lags: {}", self.system.command_api.words());
        let held = context.get_stream(event_store::stream::NAME).await.expect("it is there");
        let first = held.cached_info().state.first_sequence;
        let here = events.iter().filter(|event| event.position.unsigned_abs() >= first);
        let compared = stream::iter(here).map(async |event| {
            let message = held.direct_get(event.position.unsigned_abs()).await.expect("no holes");
            let envelope: Value = serde_json::from_slice(&message.payload).expect("an envelope");
            assert_eq!(envelope["sequence"], format!("{:020}", event.position));
            assert_eq!(envelope["id"], event.id.to_string());
        });
        compared.buffer_unordered(32).collect::<()>().await;
        assert_eq!(held.cached_info().state.messages, head + 1 - first);
    }

    /// Every task over the API is what our own fold of the log makes of it.
    async fn read_model_is_the_fold(&self, events: &[Stored]) {
        let expected = fold(events, &self.foreign);
        let mut found = self.all_tasks(events.last().map_or(0, |event| event.position)).await;
        found.retain(|id, _| !self.foreign.contains(id));
        assert_eq!(found.len(), expected.len());
        for (id, task) in &expected {
            assert_eq!(found.get(id), Some(task), "{id}");
        }
    }

    async fn all_tasks(&self, position: i64) -> HashMap<Uuid, Folded> {
        let reader = self.client.at(&self.system.read_api.url);
        let path = format!("/v1/tasks?page_size=1000&min_position={position}");
        let mut all = HashMap::new();
        let mut token = String::new();
        loop {
            let page = reader.get_when_there(&format!("{path}{token}")).await.expect(200).json();
            all.extend(page["items"].as_array().expect("items").iter().map(shown));
            match page["next_page_token"].as_str().expect("a token") {
                "" => return all,
                next => token = format!("&page_token={next}"),
            }
        }
    }

    /// Nothing was changed after it was sealed, and the seals are one chain without a gap, in the file too.
    async fn seals_hold(&self) {
        let mut words = String::new();
        let sealed = within(PATIENCE, async || {
            let output = self.system.operator(&["verify"]).await;
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            words = String::from_utf8_lossy(&output.stdout).into_owned();
            words.lines().next().is_some_and(|events| events.contains("; 0 not yet sealed"))
        });
        assert!(sealed.await, "{words}");
    }

    /// Built anew from the log, every projection has the rows that the live one has.
    async fn rebuilds_agree(&self) {
        for projection in ["tasks", "task_search", "users", "audit"] {
            let output = self.system.operator(&["rebuild", projection]).await;
            assert!(output.status.success(), "{projection}: {}", String::from_utf8_lossy(&output.stderr));
        }
    }
}

fn shape(answer: &Answer) -> (u16, &str, [Option<&str>; 3]) {
    let headers = ["etag", "location", "position"].map(|name| answer.header(name));
    (answer.status, &answer.text, headers)
}

fn shown(task: &Value) -> (Uuid, Folded) {
    let text = |member: &str| task[member].as_str().expect("a text").to_owned();
    let number = |member: &str| task[member].as_i64().expect("a number");
    let folded = Folded {
        version: number("version"),
        title: text("title"),
        status: text("status"),
        comments: number("comment_count"),
    };
    (text("id").parse().expect("an id"), folded)
}
