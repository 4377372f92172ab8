//! An auditor sees a period go by once more, as the log has it.

use std::{path::Path, process::Output};

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::{process::taskledger, processes::person, system::System};

/// An event as the log has it.
struct Logged {
    position: i64,
    recorded: DateTime<Utc>,
    /// Id, type with version, aggregate and payload, as they are published.
    published: Value,
}

async fn log(url: &str) -> Vec<Logged> {
    let sql = "SELECT position, recorded_at, json_build_object('id', event_id, \
         'type', event_type || '.v' || event_version, 'subject', aggregate_id, 'data', payload)::text \
         FROM event_store.events ORDER BY position";
    let pool = PgPool::connect(url).await.unwrap();
    let rows: Vec<(i64, DateTime<Utc>, String)> = sqlx::query_as(sql).fetch_all(&pool).await.unwrap();
    let event = |(position, recorded, published): (i64, _, String)| Logged {
        position,
        recorded,
        published: serde_json::from_str(&published).unwrap(),
    };
    rows.into_iter().map(event).collect()
}

fn lines(output: Output) -> Vec<String> {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

/// A replay as somebody starts it, as fast as can be unless it is said otherwise.
async fn replay(system: &System, arguments: &[&str]) -> Vec<String> {
    let fast = if arguments.contains(&"--speed") { &[][..] } else { &["--speed", "max"] };
    lines(system.operator(&[&["replay"], fast, arguments].concat()).await)
}

/// What was replayed: places in the log, and what is published of each event.
async fn events(system: &System, arguments: &[&str]) -> Vec<(i64, Value)> {
    let printed = replay(system, &[&["--format", "ndjson"], arguments].concat()).await;
    let event = |line: &String| {
        let event: Value = serde_json::from_str(line).unwrap();
        let position = event["sequence"].as_str().unwrap().parse().unwrap();
        (
            position,
            json!({"id": event["id"], "type": event["type"], "subject": event["subject"], "data": event["data"]}),
        )
    };
    printed.iter().map(event).collect()
}

async fn positions(system: &System, arguments: &[&str]) -> Vec<i64> {
    events(system, arguments).await.into_iter().map(|(position, _)| position).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_period_is_shown_as_it_happened() {
    let mut system = System::start().await;
    let admin = system.admin().await;
    let (bob, as_bob) = person(&system, &admin, "bob").await;
    let mut created = Vec::new();
    for (client, title) in [(&admin, "roof"), (&as_bob, "door")] {
        let task = client.post("/v1/tasks", &json!({"title": title})).await.unwrap().expect(201);
        created.push((
            task.json()["id"].as_str().unwrap().to_owned(),
            task.json()["key"].as_str().unwrap().to_owned(),
        ));
    }
    for (client, task, verb) in
        [(&admin, 0, "start"), (&as_bob, 1, "start"), (&admin, 1, "hold"), (&admin, 0, "complete")]
    {
        let path = format!("/v1/tasks/{}/{verb}", created[task].0);
        client.post(&path, &json!({})).await.unwrap().expect(200);
    }
    let log = log(&system.postgres.url()).await;
    let last = log.last().unwrap().position;
    let end = last.to_string();

    // Everything, and every part of it, in the order and words of the log.
    let all = events(&system, &["--to", &end]).await;
    let expected: Vec<_> = log.iter().map(|event| (event.position, event.published.clone())).collect();
    assert_eq!(all, expected);
    let (from, to) = (last - 4, last - 1);
    let between =
        |words: [String; 2]| ["--from".to_owned(), words[0].clone(), "--to".to_owned(), words[1].clone()];
    let by_position = between([from.to_string(), to.to_string()]);
    let part = positions(&system, &by_position.each_ref().map(String::as_str)).await;
    assert_eq!(part, (from..=to).collect::<Vec<_>>());
    // What was recorded then or after, and before: the end is left out.
    let at = |position: i64| log[usize::try_from(position - 1).unwrap()].recorded;
    let by_time =
        between([from, to].map(|position| at(position).to_rfc3339_opts(SecondsFormat::Micros, true)));
    let part = positions(&system, &by_time.each_ref().map(String::as_str)).await;
    let recorded = log.iter().filter(|event| event.recorded >= at(from) && event.recorded < at(to));
    assert_eq!(part, recorded.map(|event| event.position).collect::<Vec<_>>());

    // Of one task, by id or key; of one person; of both.
    let (id, key) = &created[1];
    let of = |wanted: &dyn Fn(&Value) -> bool| -> Vec<i64> {
        log.iter().filter(|event| wanted(&event.published)).map(|event| event.position).collect()
    };
    let of_door = of(&|event| event["subject"] == id.as_str());
    assert_eq!((of_door.len(), positions(&system, &["--task", id]).await), (3, of_door.clone()));
    assert_eq!(positions(&system, &["--task", key]).await, of_door);
    let bobs = positions(&system, &["--actor", &bob]).await;
    assert!(bobs.ends_with(&of_door[..2]), "{bobs:?}");
    assert_eq!(positions(&system, &["--actor", &bob, "--task", key]).await, of_door[..2]);
    system.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn people_read_who_did_what_and_names_take_the_secret_key() {
    let mut system = System::start().await;
    let admin = system.admin().await;
    let created = admin.post("/v1/tasks", &json!({"title": "roof"})).await.unwrap().expect(201);
    let (task, position) = (created.json(), created.number("position"));
    admin
        .post(&format!("/v1/tasks/{}/start", task["key"].as_str().unwrap()), &json!({}))
        .await
        .unwrap()
        .expect(200);
    let key = task["key"].as_str().unwrap();
    let me = format!("/v1/users/me?min_position={position}");
    let creator = admin.at(&system.read_api.url).get_when_there(&me).await.json()["id"].clone();
    let shown = replay(&system, &["--task", key]).await;
    assert_eq!(shown.len(), 2, "{shown:?}");
    for (line, what) in shown.iter().zip(["task created", "task started"]) {
        assert!(line.contains("  Ada  ") && line.contains(&format!("  {key}  {what}")), "{line}");
    }

    // Without the key nobody has a name; nothing else differs.
    let nowhere = tempfile::tempdir().unwrap();
    let without = |arguments: &[&str]| {
        let mut command = taskledger();
        command.args(["replay", "--speed", "max", "--task", key]).args(arguments);
        command
            .env("EVENT_STORE_URL", system.postgres.url())
            .env("TASKLEDGER_DATA_DIR", Path::new(nowhere.path()));
        lines(command.output().unwrap())
    };
    let stranger = without(&[]);
    let named: Vec<_> = shown.iter().map(|line| line.replace("Ada", creator.as_str().unwrap())).collect();
    assert_eq!(stranger, named);
    let published = replay(&system, &["--format", "ndjson", "--task", key]).await;
    assert_eq!(without(&["--format", "ndjson"]), published);

    // Where so slow a replay is allowed no pauses, it says where one would have been: wherever time has passed in the log.
    let log = log(&system.postgres.url()).await;
    let end = log.last().unwrap().position.to_string();
    let slow = ["--speed", "0.000000001", "--longest-pause", "0", "--to", &end];
    let all = replay(&system, &slow).await;
    let passed = log.windows(2).filter(|pair| pair[0].recorded < pair[1].recorded).count();
    assert!(passed > 0);
    assert_eq!(all.iter().filter(|line| line.starts_with("… nothing for ")).count(), passed, "{all:?}");
    assert_eq!(all.len(), log.len() + passed);
    let quick = replay(&system, &["--longest-pause", "0", "--to", &end]).await;
    assert_eq!(quick.len(), log.len());
    system.end().await;
}
