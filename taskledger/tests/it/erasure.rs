//! A person is erased: nothing that names them is left anywhere, whatever dies meanwhile, and what was proved stays proved.

use std::fs;
use std::path::Path;

use async_nats::jetstream::{self, consumer::DeliverPolicy, consumer::pull::OrderedConfig};
use futures_util::StreamExt;
use serde_json::{Value, json};
use sqlx::PgPool;
use uuid::Uuid;

use crate::client::{Client, PASSWORD};
use crate::processes::auditor;
use crate::system::{PATIENCE, System, free_port, within};
use crate::walk::outside::Outside;

/// Words that occur in nothing but what is personal.
const CANARIES: [&str; 12] = [
    "canaryname",
    "canaryprogram",
    "canarysecret",
    "canarymail",
    "canaryagent",
    "canarydevice",
    "canarykey",
    "canarygroup",
    "canaryfilter",
    "canaryreason",
    "canaryoutside",
    "canaryelsewhere",
];
/// A word that was given as the team's: it stays where it was given, and nowhere else.
const OF_THE_TEAM: &str = "canaryhook";
const WHERE_GIVEN: [&str; 2] = ["event_store.events", "event_store.receipts_quarter_"];
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

async fn canary(system: &System, admin: &Client, outside: &Outside) -> Canary {
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
    // The name at the provider is the subject too; the address there may become another one.
    for email in [EMAIL, "canaryelsewhere@example.org"] {
        outside.enter(&system.command_api.url, "canaryoutside", email).await;
        outside.forget("canaryoutside").await;
    }
    let wrong = json!({"email": EMAIL, "password": "tempest over kiwj"});
    client.send("POST", "/v1/auth/login", Some(&wrong), &agent).await.unwrap().expect(401);
    let right = json!({"email": EMAIL, "password": PASSWORD});
    let session =
        client.send("POST", "/v1/auth/login", Some(&right), &agent).await.unwrap().expect(200).json();
    client = client.showing(session["access_token"].as_str().expect("a token"));
    let reader = client.at(&system.read_api.url);
    let ask = async |method: &str, path: &str, body: Value| {
        let key = Uuid::now_v7().to_string();
        let headers = [agent[0], ("idempotency-key", key.as_str())];
        let at = if path.starts_with("/v1/consumer-groups") { &reader } else { &client };
        let answer = at.send(method, path, Some(&body), &headers).await.unwrap();
        assert!((200..300).contains(&answer.status), "{path}: {}", answer.text);
        answer.json()
    };
    ask("PATCH", "/v1/users/me", json!({"name": "canaryname the second"})).await;
    ask("POST", "/v1/users/me/devices", json!({"platform": "web", "token": "canarydevice"})).await;
    let expires = chrono::Utc::now() + chrono::TimeDelta::days(1);
    let key = json!({"name": "canarykey", "scopes": ["tasks:read"], "expire_time": expires});
    ask("POST", "/v1/api-keys", key).await;
    let group = json!({"types": ["task.*"], "filter": "label = canaryfilter"});
    ask("PUT", "/v1/consumer-groups/canarygroup", group).await;
    let task = ask("POST", "/v1/tasks", json!({"title": "of somebody", "assignees": [id]})).await;
    let task = task["id"].as_str().unwrap().to_owned();
    // Others are told of it by name.
    let other = json!({"title": "of the admin's", "assignees": [id]});
    let other = admin.post("/v1/tasks", &other).await.unwrap().expect(201).json();
    let comments = format!("/v1/tasks/{}/comments", other["id"].as_str().unwrap());
    ask("POST", &comments, json!({"text": "on my way"})).await;
    Canary { id, client, task }
}

/// A program, which is what has webhooks; its id.
async fn program(admin: &Client) -> String {
    let ask = async |client: &Client, path: &str, body: Value| {
        let key = Uuid::now_v7().to_string();
        client.call("POST", path, Some(&body), Some(&key)).await.unwrap().expect(201).json()
    };
    let scopes = ["webhooks:manage", "events:read", "tasks:read"];
    let made = ask(admin, "/v1/service-accounts", json!({"name": "canaryprogram", "scopes": scopes})).await;
    let expires = chrono::Utc::now() + chrono::TimeDelta::days(1);
    let key =
        json!({"name": "canarykey", "service_account": made["id"], "scopes": scopes, "expire_time": expires});
    let key = ask(admin, "/v1/api-keys", key).await;
    let url = "https://canaryhook.example.org/in";
    let headers = json!({"authorization": "canarysecret"});
    let hook =
        json!({"url": url, "description": "canaryhook", "event_types": ["task.*"], "headers": headers});
    ask(&admin.showing(key["key"].as_str().unwrap()), "/v1/webhooks", hook).await;
    made["id"].as_str().unwrap().to_owned()
}

/// What an event was parked for, as the person's program has said.
async fn parks(pool: &PgPool) {
    let parked = "INSERT INTO event_store.consumer_group_events (group_id, position, aggregate_id, attempts, parked_at, reason) \
         SELECT id, 1, gen_random_uuid(), 1, now(), 'canaryreason' FROM event_store.consumer_groups";
    assert_eq!(sqlx::query(parked).execute(pool).await.unwrap().rows_affected(), 1);
}

