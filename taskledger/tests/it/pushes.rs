//! From an assignment to a phone and to an inbox that is open, across the services; and back when the app is gone.

use std::{
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::post,
};
use reqwest::Response as Stream;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::client::Client;
use crate::process::directory;
use crate::revocations::{log_in, member};
use crate::streams::{closed_with, open};
use crate::system::{PATIENCE, System, within};

const KEY: &str = include_str!("../../../projections/tests/it/channels/google.key.pem");

/// Gives a token for an assertion, and takes messages from whoever shows it.
#[derive(Debug, Default)]
struct Google {
    messages: Mutex<Vec<Value>>,
    /// Nobody has the app any more.
    gone: AtomicBool,
}

impl Google {
    /// Serves until the test ends; the settings of those who push.
    async fn start(home: &Path) -> (Arc<Self>, [(&'static str, String); 2]) {
        let google = Arc::new(Self::default());
        let router = Router::new()
            .route("/token", post(token))
            .route("/v1/projects/demo/messages:send", post(send))
            .with_state(google.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (google, account(home, &url))
    }

    /// The only message about this task.
    async fn message_of(&self, task: &str) -> Value {
        let mut found = Vec::new();
        let there = within(PATIENCE, async || {
            found.clone_from(&*self.messages.lock().unwrap());
            found.retain(|message| message["data"]["task_id"] == task);
            !found.is_empty()
        });
        assert!(there.await, "nothing was pushed");
        assert_eq!(found.len(), 1, "{found:?}");
        found.remove(0)
    }
}

/// The settings of those who push through this address.
pub(crate) fn account(home: &Path, url: &str) -> [(&'static str, String); 2] {
    let account = json!({
        "type": "service_account", "project_id": "demo", "private_key_id": "1", "private_key": KEY,
        "client_email": "pusher@demo.example.com", "token_uri": format!("{url}/token"),
    });
    let file = home.join("account.json");
    std::fs::write(&file, account.to_string()).unwrap();
    [("FCM_SERVICE_ACCOUNT_FILE", file.display().to_string()), ("FCM_BASE_URL", url.to_owned())]
}

/// A token for whoever brings an assertion.
pub(crate) async fn token(body: String) -> Response {
    let granted = body.contains("jwt-bearer") && body.contains("assertion=ey");
    let token = json!({"access_token": "ya29.demo", "expires_in": 3599, "token_type": "Bearer"});
    if granted { Json(token).into_response() } else { StatusCode::BAD_REQUEST.into_response() }
}

async fn send(State(google): State<Arc<Google>>, headers: HeaderMap, body: String) -> Response {
    if headers.get("authorization").is_none_or(|shown| shown != "Bearer ya29.demo") {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let message: Value = serde_json::from_str(&body).unwrap();
    google.messages.lock().unwrap().push(message["message"].clone());
    if google.gone.load(Ordering::Relaxed) {
        let detail = json!({"@type": "type.googleapis.com/google.firebase.fcm.v1.FcmError", "errorCode": "UNREGISTERED"});
        let error = json!({"error": {"code": 404, "status": "NOT_FOUND", "details": [detail]}});
        return (StatusCode::NOT_FOUND, Json(error)).into_response();
    }
    Json(json!({"name": "projects/demo/messages/1"})).into_response()
}

/// A task of the admin's, assigned to somebody.
async fn assigned(admin: &Client, to: &str) -> String {
    let task = admin.post("/v1/tasks", &json!({"title": "Mend the roof"})).await.unwrap().expect(201).json();
    let id = task["id"].as_str().unwrap().to_owned();
    let assign = json!({"assignees": [to]});
    admin.post(&format!("/v1/tasks/{id}/assign"), &assign).await.unwrap().expect(200);
    id
}

/// Reads on until all of this was told.
async fn tells(inbox: &mut Stream, words: &[&str]) {
    let mut told = String::new();
    while !words.iter().all(|words| told.contains(words)) {
        let chunk = inbox.chunk().await.unwrap().unwrap_or_else(|| panic!("{told}"));
        told += &String::from_utf8_lossy(&chunk);
    }
    assert!(!told.contains("event: closed"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_assignment_reaches_the_phone_and_the_open_inbox() {
    let home = directory();
    let (google, settings) = Google::start(home.path()).await;
    let mut system = System::start_with(&settings).await;
    let admin = system.admin().await;
    let id = member(&system, &admin).await;
    let kim = log_in(&system).await;
    let phone = json!({"platform": "android", "token": "kims-phone"});
    kim.post("/v1/users/me/devices", &phone).await.unwrap().expect(201);
    let mut inbox = open(&kim.at(&system.read_api.url), "/v1/notifications").await;
    tells(&mut inbox, &["{\"unread\":0}", "event: caught_up"]).await;

    let task = assigned(&admin, &id).await;
    tells(&mut inbox, &["event: notice", "\"trigger\":\"task.assigned\"", &task, "{\"unread\":1}"]).await;
    let message = google.message_of(&task).await;
    assert_eq!(
        (&message["token"], &message["data"]["type"]),
        (&json!("kims-phone"), &json!("task.assigned"))
    );
    let note = &message["notification"];
    assert!(note["title"].as_str().unwrap().ends_with("] Mend the roof"), "{note}");
    assert!(note["body"].as_str().unwrap().starts_with("Ada assigned "), "{note}");

    // The app is gone: so is the device, by a command of the system.
    google.gone.store(true, Ordering::Relaxed);
    let task = assigned(&admin, &id).await;
    google.message_of(&task).await;
    let devices = async || kim.get("/v1/users/me/devices").await.unwrap().expect(200).json();
    assert!(within(PATIENCE, async || devices().await["items"] == json!([])).await, "{}", devices().await);
    tells(&mut inbox, &[&task, "{\"unread\":2}"]).await;

    kim.post("/v1/auth/logout", &json!({})).await.unwrap().expect(204);
    closed_with(inbox, "TOKEN_INVALID").await;
    system.end().await;
}
