//! What strangers make of our events: the published CloudEvents SDK reads them from every way, their payloads are what the
//! schemas say, and they are the same bytes wherever they come from.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use async_nats::jetstream;
use chrono::{TimeDelta, Utc};
use futures_util::StreamExt;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use servers::testing::{self, Checker, checker};

use crate::asyncapi::{committed, schema_names};
use crate::client::{Client, PASSWORD};
use crate::outside::receiver::{Receiver, Sort};
use crate::process::{Up, directory};
use crate::system::{PATIENCE, within};

const NEW_TASKS: usize = 3;

/// One event as it came.
#[derive(serde::Serialize)]
struct Received {
    way: &'static str,
    headers: Option<BTreeMap<String, String>>,
    body: String,
}

fn here() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// What is wrong with these; empty if nothing is.
async fn judge(checker: &Checker, schemas: &Value, events: &[Received], payloads: &[Value]) -> String {
    let input = json!({"schemas": schemas, "events": events, "payloads": payloads});
    let output = checker.run(&here().join("tests/it/cloud_events/check.py"), input.to_string()).await;
    let found = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.success(), found.is_empty(), "{complaint}");
    assert!(complaint.is_empty(), "{complaint}");
    found
}

fn committed_schemas() -> Value {
    let schema = |name: String| (name.clone(), committed(&format!("schemas/{name}.json")));
    Value::Object(schema_names().into_iter().map(schema).collect())
}

