//! Lists as of a moment say what each task says of that moment by itself.

use std::path::Path;

use rand::{RngExt, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    client::Client,
    system::{ADMIN, System},
};

const TASKS: usize = 12;
const COMMANDS: usize = 160;
const LOOKS: usize = 40;

/// A history of some tasks: everything that a list can filter by changes.
async fn live_through(admin: &Client, me: &str, rng: &mut StdRng) -> i64 {
    let mut commands: Vec<Value> = (0..TASKS)
        .map(|n| json!({"op": "create", "temp_id": n.to_string(), "data": {"title": n.to_string(), "assignees": [me]}}))
        .collect();
    let word = |rng: &mut StdRng, words: &[&str]| (*words.choose(rng).unwrap()).to_owned();
    for _ in 0..COMMANDS {
        let id = rng.random_range(0..TASKS).to_string();
        let update = |data: Value| json!({"op": "update", "id": id, "data": data});
        commands.push(match rng.random_range(0..9) {
            0 => update(json!({"priority": word(rng, &["low", "normal", "high", "urgent"])})),
            1 => update(json!({"labels": [word(rng, &["a", "b"]), word(rng, &["c", "d"])]})),
            2 => update(json!({"due": {"date": word(rng, &["2026-01-01", "2026-06-01", "2027-01-01"])}})),
            3 => update(json!({"due": null, "labels": [], "title": word(rng, &["x", "y"])})),
            4 | 5 => json!({"op": word(rng, &["start", "hold", "complete", "reopen"]), "id": id}),
            6 => json!({"op": word(rng, &["assign", "unassign"]), "id": id, "data": {"assignees": [me]}}),
            7 => json!({"op": word(rng, &["watch", "unwatch", "delete", "undelete", "undelete"]), "id": id}),
            _ => json!({"op": "add_comment", "id": id, "data": {"text": "c"}}),
        });
    }
    let mut ids = serde_json::Map::new();
    let mut position = 0;
    for chunk in commands.chunks_mut(60) {
        for command in chunk.iter_mut() {
            command["uuid"] = json!(Uuid::new_v4());
            if let Some(id) = command["id"].as_str().and_then(|name| ids.get(name)) {
                command["id"] = id.clone();
            }
        }
        let done = admin.post("/v1/sync", &json!({"commands": chunk})).await.unwrap().expect(207).json();
        ids.extend(done["temp_ids"].as_object().unwrap().clone());
        position = done["position"].as_i64().unwrap_or(position);
    }
    position
}

