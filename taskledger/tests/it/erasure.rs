//! A person is erased: nothing that names them is left anywhere, whatever dies meanwhile, and what was proved stays proved.

use std::fs;
use std::path::Path;

use async_nats::jetstream::{self, consumer::DeliverPolicy, consumer::pull::OrderedConfig};
use futures_util::StreamExt;
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::client::{Client, PASSWORD};
use crate::system::{PATIENCE, System, within};

/// Words that occur in nothing but what is personal.
const CANARIES: [&str; 5] = ["canaryname", "canarymail", "canaryagent", "canarydevice", "canarykey"];
const EMAIL: &str = "canarymail@example.org";

/// Tables of all schemas in which a word is found, in clear or as the bytes that it is.
async fn tables_with(pool: &PgPool, word: &str) -> Vec<String> {
    let tables = "SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
         WHERE c.relkind IN ('r', 'm') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'";
    let tables: Vec<String> = sqlx::query_scalar(tables).fetch_all(pool).await.unwrap();
    assert!(tables.len() > 50, "{tables:?}");
    let bytes: String = word.bytes().map(|byte| format!("{byte:02x}")).collect();
    let mut found = Vec::new();
    for table in tables {
        let sql = format!(
            "SELECT EXISTS (SELECT FROM {table} t WHERE t::text ILIKE '%{word}%' OR t::text ILIKE '%{bytes}%')"
        );
        if sqlx::query_scalar(&sql).fetch_one(pool).await.unwrap() {
            found.push(table);
        }
    }
    found
}

async fn every_canary(pool: &PgPool) -> Vec<(&'static str, Vec<String>)> {
    let mut found = Vec::new();
    for word in CANARIES {
        found.push((word, tables_with(pool, word).await));
    }
    found.retain(|(_, tables)| !tables.is_empty());
    found
}

/// Every message that the stream holds.
async fn messages(url: &str) -> Vec<String> {
    let (user, server) = url.strip_prefix("nats://").and_then(|rest| rest.split_once('@')).unwrap();
    let (user, password) = user.split_once(':').unwrap();
    let options = async_nats::ConnectOptions::with_user_and_password(user.to_owned(), password.to_owned());
    let nats = options.connect(server).await.unwrap();
    let mut stream = jetstream::new(nats).get_stream("EVENTS").await.unwrap();
    let last = stream.info().await.unwrap().state.last_sequence;
    let config = OrderedConfig { deliver_policy: DeliverPolicy::All, ..OrderedConfig::default() };
    let mut read = stream.create_consumer(config).await.unwrap().messages().await.unwrap();
    let mut texts = Vec::new();
    while let Some(message) = read.next().await {
        let message = message.unwrap();
        texts.push(format!("{:?} {}", message.headers, String::from_utf8_lossy(&message.payload)));
        if message.info().unwrap().stream_sequence >= last {
            break;
        }
    }
    texts
}

/// Files below a directory that hold a word.
fn files_with(directory: &Path, word: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_with(&path, word));
        } else if String::from_utf8_lossy(&fs::read(&path).unwrap()).to_lowercase().contains(word) {
            found.push(path.display().to_string());
        }
    }
    found
}

/// Somebody who leaves a trace wherever one can be left.
struct Canary {
    id: String,
    client: Client,
    task: String,
}

