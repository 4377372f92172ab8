//! Signing up, logging in, and what users may do to each other.

use domain::policy::Role;
use serde_json::json;
use uuid::Uuid;

use crate::api::{PASSWORD, World};

#[tokio::test]
async fn from_sign_up_to_log_in() {
    let world = World::new().await;
    let api = world.api().await;
    let admin = api.person("root", &[Role::Admin]).await;
    let body = json!({"email": "Kim@Example.org", "password": PASSWORD, "name": "김", "locale": "ko",
        "time_zone": "Asia/Seoul"});
    let first = api.post("/v1/auth/register", None, body.clone()).await.expect(202);
    let again = api.post("/v1/auth/register", None, body).await.expect(202);
    assert_eq!(first.text, again.text);
    assert_eq!(
        world.count("SELECT count(*) FROM event_store.events WHERE event_type = 'user.registered'").await,
        1
    );

    let log_in = async |email: &str, password: &str| {
        api.post("/v1/auth/login", None, json!({"email": email, "password": password})).await
    };
    log_in("kim@example.org", PASSWORD).await.refused(403, "ACCOUNT_NOT_VERIFIED");
    let id = "SELECT aggregate_id::uuid FROM event_store.events WHERE event_type = 'user.registered'";
    let id: uuid::Uuid = sqlx::query_scalar(id).fetch_one(&world.owner).await.unwrap();
    let verified = api.post(&format!("/v1/users/{id}/verify"), Some(&admin), json!({})).await.expect(200);
    assert_eq!((&verified.json["roles"], &verified.json["state"]), (&json!(["member"]), &json!("active")));

    let answer = log_in(" kim@EXAMPLE.org", PASSWORD).await.expect(200);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(
        answer.json["user"],
        json!({"id": id, "email": "Kim@example.org", "name": "김", "roles": ["member"]})
    );
    assert_eq!(answer.json["token_type"], "Bearer");
    let kim = crate::api::Person { id, token: answer.json["access_token"].as_str().unwrap().to_owned() };
    api.task(&kim, json!({"title": "t"})).await;

    let deactivate = format!("/v1/users/{id}/deactivate");
    api.post(&deactivate, Some(&admin), json!({"reason": "left"})).await.expect(200);
    log_in("kim@example.org", PASSWORD).await.refused(403, "ACCOUNT_DEACTIVATED");
    api.post("/v1/tasks", Some(&kim), json!({"title": "t"})).await.refused(401, "TOKEN_STALE");
}

#[tokio::test]
async fn nobody_learns_who_is_known_here() {
    let world = World::new().await;
    let api = world.api().await;
    api.member("ann").await;
    let log_in = async |email: &str, password: &str| {
        let answer = api.post("/v1/auth/login", None, json!({"email": email, "password": password})).await;
        let mut body = answer.json.clone();
        for unique in ["request_id", "trace_id"] {
            body.as_object_mut().unwrap().remove(unique);
        }
        let names: Vec<_> = answer.headers.keys().map(ToString::to_string).collect();
        (answer.refused(401, "INVALID_CREDENTIALS").status, body, names)
    };
    let wrong = log_in("ann@example.org", "tempest over kiwj").await;
    assert_eq!(log_in("nobody@example.org", PASSWORD).await, wrong);
    assert_eq!(log_in("not an address", PASSWORD).await, wrong);
    let long = json!({"email": "ann@example.org", "password": "x".repeat(1025)});
    api.post("/v1/auth/login", None, long).await.refused(422, "VALIDATION_FAILED");
    let huge = json!({"email": "ann@example.org", "password": "x".repeat(5000)});
    api.post("/v1/auth/login", None, huge).await.refused(413, "BODY_TOO_LARGE");
    let common = json!({"email": "x@example.org", "name": "x", "password": "passwordpassword"});
    let refused = api.post("/v1/auth/register", None, common).await.refused(422, "VALIDATION_FAILED");
    assert_eq!(refused.violations(), [("/password".to_owned(), "PASSWORD_TOO_COMMON".to_owned())]);
}

#[tokio::test]
async fn replicas_share_keys_and_say_which() {
    let world = World::new().await;
    let (one, two) = tokio::join!(world.api(), world.api());
    let ann = one.member("ann").await;
    two.task(&ann, json!({"title": "t"})).await;
    let (left, right) =
        (one.send(get("/.well-known/jwks.json")).await, two.send(get("/.well-known/jwks.json")).await);
    assert_eq!(left.text, right.text);
    assert_eq!(left.header("cache-control"), Some("public, max-age=300"));
    assert_eq!(left.json["keys"].as_array().unwrap().len(), 1);
    assert!(!left.text.contains("\"d\""));
}

fn get(path: &str) -> axum::http::Request<axum::body::Body> {
    crate::api::request("GET", path, None, "", &[])
}