/// A filter as it is sent, and what it says of a task.
type Filter = (&'static str, fn(&Value, &str) -> bool);

fn holds(task: &Value, member: &str, id: &str) -> bool {
    task[member].as_array().unwrap().iter().any(|one| one == id || one["id"] == id)
}

const FILTERS: [Filter; 13] = [
    ("status=waiting", |task, _| task["status"] == "waiting"),
    ("status=in_progress&status=done", |task, _| task["status"] == "in_progress" || task["status"] == "done"),
    ("priority=high&priority=low", |task, _| task["priority"] == "high" || task["priority"] == "low"),
    ("label=a", |task, _| holds(task, "labels", "a")),
    ("label=a&label=d", |task, _| holds(task, "labels", "a") && holds(task, "labels", "d")),
    ("label=none", |task, _| task["labels"] == json!([])),
    ("assignee=me", |task, me| holds(task, "assignees", me)),
    ("assignee=none", |task, _| task["assignees"] == json!([])),
    ("watcher=me", |task, me| holds(task, "watchers", me)),
    ("creator=me", |task, me| task["creator"]["id"] == me),
    ("due_from=2026-02-01&due_to=2026-12-01", |task, _| task["due"]["date"] == "2026-06-01"),
    ("parent=none", |task, _| task["parent"].is_null()),
    ("filter=priority%3E%3Dhigh%20AND%20NOT%20assignee%3Dme", |task, me| {
        (task["priority"] == "high" || task["priority"] == "urgent") && !holds(task, "assignees", me)
    }),
];

const SORTS: [&str; 6] = ["-update_time", "update_time", "-create_time", "key", "due", "-priority"];

fn sort(tasks: &mut [Value], by: &str) {
    let key = |task: &Value| {
        let text = match by.trim_start_matches('-') {
            "due" => task["due"]["date"].as_str().unwrap_or("infinity").to_owned(),
            "priority" => {
                let rank =
                    ["low", "normal", "high", "urgent"].iter().position(|word| task["priority"] == *word);
                rank.unwrap().to_string()
            }
            "key" => format!("{:>20}", task["key"].as_str().unwrap()),
            time => task[time].as_str().unwrap().to_owned(),
        };
        (text, task["id"].as_str().unwrap().to_owned())
    };
    tasks.sort_by_key(key);
    if by.starts_with('-') {
        tasks.reverse();
    }
}

/// What each task says of the moment, filtered and sorted here.
async fn expected(
    reader: &Client,
    ids: &[String],
    moment: &str,
    rest: (&Filter, &str, bool),
    me: &str,
) -> Vec<Value> {
    let ((_, filter), sorted, deleted) = (rest.0, rest.1, rest.2);
    let mut tasks = Vec::new();
    for id in ids {
        let task = reader.get_when_there(&format!("/v1/tasks/{id}?{moment}")).await;
        if task.status == 200 {
            tasks.push(task.json());
        }
    }
    tasks.retain(|task| filter(task, me) && (deleted || task["delete_time"].is_null()));
    sort(&mut tasks, sorted);
    tasks
}

async fn listed(reader: &Client, query: &str, page_size: usize) -> Vec<Value> {
    let (mut tasks, mut token) = (Vec::new(), String::new());
    loop {
        let path = format!("/v1/tasks?{query}&page_size={page_size}&count=exact&page_token={token}");
        let page = reader.get_when_there(&path).await.expect(200).json();
        tasks.extend(page["items"].as_array().unwrap().clone());
        page["next_page_token"].as_str().unwrap().clone_into(&mut token);
        if token.is_empty() {
            assert_eq!(page["count"], tasks.len(), "{query}");
            return tasks;
        }
    }
}

async fn compare(reader: &Client, ids: &[String], me: &str, moments: &[String], rng: &mut StdRng) {
    let mut found = 0;
    for _ in 0..LOOKS {
        let moment = moments.choose(rng).unwrap();
        let (filter, sorted, deleted) =
            (FILTERS.choose(rng).unwrap(), *SORTS.choose(rng).unwrap(), rng.random());
        let query = format!("{}&sort={sorted}&show_deleted={deleted}&{moment}", filter.0);
        let expected = expected(reader, ids, moment, (filter, sorted, deleted), me).await;
        assert_eq!(listed(reader, &query, rng.random_range(1..6)).await, expected, "{query}");
        found += expected.len();
    }
    assert!(found > 0, "no list had anything in it");
}

async fn everything(reader: &Client) -> Vec<String> {
    let tasks = listed(reader, "show_deleted=true", 1000).await;
    tasks.iter().map(|task| task["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_as_of_a_moment_is_the_log_folded_up_to_it_and_filtered() {
    let mut system = System::start().await;
    let admin = system.admin().await;
    let reader = admin.at(&system.read_api.url);
    let me = reader.get_when_there("/v1/users/me").await.json()["id"].as_str().unwrap().to_owned();
    let mut rng = StdRng::seed_from_u64(11);
    let head = live_through(&admin, &me, &mut rng).await;
    reader.get_when_there(&format!("/v1/tasks?min_position={head}")).await.expect(200);
    let ids = everything(&reader).await;
    assert_eq!(ids.len(), TASKS);
    let mut positions: Vec<String> = (0..=head).map(|position| format!("as_of={position}")).collect();
    positions.push("as_of=2000-01-01T00:00:00Z".to_owned());
    compare(&reader, &ids, &me, &positions, &mut rng).await;

    let mut times = Vec::new();
    for id in &ids[..3] {
        let history = reader.get_when_there(&format!("/v1/tasks/{id}/history?page_size=100")).await.json();
        for entry in history["items"].as_array().unwrap() {
            times.push(format!("as_of={}", entry["recorded_at"].as_str().unwrap()));
            times.push(format!("as_of_occurred={}", entry["occurred_at"].as_str().unwrap()));
        }
    }
    compare(&reader, &ids, &me, &times, &mut rng).await;

    for (query, status) in [
        ("as_of=1&q=x", 400),
        ("as_of=1&as_of_occurred=2020-01-01T00:00:00Z", 400),
        ("as_of=soon", 400),
        (&format!("as_of={}", head + 1_000_000), 400),
        ("as_of=0", 200),
    ] {
        assert_eq!(reader.get_when_there(&format!("/v1/tasks?{query}")).await.status, status, "{query}");
    }
    system.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn imported_tasks_are_listed_as_of_when_things_happened() {
    let mut system = System::start().await;
    let admin = system.admin().await;
    let reader = admin.at(&system.read_api.url);
    let me = reader.get_when_there("/v1/users/me").await.json()["id"].as_str().unwrap().to_owned();
    let at = |path: &str| Path::new(env!("CARGO_MANIFEST_DIR")).join(path).display().to_string();
    let (file, mapping) = (at("tests/data/helpdesk-sample.csv"), at("mappings/helpdesk.toml"));
    let imported = system.operator(&["import", &file, "--mapping", &mapping, "--as", ADMIN]).await;
    assert!(imported.status.success(), "{}", String::from_utf8_lossy(&imported.stderr));
    let last =
        admin.post("/v1/tasks", &json!({"title": "now"})).await.unwrap().expect(201).number("position");
    reader.get_when_there(&format!("/v1/tasks?as_of={last}")).await.expect(200);
    let ids = everything(&reader).await;
    let mut times = Vec::new();
    for id in &ids {
        let history = reader.get_when_there(&format!("/v1/tasks/{id}/history?page_size=100")).await.json();
        let entries = history["items"].as_array().unwrap();
        times.extend(
            entries.iter().map(|entry| format!("as_of_occurred={}", entry["occurred_at"].as_str().unwrap())),
        );
    }
    let mut rng = StdRng::seed_from_u64(5);
    compare(&reader, &ids, &me, &times, &mut rng).await;
    system.end().await;
}

/// Files of other systems say what they like of when things happen; positions are ours.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_to_happen_in_the_future_is_listed_as_of_positions() {
    let mut system = System::start().await;
    let admin = system.admin().await;
    let reader = admin.at(&system.read_api.url);
    let me = reader.get_when_there("/v1/users/me").await.json()["id"].as_str().unwrap().to_owned();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("future.csv");
    let mut csv =
        "timestamp,ticket,step,activity,agent,service_level,product,customer,seriousness\n".to_owned();
    let years =
        [[2090, 2020, 2021], [2020, 2090, 2021], [2020, 2021, 2090], [2090, 2091, 2092], [2020, 2021, 2022]];
    for (ticket, years) in years.iter().enumerate() {
        for (step, (year, activity)) in
            years.iter().zip(["Assign seriousness", "Take in charge ticket", "Resolve ticket"]).enumerate()
        {
            csv += &format!("{year}-03-01T15:2{step}:00+00:00,{ticket},{step},{activity},agent-1,1,2,3,2\n");
        }
    }
    std::fs::write(&file, csv).unwrap();
    let mapping = Path::new(env!("CARGO_MANIFEST_DIR")).join("mappings/helpdesk.toml");
    let (file, mapping) = (file.display().to_string(), mapping.display().to_string());
    let imported = system.operator(&["import", &file, "--mapping", &mapping, "--as", ADMIN]).await;
    assert!(imported.status.success(), "{}", String::from_utf8_lossy(&imported.stderr));
    let last =
        admin.post("/v1/tasks", &json!({"title": "now"})).await.unwrap().expect(201).number("position");
    reader.get_when_there(&format!("/v1/tasks?as_of={last}")).await.expect(200);
    let ids = everything(&reader).await;
    assert_eq!(ids.len(), years.len() + 1);
    let positions: Vec<String> = (1..=last).map(|position| format!("as_of={position}")).collect();
    compare(&reader, &ids, &me, &positions, &mut StdRng::seed_from_u64(3)).await;
    system.end().await;
}

/// Who has a task, and what it is labelled with, changes; so do the lists that it is found in, for their time only.
#[tokio::test(flavor = "multi_thread")]
async fn a_list_by_person_or_label_has_what_it_had_then() {
    let mut system = System::start().await;
    let admin = system.admin().await;
    let reader = admin.at(&system.read_api.url);
    let me = reader.get_when_there("/v1/users/me").await.json()["id"].as_str().unwrap().to_owned();
    let created =
        admin.post("/v1/tasks", &json!({"title": "x", "assignees": [me], "labels": ["roof"]})).await.unwrap();
    let created = created.expect(201);
    let id = created.json()["id"].as_str().unwrap().to_owned();
    let mut moments = vec![(created.number("position"), true, true)];
    let commands = [
        ("unassign", json!({"assignees": [me]}), false, true),
        ("update", json!({"labels": []}), false, false),
        ("update", json!({"labels": ["roof"]}), false, true),
        ("assign", json!({"assignees": [me]}), true, true),
        ("update", json!({"labels": []}), true, false),
        ("unassign", json!({"assignees": [me]}), false, false),
        ("update", json!({"title": "y"}), false, false),
    ];
    for (op, data, assigned, labelled) in commands {
        let command = json!({"op": op, "uuid": Uuid::new_v4(), "id": id, "data": data});
        let done = admin.post("/v1/sync", &json!({"commands": [command]})).await.unwrap().expect(207);
        moments.push((done.json()["position"].as_i64().unwrap(), assigned, labelled));
    }
    for (position, assigned, labelled) in moments {
        for (filter, expected) in [
            ("assignee=me", assigned),
            ("label=roof", labelled),
            ("assignee=me&label=roof", assigned && labelled),
            ("filter=NOT%20assignee%3Dme%20AND%20label%3Droof", !assigned && labelled),
            ("assignee=none", !assigned),
            ("creator=me", true),
        ] {
            let query = format!("{filter}&as_of={position}");
            assert_eq!(listed(&reader, &query, 5).await.len(), usize::from(expected), "{query}");
        }
    }
    system.end().await;
}
