//! The services run separately, as in production: they meet only in Postgres and NATS.

use serde_json::json;

use crate::client::Client;
use crate::system::{ADMIN, PATIENCE, System, within};

#[tokio::test(flavor = "multi_thread")]
async fn what_one_service_writes_another_answers() {
    let mut system = System::start().await;
    let writer = system.admin().await;
    // The token that the one has issued is verified by the other, with keys fetched over HTTP.
    let reader = writer.at(&system.read_api.url);

    let created = writer.post("/v1/tasks", &json!({"title": "across"})).await.unwrap().expect(201);
    let (id, position) = (created.json()["id"].as_str().unwrap().to_owned(), created.number("position"));
    assert_eq!(created.header("position"), Some(&*position.to_string()));
    let task = format!("/v1/tasks/{id}");
    let seen = reader.get_when_there(&format!("{task}?min_position={position}")).await.expect(200);
    assert_eq!(seen.json()["title"], "across");
    assert_eq!(seen.header("etag"), created.header("etag"));
    assert!(seen.header("position").unwrap().parse::<i64>().unwrap() >= position);

    let renamed = writer.call("PATCH", &task, Some(&json!({"title": "over"})), None).await.unwrap();
    let position = renamed.expect(200).number("position");
    let started = writer.post(&format!("{task}/start"), &json!({})).await.unwrap().expect(200);
    assert_eq!(started.number("position"), position + 1);
    let list = format!("/v1/tasks?status=in_progress&min_position={}", position + 1);
    let list = reader.get_when_there(&list).await.expect(200).json();
    assert_eq!((&list["items"][0]["title"], list["items"].as_array().unwrap().len()), (&json!("over"), 1));

    let history = reader.get_when_there(&format!("{task}/history")).await.expect(200).json();
    let entries = history["items"].as_array().unwrap();
    let types: Vec<_> = entries.iter().map(|entry| entry["type"].as_str().unwrap()).collect();
    assert_eq!(types, ["task.started.v1", "task.title_changed.v1", "task.created.v1"]);
    assert!(entries.iter().all(|entry| entry["actor"]["name"] == "Ada"), "{history}");

    nobody_else_comes_in(&system).await;
    system.end().await;
}

async fn nobody_else_comes_in(system: &System) {
    let stranger = Client::new(&system.read_api.url);
    stranger.get("/v1/tasks").await.unwrap().expect(401);
    let wrong = Client::new(&system.command_api.url).log_in_with(ADMIN, "not this one, surely").await;
    assert!(wrong.unwrap_err().contains("INVALID_CREDENTIALS"));
    let keys = Client::new(&system.command_api.url).get("/.well-known/jwks.json").await.unwrap().expect(200);
    assert_eq!(keys.json()["keys"][0]["crv"], "Ed25519");
    assert!(!keys.text.contains("\"d\""), "the private half stays at home");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_says_how_it_is() {
    let mut system = System::start().await;
    for service in [&system.command_api, &system.projections, &system.read_api] {
        let client = Client::new(&service.url);
        assert_eq!(client.get("/livez").await.unwrap().expect(200).json()["status"], "alive");
        assert_eq!(client.get_when_there("/readyz").await.expect(200).json()["status"], "ready");
        client.get("/metrics").await.unwrap().expect(404);
    }
    // Without Postgres nobody is ready, everybody is alive, and all come back by themselves.
    system.postgres.stop().await;
    for service in [&system.command_api, &system.projections, &system.read_api] {
        let client = Client::new(&service.url);
        let unready = async || client.get("/readyz").await.is_ok_and(|answer| answer.status == 503);
        assert!(within(PATIENCE, unready).await, "{}", service.words());
        client.get("/livez").await.unwrap().expect(200);
    }
    system.postgres.start().await;
    for service in [&system.command_api, &system.projections, &system.read_api] {
        service.ready().await;
    }
    let client = system.admin().await;
    let after = json!({"title": "after"});
    let created = async || client.post("/v1/tasks", &after).await.is_ok_and(|answer| answer.status == 201);
    assert!(within(PATIENCE, created).await, "{}", system.command_api.words());
    system.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_model_that_starts_late_catches_up() {
    let mut system = System::start().await;
    system.projections.kill().await;
    system.read_api.kill().await;
    let writer = system.admin().await;
    let mut position = 0;
    for number in 0..20 {
        let created = writer.post("/v1/tasks", &json!({"title": format!("task {number}")})).await.unwrap();
        position = created.expect(201).number("position");
    }
    system.read_api.start();
    system.read_api.ready().await;
    let reader = writer.at(&system.read_api.url);
    let path = format!("/v1/tasks?count=exact&min_position={position}");
    let behind =
        async || reader.get(&path).await.is_ok_and(|answer| answer.expect(503).code() == "PROJECTION_BEHIND");
    assert!(within(PATIENCE, behind).await, "{}", system.read_api.words());
    system.projections.start();
    assert_eq!(reader.get_when_there(&path).await.expect(200).number("count"), 20);
    system.end().await;
}
