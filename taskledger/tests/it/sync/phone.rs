//! A phone: what it was sent, what its person does with it while there is no network, and how it catches up.

use std::collections::BTreeMap;

use rand::{RngExt, rngs::StdRng, seq::IndexedRandom};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::client::{Answer, Client};

/// Somebody's phone.
pub(super) struct Phone {
    pub(super) name: &'static str,
    pub(super) id: String,
    commands: Client,
    reader: Client,
    since: String,
    /// Everything up to there must be in the next answer.
    pub(super) position: i64,
    pub(super) tasks: BTreeMap<String, Value>,
    pub(super) comments: BTreeMap<String, Value>,
    pub(super) users: BTreeMap<String, Value>,
    queue: Vec<Value>,
    /// Marks of all that was done here and taken by the server.
    pub(super) done: Vec<String>,
    /// Marks of what was queued as done, by uuid.
    marks: BTreeMap<String, String>,
    pub(super) seen: Seen,
}

/// What the phone met on its way.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) conflicts: usize,
    pub(super) deleted: usize,
    pub(super) access_lost: usize,
}

impl Phone {
    pub(super) fn new(name: &'static str, id: &str, commands: Client, reader: Client) -> Self {
        Self {
            name,
            id: id.to_owned(),
            commands,
            reader,
            since: "*".to_owned(),
            position: 0,
            tasks: BTreeMap::new(),
            comments: BTreeMap::new(),
            users: BTreeMap::new(),
            queue: Vec::new(),
            done: Vec::new(),
            marks: BTreeMap::new(),
            seen: Seen::default(),
        }
    }

    /// Another phone of the same person.
    pub(super) fn fresh(&self) -> Self {
        let other = Self::new(self.name, &self.id, self.commands.clone(), self.reader.clone());
        Self { position: self.position, ..other }
    }

    pub(super) fn reader(&self) -> &Client {
        &self.reader
    }

    fn queue(&mut self, mut command: Value, mark: Option<String>) {
        let uuid = Uuid::new_v4().to_string();
        command["uuid"] = json!(uuid);
        self.marks.extend(mark.map(|mark| (uuid, mark)));
        self.queue.push(command);
    }

    /// Something that its person does on what the phone shows.
    pub(super) fn act(&mut self, rng: &mut StdRng, other: &str) {
        let tasks: Vec<(String, Value)> =
            self.tasks.iter().map(|(id, task)| (id.clone(), task["version"].clone())).collect();
        let mark = Uuid::new_v4().to_string();
        let Some((id, version)) = tasks.choose(rng).filter(|_| rng.random_ratio(3, 4)) else {
            let visibility = *["team", "private"].choose(rng).unwrap();
            let data =
                json!({"title": "t", "description": mark, "visibility": visibility, "assignees": [other]});
            self.queue(json!({"op": "create", "temp_id": mark, "data": data}), Some(mark.clone()));
            return self.queue(json!({"op": "add_comment", "id": mark, "data": {"text": mark}}), Some(mark));
        };
        let update = |data: Value| json!({"op": "update", "id": id, "base_version": version, "data": data});
        let word = |rng: &mut StdRng, words: &[&str]| (*words.choose(rng).unwrap()).to_owned();
        let command = match rng.random_range(0..9) {
            0 | 1 => update(json!({"title": mark})),
            2 => update(
                json!({"priority": word(rng, &["low", "high", "urgent"]), "labels": [word(rng, &["a", "b"])]}),
            ),
            3 => update(json!({"visibility": word(rng, &["team", "private"])})),
            4 => json!({"op": word(rng, &["start", "hold", "complete", "reopen"]), "id": id}),
            5 => json!({"op": word(rng, &["assign", "unassign"]), "id": id, "data": {"assignees": [other]}}),
            6 => json!({"op": word(rng, &["delete", "watch", "unwatch"]), "id": id}),
            _ => {
                let comment = json!({"op": "add_comment", "id": id, "data": {"text": mark}});
                return self.queue(comment, Some(mark));
            }
        };
        self.queue(command, None);
    }

