//! Commands that other services of the installation ask for in the system's name.

use chrono::{TimeDelta, Utc};
use serde_json::json;
use service::{auth::SystemTokens, secrets::SecretKey};
use uuid::Uuid;

use crate::api::{Api, Person, World};

async fn assigned(api: &Api) -> (Person, String) {
    let ann = api.member("ann").await;
    let task = api.task(&ann, json!({"title": "t"})).await.id();
    api.post(&format!("/v1/tasks/{task}/assign"), Some(&ann), json!({"assignees": [ann.id]}))
        .await
        .expect(200);
    (ann, task)
}

#[tokio::test]
async fn the_system_acts_once_and_says_why() {
    let world = World::new().await;
    let api = world.api().await;
    let (ann, task) = assigned(&api).await;
    let (cause, intent) = (Uuid::now_v7().to_string(), Uuid::now_v7().to_string());
    let headers = [("idempotency-key", "step-1"), ("causation-id", &*cause), ("correlation-id", &*intent)];
    let path = format!("/v1/tasks/{task}/unassign");
    let body = json!({"assignees": [ann.id]});
    let first = api.call("POST", &path, Some(&world.system()), body.clone(), &headers).await.expect(200);
    let again = api.call("POST", &path, Some(&world.system()), body.clone(), &headers).await.expect(200);
    assert_eq!((again.text, again.headers["idempotent-replayed"].to_str().unwrap()), (first.text, "true"));
    let why = format!(
        "SELECT count(*) FROM event_store.events WHERE event_type = 'task.unassigned'
        AND metadata ->> 'actor_type' = 'system' AND metadata ->> 'actor_id' IS NULL
        AND metadata ->> 'causation_id' = '{cause}' AND metadata ->> 'correlation_id' = '{intent}'"
    );
    assert_eq!(world.count(&why).await, 1);
}

#[tokio::test]
async fn what_a_person_says_of_causes_does_not_count() {
    let world = World::new().await;
    let api = world.api().await;
    let ann = api.member("ann").await;
    let cause = Uuid::now_v7().to_string();
    let headers = [("causation-id", &*cause), ("correlation-id", &*cause)];
    api.call("POST", "/v1/tasks", Some(&ann), json!({"title": "t"}), &headers).await.expect(201);
    let believed =
        format!("SELECT count(*) FROM event_store.events WHERE metadata ->> 'correlation_id' = '{cause}'");
    assert_eq!(world.count(&believed).await, 0);
}

#[tokio::test]
async fn the_system_is_known_by_its_own_tokens_only() {
    let world = World::new().await;
    let api = world.limited_api("write=2/h,login=200/min").await;
    let (ann, task) = assigned(&api).await;
    let path = format!("/v1/tasks/{task}/hold");
    let old = world.system_tokens().mint(Utc::now() - TimeDelta::minutes(5));
    let expired = Person { id: ann.id, token: old };
    api.post(&path, Some(&expired), json!({})).await.refused(401, "TOKEN_EXPIRED");
    let strangers = SystemTokens::new(&SecretKey::from_bytes([1; 32])).mint(Utc::now());
    let stranger = Person { id: ann.id, token: strangers };
    api.post(&path, Some(&stranger), json!({})).await.refused(401, "TOKEN_INVALID");
    // It is nobody: what is for people is not for it, and nobody's rate is charged.
    for _ in 0..4 {
        api.post("/v1/tasks", Some(&world.system()), json!({"title": "t"})).await.refused(403, "FORBIDDEN");
    }
    api.post(&path, Some(&world.system()), json!({})).await.expect(200);
}
