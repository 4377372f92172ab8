//! Notification rules over HTTP.

use domain::policy::Role;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::api::{Api, Person, World};

const RULES: &str = "/v1/notification-rules";

async fn admin(api: &Api) -> Person {
    api.person("root", &[Role::Member, Role::Admin]).await
}

fn wish() -> Value {
    json!({"name": "Roofs", "event_types": ["task.*"], "audience": {"groups": ["watchers"]}})
}

#[tokio::test]
async fn a_rule_lives() {
    let world = World::new().await;
    let api = world.api().await;
    let root = admin(&api).await;
    let mut body = wish();
    body["filter"] = json!("label = roof AND priority >= high");
    let made = api.post(RULES, Some(&root), body).await.expect(201);
    let path = format!("{RULES}/{}", made.id());
    assert_eq!((made.header("location"), made.header("etag")), (Some(path.as_str()), Some("\"1\"")));
    assert_eq!(
        (&made.json["channels"], &made.json["enabled"]),
        (&json!(["email", "push", "inbox"]), &json!(true))
    );
    assert!(made.json["position"].is_i64() && made.json["create_time"].is_string());

    let edit = json!({"filter": null, "channels": ["inbox"]});
    api.call("PATCH", &path, Some(&root), edit.clone(), &[]).await.refused(428, "PRECONDITION_REQUIRED");
    let stale = [("if-match", "\"7\"")];
    api.call("PATCH", &path, Some(&root), edit.clone(), &stale).await.refused(412, "PRECONDITION_FAILED");
    let first = [("if-match", "\"1\"")];
    let edited = api.call("PATCH", &path, Some(&root), edit.clone(), &first).await.expect(200);
    assert_eq!((edited.version(), &edited.json["filter"]), (2, &Value::Null));
    let again = api.call("PATCH", &path, Some(&root), edit, &[("if-match", "*")]).await.expect(200);
    assert_eq!((again.version(), &again.json["position"]), (2, &edited.json["position"]));

    api.call("DELETE", &path, Some(&root), json!({}), &[]).await.refused(428, "PRECONDITION_REQUIRED");
    let any = [("if-match", "*")];
    api.call("DELETE", &path, Some(&root), json!({}), &any).await.expect(200);
    api.call("DELETE", &path, Some(&root), json!({}), &any).await.refused(404, "NOT_FOUND");
    let types = "SELECT count(*) FROM event_store.events WHERE event_type LIKE 'notification_rule.%'";
    assert_eq!(world.count(types).await, 3);
}

#[tokio::test]
async fn a_default_is_replaced_by_one_rule_at_a_time() {
    let world = World::new().await;
    let (one, two) = tokio::join!(world.api(), world.api());
    let root = admin(&one).await;
    let off = json!({"replaces": "commented", "enabled": false});
    let made = one.post(RULES, Some(&root), off.clone()).await.expect(201);
    assert_eq!(
        (&made.json["event_types"], &made.json["enabled"]),
        (&json!(["task.commented"]), &json!(false))
    );
    two.post(RULES, Some(&root), off.clone()).await.refused(409, "STATE_CONFLICT");
    let path = format!("{RULES}/{}", made.id());
    two.call("DELETE", &path, Some(&root), json!({}), &[("if-match", "*")]).await.expect(200);
    one.post(RULES, Some(&root), off).await.expect(201);
}

#[tokio::test]
async fn what_is_wrong_with_a_rule_is_said_at_once() {
    let world = World::new().await;
    let api = world.api().await;
    let root = admin(&api).await;
    let refused = async |body: Value| {
        let answer = api.post(RULES, Some(&root), body).await.refused(422, "VALIDATION_FAILED");
        answer.violations().into_iter().map(|(pointer, code)| format!("{pointer} {code}")).collect::<Vec<_>>()
    };
    assert_eq!(
        refused(json!({})).await,
        ["/audience REQUIRED_UNLESS", "/event_types REQUIRED_UNLESS", "/name REQUIRED_UNLESS"]
    );
    let bad = json!({
        "id": "1", "name": "", "category": "x", "event_types": ["task.exploded"], "filter": "label < 3",
        "audience": {"groups": ["all"], "users": ["bob"], "more": 1}, "channels": [], "template": "x", "enabled": 1,
        "replaces": "everything",
    });
    let expected = [
        "/audience/groups/0 UNKNOWN_VALUE",
        "/audience/more UNKNOWN_FIELD",
        "/audience/users/0 MALFORMED",
        "/category UNKNOWN_VALUE",
        "/channels TOO_FEW",
        "/enabled WRONG_TYPE",
        "/event_types/0 MALFORMED",
        "/filter INVALID_FILTER",
        "/id MALFORMED",
        "/name EMPTY",
        "/replaces UNKNOWN_VALUE",
        "/template UNKNOWN_VALUE",
    ];
    assert_eq!(refused(bad).await, expected);
    let mut nobody = wish();
    nobody["audience"] = json!({});
    assert_eq!(refused(nobody).await, ["/audience EMPTY"]);
    let mut stranger = wish();
    stranger["audience"] = json!({"users": [root.id, Uuid::now_v7()]});
    let answer = api.post(RULES, Some(&root), stranger).await.refused(409, "USER_NOT_ACTIVE");
    assert_eq!(answer.violations()[0].0, "/audience/users/1");
}

#[tokio::test]
async fn a_rule_is_made_once_for_a_key() {
    let world = World::new().await;
    let api = world.api().await;
    let root = admin(&api).await;
    let key = [("idempotency-key", "k")];
    let made = api.call("POST", RULES, Some(&root), wish(), &key).await.expect(201);
    let again = api.call("POST", RULES, Some(&root), wish(), &key).await.expect(201);
    assert_eq!((again.id(), again.header("idempotent-replayed")), (made.id(), Some("true")));
    let mut taken = wish();
    taken["id"] = json!(made.id());
    api.post(RULES, Some(&root), taken).await.refused(409, "ID_TAKEN");
}