    /// Queues this one.
    pub(super) fn say(&mut self, command: Value) {
        self.queue(command, None);
    }

    /// The same phone after its person has logged in anew.
    pub(super) fn turned_into(self, commands: Client, reader: Client) -> Self {
        Self { commands, reader, ..self }
    }

    /// Whether anything waits for the network.
    pub(super) fn is_waiting(&self) -> bool {
        !self.queue.is_empty()
    }

    /// Sends what waits; the answer, if one came.
    pub(super) async fn send(&self) -> Option<Answer> {
        let commands = &self.queue[..self.queue.len().min(100)];
        self.commands
            .post("/v1/sync", &json!({"commands": commands}))
            .await
            .ok()
            .filter(|answer| answer.status < 500)
    }

    /// Takes the answer in. Its rule for conflicts: what one has set oneself counts, on what the others have made of it.
    pub(super) fn take(&mut self, answer: &Answer) {
        assert_eq!(answer.status, 207, "{}", answer.text);
        let answer = answer.json();
        self.position = self.position.max(answer["position"].as_i64().unwrap_or_default());
        for result in answer["results"].as_array().unwrap() {
            let sent = self.queue.remove(0);
            assert_eq!(result["uuid"], sent["uuid"]);
            match (result["status"].as_u64().unwrap(), result["problem"]["code"].as_str().unwrap_or_default())
            {
                (200 | 201, _) => self.done.extend(self.marks.remove(sent["uuid"].as_str().unwrap())),
                (409, "FIELD_CONFLICT") => {
                    self.seen.conflicts += 1;
                    let mut again = sent.clone();
                    again["base_version"] = result["problem"]["current_version"].clone();
                    self.queue(again, None);
                }
                (503, _) => self.queue.push(sent),
                (403 | 404 | 409, _) => {}
                (422, _) => assert!(result.to_string().contains("UNKNOWN_TASK"), "{sent} {result}"),
                _ => panic!("{sent} {result}"),
            }
        }
        for command in &mut self.queue {
            for place in ["/id", "/data/parent"] {
                if let Some(name) = command.pointer_mut(place)
                    && let Some(id) = name.as_str().and_then(|name| answer["temp_ids"].get(name))
                {
                    *name = id.clone();
                }
            }
        }
    }

    /// Takes in one page; whether there is more.
    pub(super) async fn pull(&mut self, page_size: u32) -> bool {
        let (since, position) = (&self.since, self.position);
        let path = format!("/v1/sync?since={since}&page_size={page_size}&min_position={position}");
        let page = self.reader.get_when_there(&path).await.expect(200).json();
        if page["reset"] == true {
            self.tasks.clear();
            self.comments.clear();
            self.users.clear();
        }
        for (name, into) in
            [("tasks", &mut self.tasks), ("comments", &mut self.comments), ("users", &mut self.users)]
        {
            for thing in page[name].as_array().unwrap() {
                into.insert(thing["id"].as_str().unwrap().to_owned(), thing.clone());
            }
        }
        for gone in page["tombstones"].as_array().unwrap() {
            self.bury(gone);
        }
        page["next"].as_str().unwrap().clone_into(&mut self.since);
        page["has_more"] == true
    }

    fn bury(&mut self, gone: &Value) {
        let id = gone["id"].as_str().unwrap();
        self.seen.deleted += usize::from(gone["deleted"] == true);
        self.seen.access_lost += usize::from(gone["access_lost"] == true);
        match gone["type"].as_str().unwrap() {
            "task" => {
                self.tasks.remove(id);
                self.comments.retain(|_, comment| comment["task"] != gone["id"]);
            }
            "comment" => drop(self.comments.remove(id)),
            other => panic!("{other}"),
        }
    }

    /// Takes in all there is.
    pub(super) async fn catch_up(&mut self, page_size: u32) {
        while self.pull(page_size).await {}
    }
}