/// An announcement that the person is among the recipients of.
async fn is_told(admin: &Client, person: &str, pool: &PgPool) {
    let new = json!({"title": "The roof", "body": "It is open.", "audience": {"users": [person]}});
    let key = Uuid::now_v7().to_string();
    let made = admin.call("POST", "/v1/announcements", Some(&new), Some(&key)).await.unwrap().expect(201);
    let path = format!("/v1/announcements/{}/schedule", made.json()["id"].as_str().unwrap());
    let now = json!({"at": chrono::Utc::now(), "zone": "Asia/Seoul"});
    let key = Uuid::now_v7().to_string();
    let headers = [("idempotency-key", key.as_str()), ("if-match", "*")];
    admin.send("POST", &path, Some(&now), &headers).await.unwrap().expect(202);
    assert!(within(PATIENCE, async || recipients(pool, person).await == 1).await, "nobody is told");
}

async fn recipients(pool: &PgPool, person: &str) -> i64 {
    let sql = "SELECT count(*) FROM delivery.announcement_recipients WHERE user_id = $1::uuid";
    sqlx::query_scalar(sql).bind(person).fetch_one(pool).await.unwrap()
}

/// A file with all events that an auditor has made; where it is.
async fn exported(auditor: &Client, commands: &str) -> String {
    let asked = auditor.at(commands).post("/v1/audit/exports", &json!({})).await.unwrap().expect(202);
    let path = format!(
        "/v1/operations/{}?min_position={}",
        asked.json()["id"].as_str().unwrap(),
        asked.number("position")
    );
    let mut operation = Value::Null;
    let ended = within(PATIENCE, async || {
        operation = auditor.get_when_there(&path).await.json();
        operation["state"] == "done"
    });
    assert!(ended.await, "{operation}");
    operation["response"]["content"].as_str().unwrap().to_owned()
}

/// Nothing that is personal is anywhere; what is the team's is where it was given.
async fn nothing_is_left(pool: &PgPool) {
    let gone = within(PATIENCE, async || every_canary(pool).await.is_empty());
    assert!(gone.await, "{:?}", every_canary(pool).await);
    let mut kept = tables_with(pool, OF_THE_TEAM).await;
    kept.retain(|table| !WHERE_GIVEN.iter().any(|given| table.starts_with(given)));
    assert_eq!(kept, Vec::<String>::new(), "{OF_THE_TEAM}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_an_erased_person_is_left_whatever_dies() {
    let directory = tempfile::tempdir().unwrap();
    let list = directory.path().join("erased.ndjson");
    let port = free_port();
    let outside = Outside::of(&format!("http://127.0.0.1:{port}")).await;
    let providers = directory.path().join("providers.toml");
    outside.configure(&providers);
    let settings =
        [("ERASED_FILE", list.display().to_string()), ("OIDC_PROVIDERS", providers.display().to_string())];
    let mut system = System::start_at(port, &settings).await;
    let admin = system.admin().await;
    let queries = admin.at(&system.read_api.url);
    let program = program(&admin).await;
    let canary = canary(&system, &admin, &outside).await;
    let pool = PgPool::connect(&system.postgres.url()).await.unwrap();
    let told = "SELECT count(*) FROM delivery.mails WHERE text ILIKE '%canaryname%'";
    let told = async || sqlx::query_scalar::<_, i64>(told).fetch_one(&pool).await.unwrap() > 0;
    assert!(within(PATIENCE, told).await, "nobody was written to");
    parks(&pool).await;
    is_told(&admin, &canary.id, &pool).await;
    let auditor = auditor(&system, &admin).await;
    let file = exported(&auditor, &system.command_api.url).await;
    assert!(tables_with(&pool, "canaryname").await.len() >= 2, "nothing would be found anyway");
    let hooks = async || tables_with(&pool, OF_THE_TEAM).await.contains(&"delivery.webhooks".to_owned());
    assert!(within(PATIENCE, hooks).await, "the webhook is not there");
    for word in ["canarygroup", "canaryfilter", "canaryreason"] {
        assert!(!tables_with(&pool, word).await.is_empty(), "{word} would not be found anyway");
    }

    let export = canary.client.at(&system.read_api.url).get("/v1/users/me/export").await.unwrap().expect(200);
    let lines: Vec<Value> = export.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for kind in ["profile", "device", "identity", "session", "task", "comment", "event", "end"] {
        assert!(lines.iter().any(|line| line["kind"] == kind), "{kind}: {}", export.text);
    }
    assert_eq!(lines.last().unwrap()["data"]["lines"], lines.len() - 1);
    for word in [EMAIL, "canaryagent", "canaryoutside"] {
        assert!(export.text.contains(word), "{word}: {}", export.text);
    }

    let erase = async |id: &str| {
        let path = format!("/v1/users/{id}/erase");
        admin.call("POST", &path, Some(&json!({})), Some(id)).await.unwrap().expect(200)
    };
    erase(&program).await;
    let erased = erase(&canary.id).await;
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
    nothing_is_left(&pool).await;
    assert_eq!(recipients(&pool, &canary.id).await, 0);
    let file = auditor.get_when_there(&file).await.expect(200).text.to_lowercase();
    assert!(file.contains("user.registered"));
    for word in CANARIES {
        assert!(!file.contains(word), "{word} in an export");
    }

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
    for projection in ["users", "audit", "tasks"] {
        let rebuilt = system.operator(&["rebuild", projection]).await;
        assert!(rebuilt.status.success(), "{rebuilt:?}");
    }
    nothing_is_left(&pool).await;

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
    for expected in ["3 erased, 1 of them again.", "3 erased, 0 of them again."] {
        let again = system.operator(&arguments).await;
        assert_eq!(String::from_utf8_lossy(&again.stdout).trim(), expected, "{again:?}");
    }
    system.end().await;
}
