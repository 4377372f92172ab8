//! Clients who would rather have the end of an operation than the promise of it.

use async_nats::Client;
use domain::policy::Role;
use serde_json::{Value, json};
use servers::testing::{self, TestNats};
use service::operation::subject;
use tokio::time::timeout;
use uuid::Uuid;

use crate::api::{Answer, Api, PATIENCE, Person, World};

const REBUILD: &str = "/v1/admin/projections/tasks/rebuild";

async fn nats() -> (TestNats, Client) {
    let server = testing::nats().await;
    let client =
        service::nats::connect(&server.url().parse().unwrap(), "test", &Default::default()).await.unwrap();
    timeout(PATIENCE, client.flush()).await.unwrap().unwrap();
    (server, client)
}

async fn hearing(world: &World, client: &Client) -> (Api, Person) {
    let api = world.api().await;
    api.inside.hear_endings(client.clone());
    let oscar = api.person("oscar", &[Role::Operator]).await;
    (api, oscar)
}

/// The one operation that was asked for.
async fn asked_for(world: &World) -> Uuid {
    let sql = "SELECT aggregate_id::uuid FROM event_store.events WHERE event_type = 'operation.requested'";
    let asked = async {
        loop {
            if let Some(id) = sqlx::query_scalar(sql).fetch_optional(&world.owner).await.unwrap() {
                return id;
            }
        }
    };
    timeout(PATIENCE, asked).await.unwrap()
}

/// Tells of an operation as projections does.
async fn tell(client: &Client, id: Uuid, state: &str, end_time: Option<&str>) -> Value {
    let name = format!("operations/{id}");
    let operation = json!({"name": name, "kind": "rebuild", "state": state, "end_time": end_time});
    client.publish(subject(id), operation.to_string().into()).await.unwrap();
    operation
}

async fn ask(api: &Api, oscar: &Person, headers: &[(&str, &str)]) -> Answer {
    api.call("POST", REBUILD, Some(oscar), json!({}), headers).await
}

#[tokio::test]
async fn the_end_comes_in_place_of_the_promise() {
    let world = World::new().await;
    let (_server, client) = nats().await;
    let (api, oscar) = hearing(&world, &client).await;
    let headers = [("prefer", "respond-async, wait=20"), ("idempotency-key", "k")];
    let carrying_out = async {
        let id = asked_for(&world).await;
        tell(&client, Uuid::now_v7(), "done", Some("2026-11-21T00:00:00Z")).await;
        tell(&client, id, "running", None).await;
        (id, tell(&client, id, "done", Some("2026-11-21T00:00:00Z")).await)
    };
    let (answer, (id, ended)) = tokio::join!(ask(&api, &oscar, &headers), carrying_out);
    let answer = answer.expect(200);
    assert_eq!(answer.json, ended);
    assert_eq!(answer.header("preference-applied"), Some("wait=20"));
    assert_eq!(answer.header("location"), Some(&*format!("/v1/operations/{id}")));
    assert!(answer.header("position").is_some());
    // What was kept is the promise.
    let again = ask(&api, &oscar, &headers).await.expect(202);
    assert_eq!(
        (again.json["id"].as_str(), again.json["state"].as_str()),
        (Some(&*id.to_string()), Some("pending"))
    );
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    assert_eq!(again.header("preference-applied"), None);
}

#[tokio::test]
async fn a_cancellation_is_waited_for_too() {
    let world = World::new().await;
    let (_server, client) = nats().await;
    let (api, oscar) = hearing(&world, &client).await;
    let asked = ask(&api, &oscar, &[("prefer", "respond-async")]).await.expect(202);
    let id: Uuid = asked.id().parse().unwrap();
    let path = format!("/v1/operations/{id}/cancel");
    let prefer = [("prefer", "wait=20")];
    let cancelling = api.call("POST", &path, Some(&oscar), json!({}), &prefer);
    let carrying_out = async {
        let cancelled =
            "SELECT count(*) FROM event_store.events WHERE event_type = 'operation.cancel_requested'";
        while world.count(cancelled).await == 0 {}
        tell(&client, id, "cancelled", Some("2026-11-21T00:00:00Z")).await
    };
    let (answer, ended) = tokio::join!(cancelling, timeout(PATIENCE, carrying_out));
    assert_eq!(answer.expect(200).json, ended.unwrap());
}

#[tokio::test]
async fn nobody_waits_for_ever_or_in_vain() {
    let world = World::new().await;
    let (_server, client) = nats().await;
    let (api, oscar) = hearing(&world, &client).await;
    let promise = ask(&api, &oscar, &[("prefer", "wait=1")]).await.expect(202);
    assert_eq!((&promise.json["state"], promise.header("preference-applied")), (&json!("pending"), None));
    for ignored in ["respond-async", "wait=0", "wait=soon", "return=minimal"] {
        ask(&api, &oscar, &[("prefer", ignored)]).await.expect(202);
    }
    // Refusals come at once, and so does everything where NATS is away.
    let nothing = "/v1/admin/projections/tusks/rebuild";
    let prefer = [("prefer", "wait=20")];
    api.call("POST", nothing, Some(&oscar), json!({}), &prefer).await.refused(404, "NOT_FOUND");
    let deaf = world.api().await;
    ask(&deaf, &oscar, &prefer).await.expect(202);
}

/// What stands in a path becomes part of a subject: it names one operation, whatever it is. 84
#[tokio::test]
async fn nobody_listens_to_more_than_one_operation() {
    let world = World::new().await;
    let (_server, client) = nats().await;
    let (api, oscar) = hearing(&world, &client).await;
    for id in ["*", "%3E", "operations.*", "*.%3E", "a.b"] {
        let path = format!("/v1/operations/{id}/cancel");
        let answer = api.call("POST", &path, Some(&oscar), json!({}), &[("prefer", "wait=20")]).await;
        answer.refused(400, "INVALID_ID");
    }
}
