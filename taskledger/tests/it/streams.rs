//! Operations that clients wait for and listen to, across the services, and streams whose readers may listen no more.

use std::time::Instant;

use reqwest::Response;
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use crate::client::{Answer, Client};
use crate::revocations::{FELT, log_in, member};
use crate::system::{PATIENCE, System, within};

const STREAM: [(&str, &str); 1] = [("accept", "text/event-stream")];

#[tokio::test(flavor = "multi_thread")]
async fn operations_are_waited_for_and_listened_to() {
    let mut system = System::start().await;
    let admin = system.admin().await;
    let reader = admin.at(&system.read_api.url);
    // On a busy machine the time may be up before it has ended.
    let mut ended = None;
    let waited = within(PATIENCE, async || {
        ended = Some(rebuild(&admin, &[("prefer", "respond-async, wait=20")]).await);
        ended.as_ref().is_some_and(|answer| answer.status == 200)
    });
    assert!(waited.await, "{ended:?}");
    let ended = ended.unwrap();
    assert_eq!(
        (&ended.json()["state"], ended.header("preference-applied")),
        (&json!("done"), Some("wait=20"))
    );
    // As the other service has it.
    let path = ended.header("location").unwrap();
    assert_eq!(reader.get_when_there(path).await.expect(200).text, ended.text);

    let promise = rebuild(&admin, &[]).await.expect(202);
    let path = format!("{}?min_position={}", promise.header("location").unwrap(), promise.number("position"));
    let told = open(&reader, &path).await.text().await.unwrap();
    let last = told.trim_end().rsplit("\n\n").next().unwrap().strip_prefix("event: ended\ndata: ");
    let last: Value = serde_json::from_str(last.unwrap_or_else(|| panic!("{told}"))).unwrap();
    assert_eq!((&last["kind"], &last["state"]), (&json!("rebuild"), &json!("done")));

    // Nobody is kept waiting for messages that do not come.
    system.nats.stop().await;
    let without = async || rebuild(&admin, &[("prefer", "wait=20")]).await.status == 202;
    assert!(within(PATIENCE, without).await);
    system.nats.start().await;
    system.end().await;
}

async fn rebuild(admin: &Client, headers: &[(&str, &str)]) -> Answer {
    let path = "/v1/admin/projections/users/rebuild";
    admin.send("POST", path, Some(&json!({})), headers).await.unwrap()
}

/// A stream, asked for until it is there.
pub(crate) async fn open(client: &Client, path: &str) -> Response {
    let mut last = None;
    let there = within(PATIENCE, async || {
        last = client.open(path, &STREAM).await.ok();
        last.as_ref().is_some_and(|response| response.status() == 200)
    });
    assert!(there.await, "{path} is not there: {last:?}");
    last.unwrap()
}

/// An operation that nobody carries out.
async fn endless(system: &System) -> String {
    let id = Uuid::now_v7();
    let sql =
        "INSERT INTO read_model.operations (id, kind, subject, state) VALUES ($1, 'rebuild', 'x', 'running')";
    let mut connection = PgConnection::connect(&system.postgres.url()).await.unwrap();
    sqlx::query(sql).bind(id).execute(&mut connection).await.unwrap();
    format!("/v1/operations/{id}")
}

/// The rest of a stream is its end, and that for this reason.
pub(crate) async fn closed_with(response: Response, code: &str) {
    let text = response.text().await.unwrap();
    let last = text.trim_end().rsplit("\n\n").next().unwrap();
    assert!(last.starts_with("event: closed\n") && last.contains(&format!("\"code\":\"{code}\"")), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_end_with_the_rights_of_their_readers() {
    let mut system = System::start().await;
    let admin = system.admin().await;
    let id = member(&system, &admin).await;
    let user = |what: &str| format!("/v1/users/{id}/{what}");
    let (operator, announcer) = (json!({"role": "operator"}), json!({"role": "announcer"}));
    admin.post_matching(&user("roles/grant"), &operator).await.unwrap().expect(200);
    let path = endless(&system).await;
    let admins = open(&admin.at(&system.read_api.url), &path).await;
    for (act, body, code) in [
        ("/v1/auth/logout", json!({}), "TOKEN_INVALID"),
        ("roles/grant", announcer, "TOKEN_STALE"),
        ("roles/revoke", operator, "TOKEN_STALE"),
        ("deactivate", json!({}), "TOKEN_STALE"),
    ] {
        if act == "deactivate" {
            let operator = json!({"role": "operator"});
            admin.post_matching(&user("roles/grant"), &operator).await.unwrap().expect(200);
        }
        let kim = log_in(&system).await;
        let response = open(&kim.at(&system.read_api.url), &path).await;
        if act.starts_with('/') {
            kim.post(act, &body).await.unwrap().expect(204);
        } else {
            admin.post_matching(&user(act), &body).await.unwrap().expect(200);
        }
        let begun = Instant::now();
        closed_with(response, code).await;
        assert!(begun.elapsed() < FELT, "after {:?} only", begun.elapsed());
    }
    // Who may stay is told when the service has to go, and does not keep it.
    assert!(system.read_api.end().await.success(), "{}", system.read_api.words());
    closed_with(admins, "UNAVAILABLE").await;
    system.read_api.start();
    system.read_api.ready().await;
    system.end().await;
}
