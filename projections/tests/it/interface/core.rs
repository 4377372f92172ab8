//! A core system that takes each key once, and misbehaves as it is told.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::{Html, IntoResponse, Response},
    routing::post,
};
use projections::channels::interface::Interface;
use serde_json::{Value, json};
use service::outbound::{Client, Limits, Options};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::channels::receiver::Served;

/// How a call is met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mood {
    /// Taken, unless its key has come before; answered as the first time.
    Takes,
    /// Taken, but the answer never comes.
    TakesAndHangs,
    /// The first bytes come, then nothing.
    Drips,
    /// Something else answers in its place.
    Lies,
    /// An answer that ends too soon.
    Breaks,
    /// Not now.
    Later,
    /// Never.
    Never,
    /// Not there.
    Down,
}

type Moods = dyn Fn(&Told) -> Mood + Send + Sync;

/// A change as it came.
#[derive(Clone, Debug)]
pub(super) struct Told {
    pub(super) key: Uuid,
    pub(super) task: Uuid,
    pub(super) version: i64,
    pub(super) body: Bytes,
    /// Calls with this key, this one among them.
    pub(super) call: usize,
}

struct Memory {
    mood: Box<Moods>,
    keys: HashSet<Uuid>,
    calls: HashMap<Uuid, usize>,
    taken: Vec<Told>,
    told: Vec<Told>,
    /// How far it knows tasks, if it offers to compare that.
    known: Option<BTreeMap<Uuid, i64>>,
}

#[derive(Clone)]
struct Shared(Arc<Mutex<Memory>>);

pub(super) struct Core {
    shared: Shared,
    served: Served,
}

impl Core {
    pub(super) async fn start(mood: impl Fn(&Told) -> Mood + Send + Sync + 'static) -> Self {
        let (keys, calls, taken, told) = Default::default();
        let memory = Memory { mood: Box::new(mood), keys, calls, taken, told, known: None };
        let shared = Shared(Arc::new(Mutex::new(memory)));
        let router = Router::new()
            .route("/interface/events", post(take))
            .route("/interface/checksums", post(compare))
            .route("/interface/checksums/{bucket}", post(look_into))
            .with_state(shared.clone());
        Self { shared, served: Served::start(|_| router).await }
    }

    pub(super) fn is(&self, mood: impl Fn(&Told) -> Mood + Send + Sync + 'static) {
        self.shared.0.lock().unwrap().mood = Box::new(mood);
    }

    /// From now on it offers to compare, and says to know these tasks so far.
    pub(super) fn knows(&self, known: BTreeMap<Uuid, i64>) {
        self.shared.0.lock().unwrap().known = Some(known);
    }

    /// What it has taken, in order, each once.
    pub(super) fn taken(&self) -> Vec<Told> {
        self.shared.0.lock().unwrap().taken.clone()
    }

    /// All that it was told, in order.
    pub(super) fn told(&self) -> Vec<Told> {
        self.shared.0.lock().unwrap().told.clone()
    }

    /// Versions of a task in the order in which they were taken.
    pub(super) fn versions(&self, task: Uuid) -> Vec<i64> {
        let taken = self.taken();
        taken.iter().filter(|told| told.task == task).map(|told| told.version).collect()
    }

    /// A client of one process, which waits so long for an answer.
    pub(super) fn client(&self, patience: Duration) -> Arc<Interface> {
        let limits = Limits { connect: patience, whole: patience, ..Limits::default() };
        let client = Client::new(Options { limits, ..Options::default() }).unwrap();
        Arc::new(Interface::new(&self.served.url.join("interface/").unwrap(), None, client))
    }
}

async fn take(State(shared): State<Shared>, headers: HeaderMap, body: Bytes) -> Response {
    let (mood, told) = note(&shared, &headers, body);
    let said = |body: Value| axum::Json(body).into_response();
    match mood {
        Mood::Takes => said(json!({"success": true, "code": "OK", "message": "", "retryable": false})),
        Mood::TakesAndHangs => std::future::pending().await,
        Mood::Drips => {
            let first = futures_util::stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(b"{\"succ"))]);
            let never = futures_util::stream::pending();
            Body::from_stream(futures_util::StreamExt::chain(first, never)).into_response()
        }
        Mood::Lies => Html("<h1>success</h1>").into_response(),
        Mood::Breaks => (StatusCode::OK, r#"{"success": true"#).into_response(),
        Mood::Later => {
            said(json!({"success": false, "code": "DAY_CLOSED", "message": "later", "retryable": true}))
        }
        Mood::Never => {
            let message = format!("no such customer {}", told.task);
            said(json!({"success": false, "code": "NO_CUSTOMER", "message": message, "retryable": false}))
        }
        Mood::Down => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

fn note(shared: &Shared, headers: &HeaderMap, body: Bytes) -> (Mood, Told) {
    let envelope: Value = serde_json::from_slice(&body).unwrap();
    let key: Uuid = headers["idempotency-key"].to_str().unwrap().parse().unwrap();
    assert_eq!(envelope["id"], key.to_string());
    let mut memory = shared.0.lock().unwrap();
    let call = memory.calls.entry(key).or_default();
    *call += 1;
    let told = Told {
        key,
        task: envelope["subject"].as_str().unwrap().parse().unwrap(),
        version: envelope["aggregateversion"].as_i64().unwrap(),
        body,
        call: *call,
    };
    let mood = (memory.mood)(&told);
    memory.told.push(told.clone());
    if matches!(mood, Mood::Takes | Mood::TakesAndHangs) && memory.keys.insert(key) {
        memory.taken.push(told.clone());
    }
    (mood, told)
}

/// What it knows of a bucket.
fn bucket(known: &BTreeMap<Uuid, i64>, bucket: &str) -> BTreeMap<Uuid, i64> {
    let of = |id: &Uuid| id.to_string().ends_with(bucket);
    known.iter().filter(|(id, _)| of(id)).map(|(id, version)| (*id, *version)).collect()
}

async fn compare(State(shared): State<Shared>, body: Bytes) -> Response {
    let Some(known) = shared.0.lock().unwrap().known.clone() else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let told: Value = serde_json::from_slice(&body).unwrap();
    let told = told["buckets"].as_array().unwrap();
    assert_eq!(told.len(), 256);
    let differs = |one: &&Value| {
        let lines = bucket(&known, one["bucket"].as_str().unwrap()).into_iter();
        let lines: String = lines.map(|(id, version)| format!("{id} {version}\n")).collect();
        let digest: String = Sha256::digest(lines).iter().map(|byte| format!("{byte:02x}")).collect();
        one["digest"] != digest
    };
    let buckets: Vec<_> = told.iter().filter(differs).map(|one| &one["bucket"]).collect();
    axum::Json(json!({ "success": true, "buckets": buckets })).into_response()
}

async fn look_into(State(shared): State<Shared>, Path(name): Path<String>, body: Bytes) -> Response {
    let mut known = bucket(&shared.0.lock().unwrap().known.clone().unwrap(), &name);
    let page: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!((&page["after"], &page["up_to"]), (&Value::Null, &Value::Null), "one page is enough");
    let mut differences = Vec::new();
    for task in page["tasks"].as_array().unwrap() {
        let id: Uuid = task["id"].as_str().unwrap().parse().unwrap();
        let found = known.remove(&id);
        if found != task["version"].as_i64() {
            differences.push(json!({ "id": id, "version": found }));
        }
    }
    differences.extend(known.into_iter().map(|(id, version)| json!({ "id": id, "version": version })));
    axum::Json(json!({ "success": true, "differences": differences })).into_response()
}