#[tokio::test]
async fn admins_invite_and_give_roles() {
    let world = World::new().await;
    let api = world.api().await;
    let (admin, ann) = (api.person("root", &[Role::Admin]).await, api.member("ann").await);
    let invite = json!({"email": "lee@example.org", "name": "Lee", "roles": ["manager"]});
    let made = api.post("/v1/users", Some(&admin), invite.clone()).await.expect(201);
    assert!(!made.text.contains("lee") && !made.text.contains("Lee"), "{}", made.text);
    api.post("/v1/users", Some(&admin), invite).await.refused(409, "EMAIL_TAKEN");
    let both = json!({"email": "x@example.org", "name": "x", "roles": ["admin", "auditor"]});
    api.post("/v1/users", Some(&admin), both).await.refused(422, "VALIDATION_FAILED");

    let grant = format!("/v1/users/{}/roles/grant", ann.id);
    let role = json!({"role": "auditor"});
    api.post(&grant, Some(&admin), role.clone()).await.refused(428, "PRECONDITION_REQUIRED");
    api.call("POST", &grant, Some(&admin), role.clone(), &[("if-match", "\"1\"")])
        .await
        .refused(412, "PRECONDITION_FAILED");
    let granted = api.call("POST", &grant, Some(&admin), role, &[("if-match", "*")]).await.expect(200);
    assert_eq!(granted.json["roles"], json!(["member", "auditor"]));
    let own = format!("/v1/users/{}/roles/grant", admin.id);
    let manager = json!({"role": "manager"});
    api.call("POST", &own, Some(&admin), manager, &[("if-match", "*")]).await.refused(403, "FORBIDDEN");

    let mine = json!({"name": "Ann Other", "locale": "ko-kr", "time_zone": "Asia/Seoul"});
    let ann = crate::api::Person { id: ann.id, token: api.log_in("ann@example.org").await };
    let edited = api.call("PATCH", "/v1/users/me", Some(&ann), mine, &[]).await.expect(200);
    assert_eq!((&edited.json["locale"], &edited.json["time_zone"]), (&json!("ko-KR"), &json!("Asia/Seoul")));
}

#[tokio::test]
async fn operators_ask_for_operations() {
    let world = World::new().await;
    let api = world.api().await;
    let oscar = api.person("oscar", &[Role::Operator]).await;
    let key = [("idempotency-key", "k")];
    let path = "/v1/admin/projections/tasks/rebuild";
    let asked = api.call("POST", path, Some(&oscar), json!({}), &key).await.expect(202);
    assert_eq!(asked.header("location").unwrap(), format!("/v1/operations/{}", asked.id()));
    assert_eq!(
        (&asked.json["kind"], &asked.json["subject"]),
        (&json!("rebuild"), &json!("projections/tasks"))
    );
    let again = api.call("POST", path, Some(&oscar), json!({}), &key).await.expect(202);
    assert_eq!(again.text, asked.text);
    api.post("/v1/admin/projections/tusks/rebuild", Some(&oscar), json!({})).await.refused(404, "NOT_FOUND");
    api.post("/v1/admin/parked-events/7/discard", Some(&oscar), json!({})).await.expect(202);
    api.post("/v1/admin/parked-events/x/discard", Some(&oscar), json!({})).await.refused(400, "INVALID_ID");
    let id = Uuid::now_v7();
    let asked = api.post(&format!("/v1/deliveries/{id}/retry"), Some(&oscar), json!({})).await.expect(202);
    assert_eq!(asked.json["subject"], json!(format!("deliveries/{id}")));
    api.post("/v1/deliveries/x/skip", Some(&oscar), json!({})).await.refused(400, "INVALID_ID");
    assert_eq!(count(&world, "requested").await, 3);
}

#[tokio::test]
async fn operators_cancel_operations_that_there_are() {
    let world = World::new().await;
    let api = world.api().await;
    let oscar = api.person("oscar", &[Role::Operator]).await;
    let rebuild = "/v1/admin/projections/tasks/rebuild";
    let asked = api.post(rebuild, Some(&oscar), json!({})).await.expect(202);
    let cancel = |id: &str| format!("/v1/operations/{id}/cancel");
    let path = cancel(&asked.id());
    let cancelled = api.post(&path, Some(&oscar), json!({})).await.expect(202);
    assert_eq!(cancelled.id(), asked.id());
    assert_eq!(
        (&cancelled.json["kind"], &cancelled.json["subject"], &cancelled.json["state"]),
        (&json!("rebuild"), &json!("projections/tasks"), &json!("cancelling"))
    );
    api.post(&path, Some(&oscar), json!({})).await.expect(202);
    assert_eq!(count(&world, "cancel_requested").await, 1);
    let nobodys = Uuid::now_v7().to_string();
    api.post(&cancel(&nobodys), Some(&oscar), json!({})).await.refused(404, "NOT_FOUND");
    api.post(&cancel("x"), Some(&oscar), json!({})).await.refused(400, "INVALID_ID");
    let task = api.task(&api.member("ann").await, json!({"title": "t"})).await.id();
    api.post(&cancel(&task), Some(&oscar), json!({})).await.refused(404, "NOT_FOUND");
}

async fn count(world: &World, what: &str) -> i64 {
    let sql = format!("SELECT count(*) FROM event_store.events WHERE event_type = 'operation.{what}'");
    world.count(&sql).await
}
