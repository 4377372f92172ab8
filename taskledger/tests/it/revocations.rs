//! What is revoked at the write side is refused by the read side, a process of its own: with NATS, without it, and after a
//! start.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::client::{Client, PASSWORD};
use crate::system::{PATIENCE, System, within};

/// Two seconds, on a machine that is ten times slower.
pub(crate) const FELT: Duration = Duration::from_secs(20);

/// A member who can log in, made by the admin.
pub(crate) async fn member(system: &System, admin: &Client) -> String {
    let person = json!({"email": "kim@example.org", "name": "Kim", "password": PASSWORD});
    let stranger = Client::new(&system.command_api.url);
    stranger.post("/v1/auth/register", &person).await.unwrap().expect(202);
    let reader = admin.at(&system.read_api.url);
    let mut found = Value::Null;
    let there = within(PATIENCE, async || {
        found = reader.get_when_there("/v1/users?q=Kim").await.json();
        found["items"][0]["id"].is_string()
    });
    assert!(there.await, "{found}");
    let id = found["items"][0]["id"].as_str().unwrap().to_owned();
    admin.post(&format!("/v1/users/{id}/verify"), &json!({})).await.unwrap().expect(200);
    id
}

pub(crate) async fn log_in(system: &System) -> Client {
    let mut kim = Client::new(&system.command_api.url);
    kim.log_in("kim@example.org").await.unwrap();
    kim
}

/// Both refuse it before long.
async fn felt(system: &System, kim: &Client, code: &str) {
    let begun = Instant::now();
    for url in [&system.command_api.url, &system.read_api.url] {
        let client = kim.at(url);
        let path = if *url == system.read_api.url { "/v1/tasks" } else { "/v1/auth/sessions" };
        let refused = async || client.get(path).await.unwrap().status == 401;
        assert!(within(PATIENCE, refused).await, "{url} still lets them in");
        assert!(begun.elapsed() < FELT, "after {:?} only", begun.elapsed());
        assert_eq!(client.get(path).await.unwrap().code(), code);
    }
}

async fn every_way_out(system: &System, admin: &Client, id: &str) {
    let role = json!({"role": "announcer"});
    for (path, body, code) in [
        ("/v1/auth/logout", json!({}), "TOKEN_INVALID"),
        ("/v1/auth/logout-all", json!({}), "TOKEN_INVALID"),
        ("roles/grant", role.clone(), "TOKEN_STALE"),
        ("roles/revoke", role, "TOKEN_STALE"),
        ("logout", json!({}), "TOKEN_STALE"),
        ("deactivate", json!({}), "TOKEN_STALE"),
        ("reactivate", json!({}), "TOKEN_STALE"),
    ] {
        let kim = if path == "reactivate" { admin.clone() } else { log_in(system).await };
        kim.at(&system.read_api.url).get("/v1/tasks").await.unwrap().expect(200);
        if path.starts_with('/') {
            kim.post(path, &body).await.unwrap().expect(204);
        } else {
            let path = format!("/v1/users/{id}/{path}");
            admin.post_matching(&path, &body).await.unwrap().expect(200);
        }
        if path != "reactivate" {
            felt(system, &kim, code).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_refused_everywhere_soon_after_they_were_revoked() {
    let mut system = System::start().await;
    let admin = system.admin().await;
    let id = member(&system, &admin).await;
    every_way_out(&system, &admin, &id).await;
    system.nats.stop().await;
    every_way_out(&system, &admin, &id).await;

    // What happened while a service was down it knows before it answers anybody.
    let kim = log_in(&system).await;
    system.read_api.kill().await;
    kim.post("/v1/auth/logout", &json!({})).await.unwrap().expect(204);
    system.read_api.start();
    let reader = kim.at(&system.read_api.url);
    let mut last = None;
    let answered = within(PATIENCE, async || {
        last = reader.get("/v1/tasks").await.ok();
        last.as_ref().is_some_and(|answer| answer.status != 503)
    });
    assert!(answered.await, "{}", system.read_api.words());
    assert_eq!(last.unwrap().expect(401).code(), "TOKEN_INVALID");
    system.nats.start().await;
    system.end().await;
}