/// The samples of every event in every version, which the domain keeps.
fn samples() -> Vec<Value> {
    let files = std::fs::read_dir(here().join("../domain/tests/contract")).expect("the domain's contract");
    let sample = |path: &Path| {
        let name = path.file_name()?.to_str()?.strip_suffix(".snap")?.to_owned();
        let text = std::fs::read_to_string(path).ok()?;
        let data: Value = serde_json::from_str(text.splitn(3, "---\n").nth(2)?).ok()?;
        (!name.ends_with(".state")).then(|| json!({"type": name, "data": data}))
    };
    files.filter_map(|file| sample(&file.expect("a file").path())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_stored_payload_is_what_its_schema_says() {
    let (checker, schemas, samples) = (checker().await, committed_schemas(), samples());
    assert_eq!(samples.len(), schema_names().len());
    assert_eq!(judge(&checker, &schemas, &[], &samples).await, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_an_event_of_ours_is_noticed() {
    let (checker, schemas) = (checker().await, committed_schemas());
    let good = include_str!("good.json").trim();
    let of = |body: String| [Received { way: "by hand", headers: None, body }];
    assert_eq!(judge(&checker, &schemas, &of(good.to_owned()), &[]).await, "");
    for (from, to) in [
        (r#""specversion":"1.0","#, ""),
        (r#""specversion":"1.0""#, r#""specversion":"2.0""#),
        (r#""id":"01970000-0000-7000-8000-000000000001","#, ""),
        (r#""source":"/taskledger/tasks","#, ""),
        (r#""time":"2026-11-21T05:00:00.000001Z","#, ""),
        ("05:00:00.000001Z", "05:00:00+00:00"),
        (r#""requestid""#, r#""request_id""#),
        (r#""sequence":"00000000000000004711""#, r#""sequence":4711000000000"#),
        ("urn:taskledger:event:task.assigned.v1", "urn:taskledger:event:task.unassigned.v1"),
        (r#""assignee":"#, r#""assigned":"#),
        (r#""assignee":"01970000"#, r#""assignee":"0197000"#),
    ] {
        assert!(good.contains(from), "{from}");
        let found = judge(&checker, &schemas, &of(good.replacen(from, to, 1)), &[]).await;
        assert!(!found.is_empty(), "{from} as {to}");
    }
}

/// A running all-in-one, a program that may follow events, and somebody whom its webhook calls.
struct Place {
    up: Up,
    admin: Client,
    program: Client,
    receiver: Receiver,
}

impl Place {
    async fn new(data: &Path, nats: &str) -> Self {
        let up = Up::start_with(data, |command| {
            command.env("NATS_URL", nats).env("OUTBOUND_ALLOW", "127.0.0.1:1024-65535");
            command.env("TASKLEDGER_ADMIN_PASSWORD", PASSWORD);
        });
        let mut admin = Client::new(&up.url);
        admin.log_in("admin@localhost").await.expect("the first admin may log in");
        let program = program(&admin).await;
        let receiver = Receiver::start(Sort::Webhook).await;
        let hook = json!({"url": receiver.url, "event_types": ["task.*"], "start": "beginning"});
        program.call("POST", "/v1/webhooks", Some(&hook), Some("hook")).await.unwrap().expect(201);
        Self { up, admin, program, receiver }
    }

    /// Tasks live a little.
    async fn work(&self) {
        for number in 0..NEW_TASKS {
            let new =
                json!({"title": format!("지붕 {number}"), "labels": ["집"], "due": {"date": "2027-01-01"}});
            let task = self.admin.post("/v1/tasks", &new).await.unwrap().expect(201).json();
            let path = |act: &str| format!("/v1/tasks/{}/{act}", task["id"].as_str().unwrap());
            self.admin.post(&path("start"), &json!({"reason": "\"<>&\u{1F642}"})).await.unwrap().expect(200);
            self.admin.post(&path("comments"), &json!({"text": "*äé*"})).await.unwrap().expect(200);
        }
    }

    /// All that the program may see, by position.
    async fn pulled(&self) -> BTreeMap<String, String> {
        let page = self.program.get_when_there("/v1/events?after=0&page_size=1000").await.expect(200);
        #[derive(serde::Deserialize)]
        struct Page {
            items: Vec<Box<RawValue>>,
        }
        let page: Page = serde_json::from_str(&page.text).expect("a page");
        page.items.into_iter().map(|item| (sequence(item.get()), item.get().to_owned())).collect()
    }

    /// The same from the stream, up to this position.
    async fn streamed(&self, last: &str) -> BTreeMap<String, String> {
        let mut stream = self.program.open("/v1/events/stream?after=0", &[]).await.expect("a stream");
        let (mut text, mut found) = (Vec::new(), BTreeMap::new());
        while !found.contains_key(last) {
            text.extend(stream.chunk().await.expect("the stream goes on").expect("it does not end"));
            found = events_of(&String::from_utf8_lossy(&text));
        }
        found
    }

    /// What the webhook has brought, when these have come.
    async fn called(&self, expected: &BTreeSet<String>) -> Vec<Received> {
        let mut calls = Vec::new();
        let there = within(PATIENCE, async || {
            calls = self.receiver.calls();
            let came = calls.iter().map(|call| sequence(&String::from_utf8_lossy(&call.body)));
            expected.is_subset(&came.collect())
        });
        assert!(there.await, "{} calls only", calls.len());
        let received = |call: crate::outside::receiver::Call| Received {
            way: "webhook",
            body: String::from_utf8(call.body.to_vec()).expect("UTF-8"),
            headers: Some(
                call.headers
                    .iter()
                    .map(|(name, value)| (name.to_string(), value.to_str().expect("a text").to_owned()))
                    .collect(),
            ),
        };
        calls.into_iter().map(received).collect()
    }
}

async fn program(admin: &Client) -> Client {
    let scopes = json!(["webhooks:manage", "events:read", "tasks:read", "users:read"]);
    let account = json!({"name": "robot", "scopes": scopes});
    let account = admin.post("/v1/service-accounts", &account).await.unwrap().expect(201).json();
    let key = json!({"name": "robot", "scopes": scopes, "service_account": account["id"],
        "expire_time": Utc::now() + TimeDelta::days(1)});
    let key = admin.post("/v1/api-keys", &key).await.unwrap().expect(201).json();
    admin.showing(key["key"].as_str().unwrap())
}

fn sequence(event: &str) -> String {
    let event: Value = serde_json::from_str(event).expect("an event is JSON");
    event["sequence"].as_str().expect("a sequence").to_owned()
}

/// The events in a stream of server-sent events, as far as it has come.
fn events_of(stream: &str) -> BTreeMap<String, String> {
    let frames = stream.split_inclusive("\n\n").filter(|frame| frame.ends_with("\n\n"));
    let events = frames.filter(|frame| frame.lines().any(|line| line == "event: event"));
    let data = events.flat_map(|frame| frame.lines().filter_map(|line| line.strip_prefix("data: ")));
    data.map(|data| (sequence(data), data.to_owned())).collect()
}

/// Everything in the stream, up to this position: what NATS says of it, and the bytes.
async fn published(url: &str, last: &str) -> BTreeMap<String, (String, String, String)> {
    let address: async_nats::ServerAddr = url.parse().expect("an address");
    let (user, password) = (address.username().unwrap_or_default(), address.password().unwrap_or_default());
    let options = async_nats::ConnectOptions::with_user_and_password(user.to_owned(), password.to_owned());
    let client = options.connect(&address).await.expect("NATS answers");
    let stream = jetstream::new(client).get_stream("EVENTS").await.expect("the stream is there");
    let config = jetstream::consumer::pull::OrderedConfig::default();
    let mut messages = stream.create_consumer(config).await.unwrap().messages().await.unwrap();
    let mut found = BTreeMap::new();
    while !found.contains_key(last) {
        let message = tokio::time::timeout(PATIENCE, messages.next()).await.expect("more is to come");
        let message = message.expect("the stream goes on").expect("a message");
        let body = String::from_utf8(message.payload.to_vec()).expect("UTF-8");
        let id = message.headers.as_ref().and_then(|headers| headers.get("Nats-Msg-Id")).expect("an id");
        assert_eq!(message.info().unwrap().stream_sequence, sequence(&body).parse::<u64>().unwrap());
        found.insert(sequence(&body), (message.subject.to_string(), id.to_string(), body));
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sdk_reads_the_same_events_from_every_way() {
    let (data, nats) = (directory(), testing::nats().await);
    let place = Place::new(data.path(), nats.url()).await;
    place.work().await;
    let pulled = place.pulled().await;
    assert!(pulled.len() >= 3 * NEW_TASKS, "{pulled:?}");
    let last = pulled.keys().next_back().unwrap();
    let (streamed, published) = (place.streamed(last).await, published(nats.url(), last).await);
    for (position, event) in &pulled {
        assert_eq!(streamed.get(position), Some(event));
        let (subject, id, body) = &published[position];
        assert_eq!(body, event);
        let event: Value = serde_json::from_str(event).unwrap();
        assert_eq!(event["id"], **id);
        let (kind, _) = event["type"].as_str().unwrap().rsplit_once(".v").unwrap();
        assert_eq!(*subject, format!("events.{kind}.{}", event["subject"].as_str().unwrap()));
    }
    let tasks = pulled.iter().filter(|(_, event)| event.contains(r#""source":"/taskledger/tasks""#));
    let calls = place.called(&tasks.map(|(position, _)| position.clone()).collect()).await;
    for call in &calls {
        assert_eq!(call.body, pulled[&sequence(&call.body)]);
    }

    let received = |way, body: &String| Received { way, headers: None, body: body.clone() };
    let mut all = calls;
    all.extend(pulled.values().map(|body| received("pull", body)));
    all.extend(streamed.values().map(|body| received("stream", body)));
    all.extend(published.values().map(|(_, _, body)| received("nats", body)));
    let schemas = served_schemas(&place.admin).await;
    assert_eq!(judge(&checker().await, &schemas, &all, &[]).await, "");
    assert!(place.up.end("INT").success());
}

/// As the installation itself gives them out.
async fn served_schemas(client: &Client) -> Value {
    let stranger = client.showing("");
    let mut schemas = json!({});
    for name in schema_names() {
        let answer = stranger.get(&format!("/v1/schemas/{name}")).await.unwrap().expect(200);
        schemas[&name] = answer.json();
    }
    assert_eq!(
        stranger.get("/v1/schemas/task.assigned.v1.json").await.unwrap().json(),
        schemas["task.assigned.v1"]
    );
    assert_eq!(stranger.get("/v1/schemas/task.assigned.v9").await.unwrap().code(), "NOT_FOUND");
    schemas
}