async fn canary(system: &System, admin: &Client) -> Canary {
    let agent = [("user-agent", "canaryagent/1")];
    let mut client = Client::new(&system.command_api.url);
    let new = json!({"email": EMAIL, "name": "canaryname", "password": PASSWORD});
    client.send("POST", "/v1/auth/register", Some(&new), &agent).await.unwrap().expect(202);
    let queries = admin.at(&system.read_api.url);
    let mut id = String::new();
    let there = within(PATIENCE, async || {
        let found = queries.get_when_there("/v1/users?q=canaryname").await.json();
        id = found["items"][0]["id"].as_str().unwrap_or_default().to_owned();
        !id.is_empty()
    });
    assert!(there.await);
    admin.post_matching(&format!("/v1/users/{id}/verify"), &json!({})).await.unwrap().expect(200);
    let wrong = json!({"email": EMAIL, "password": "tempest over kiwj"});
    client.send("POST", "/v1/auth/login", Some(&wrong), &agent).await.unwrap().expect(401);
    let right = json!({"email": EMAIL, "password": PASSWORD});
    let session =
        client.send("POST", "/v1/auth/login", Some(&right), &agent).await.unwrap().expect(200).json();
    client = client.showing(session["access_token"].as_str().expect("a token"));
    let ask = async |method: &str, path: &str, body: Value| {
        let answer = client.send(method, path, Some(&body), &agent).await.unwrap();
        assert!((200..300).contains(&answer.status), "{path}: {}", answer.text);
        answer.json()
    };
    ask("PATCH", "/v1/users/me", json!({"name": "canaryname the second"})).await;
    ask("POST", "/v1/users/me/devices", json!({"platform": "web", "token": "canarydevice"})).await;
    let expires = chrono::Utc::now() + chrono::TimeDelta::days(1);
    let key = json!({"name": "canarykey", "scopes": ["tasks:read"], "expire_time": expires});
    ask("POST", "/v1/api-keys", key).await;
    let task = ask("POST", "/v1/tasks", json!({"title": "of somebody", "assignees": [id]})).await;
    let task = task["id"].as_str().unwrap().to_owned();
    // Others are told of it by name.
    let other = json!({"title": "of the admin's", "assignees": [id]});
    let other = admin.post("/v1/tasks", &other).await.unwrap().expect(201).json();
    let comments = format!("/v1/tasks/{}/comments", other["id"].as_str().unwrap());
    ask("POST", &comments, json!({"text": "on my way"})).await;
    Canary { id, client, task }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_an_erased_person_is_left_whatever_dies() {
    let directory = tempfile::tempdir().unwrap();
    let list = directory.path().join("erased.ndjson");
    let mut system = System::start_with(&[("ERASED_FILE", list.display().to_string())]).await;
    let admin = system.admin().await;
    let queries = admin.at(&system.read_api.url);
    let canary = canary(&system, &admin).await;
    let pool = PgPool::connect(&system.postgres.url()).await.unwrap();
    let told = "SELECT count(*) FROM delivery.mails WHERE text ILIKE '%canaryname%'";
    let told = async || sqlx::query_scalar::<_, i64>(told).fetch_one(&pool).await.unwrap() > 0;
    assert!(within(PATIENCE, told).await, "nobody was written to");
    assert!(tables_with(&pool, "canaryname").await.len() >= 2, "nothing would be found anyway");

    let export = canary.client.at(&system.read_api.url).get("/v1/users/me/export").await.unwrap().expect(200);
    let lines: Vec<Value> = export.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for kind in ["profile", "device", "session", "task", "comment", "event", "end"] {
        assert!(lines.iter().any(|line| line["kind"] == kind), "{kind}: {}", export.text);
    }
    assert_eq!(lines.last().unwrap()["data"]["lines"], lines.len() - 1);
    assert!(export.text.contains(EMAIL) && export.text.contains("canaryagent"), "{}", export.text);

    let path = format!("/v1/users/{}/erase", canary.id);
    let erased = admin.post(&path, &json!({})).await.unwrap().expect(200);
    system.command_api.kill().await;
    system.projections.kill().await;
    system.projections.start();
    system.command_api.start();
    system.command_api.ready().await;
    let position = erased.number("position");
    let shown = format!("/v1/users/{}?min_position={position}", canary.id);
    let shown = queries.get_when_there(&shown).await.expect(200).json();
    assert_eq!(
        json!([shown["name"], shown["email"], shown["erased"], shown["state"]]),
        json!([null, null, true, "deactivated"])
    );
    let behind = format!(
        "SELECT count(*) FROM delivery.checkpoints WHERE position < {position} AND consumer <> 'mail'"
    );
    let passed = async || sqlx::query_scalar::<_, i64>(&behind).fetch_one(&pool).await.unwrap() == 0;
    assert!(within(PATIENCE, passed).await, "a reactor has not passed the event");
    let gone = async || every_canary(&pool).await.is_empty();
    assert!(within(PATIENCE, gone).await, "{:?}", every_canary(&pool).await);

    let stream = messages(&system.nats.url()).await;
    assert!(stream.iter().any(|message| message.contains("user.erased")));
    for word in CANARIES {
        assert!(stream.iter().all(|message| !message.to_lowercase().contains(word)), "{word} in JetStream");
        assert_eq!(files_with(system.home(), word), Vec::<String>::new());
    }

    // What was is still told, without them.
    let history = queries.get(&format!("/v1/users/{}/history?page_size=200", canary.id)).await.unwrap();
    let history = history.expect(200).json();
    assert_eq!(history["items"][0]["type"], "user.erased.v1");
    let first = history["items"].as_array().unwrap().last().unwrap().clone();
    assert_eq!(first["changes"][0], json!({"field": "email", "old": null, "new": {"erased": true}}));
    let task = queries.get(&format!("/v1/tasks/{}", canary.task)).await.unwrap().expect(200).json();
    assert_eq!(task["creator"], json!({"id": canary.id, "name": null}));
    let left = async || {
        let task = queries.get_when_there(&format!("/v1/tasks/{}", canary.task)).await.json();
        task["assignees"] == json!([])
    };
    let pool_of_steps = pool.clone();
    let due =
        "UPDATE delivery.deliveries SET due_at = now(), lease_until = '-infinity' WHERE end_time IS NULL";
    let handed_over = within(PATIENCE, async || {
        sqlx::query(due).execute(&pool_of_steps).await.unwrap();
        left().await
    });
    assert!(handed_over.await, "the task is still theirs");

    let verified = system.operator(&["verify"]).await;
    assert!(verified.status.success(), "{verified:?}");
    let rebuilt = system.operator(&["rebuild", "users"]).await;
    assert!(rebuilt.status.success(), "{rebuilt:?}");
    assert!(every_canary(&pool).await.is_empty(), "{:?}", every_canary(&pool).await);

    // The address is anybody's; the list outside erases whom a backup brings back.
    let new = json!({"email": EMAIL, "name": "Somebody else", "password": PASSWORD});
    let stranger = Client::new(&system.command_api.url);
    stranger.post("/v1/auth/register", &new).await.unwrap().expect(202);
    let mut other = String::new();
    let signed_up = within(PATIENCE, async || {
        let found = queries.get_when_there("/v1/users?q=Somebody").await.json();
        other = found["items"][0]["id"].as_str().unwrap_or_default().to_owned();
        !other.is_empty()
    });
    assert!(signed_up.await);
    let listed =
        within(PATIENCE, async || fs::read_to_string(&list).unwrap_or_default().contains(&canary.id));
    assert!(listed.await, "the list outside lacks them");
    let line = format!("{{\"user\":\"{other}\",\"time\":\"2026-11-22T01:00:00Z\"}}\n");
    let both = fs::read_to_string(&list).unwrap() + &line;
    let restored = directory.path().join("restored.ndjson");
    fs::write(&restored, both).unwrap();
    let arguments = ["erase-again", "--from", restored.to_str().unwrap()];
    for expected in ["2 erased, 1 of them again.", "2 erased, 0 of them again."] {
        let again = system.operator(&arguments).await;
        assert_eq!(String::from_utf8_lossy(&again.stdout).trim(), expected, "{again:?}");
    }
    system.end().await;
}
