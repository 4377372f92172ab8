//! The audit log: what is kept of requests, what is not, and who may touch it.

use std::time::{Duration, Instant};

use domain::{personal::Sealed, policy::Role};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::api::{Api, PASSWORD, Person, World, request};

/// Nothing here takes this long; it only bounds a failure.
const PATIENCE: Duration = Duration::from_secs(120);

impl World {
    /// What requests have left behind, oldest first, once there is as much as expected.
    pub(crate) async fn audited(&self, expected: usize) -> Vec<Value> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let sql = "SELECT to_jsonb(a) FROM event_store.audit_log a WHERE method IS NOT NULL ORDER BY occurred_at";
            let rows: Vec<Value> = sqlx::query_scalar(sql).fetch_all(&self.owner).await.unwrap();
            if rows.len() >= expected || Instant::now() > deadline {
                return rows;
            }
        }
    }
}

impl World {
    /// By which acts somebody has proved in this session who they are, and by which methods, once there are so many.
    pub(crate) async fn proofs(&self, session: Uuid, expected: usize) -> Vec<(String, Vec<String>)> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let sql = "SELECT action, methods FROM event_store.audit_log WHERE session = $1 AND methods IS NOT NULL \
                 ORDER BY occurred_at";
            let rows: Vec<_> = sqlx::query_as(sql).bind(session).fetch_all(&self.owner).await.unwrap();
            if rows.len() >= expected || Instant::now() > deadline {
                return rows;
            }
        }
    }
}

/// Action, outcome, code.
fn gist(row: &Value) -> [&str; 3] {
    ["action", "outcome", "code"].map(|column| row[column].as_str().unwrap_or_default())
}

async fn once(
    api: &Api,
    path: &str,
    person: Option<&Person>,
    body: Value,
    headers: &[(&str, &str)],
) -> Value {
    api.send(request("POST", path, person, &body.to_string(), headers)).await.json
}

#[tokio::test]
async fn coming_in_and_going_out_is_kept() {
    let world = World::new().await;
    let api = world.api().await;
    let agent = [("user-agent", "canaryagent/1")];
    let ann = api.member("ann").await;
    let login = |email: &str, password: &str| json!({"email": email, "password": password});
    let inside = once(&api, "/v1/auth/login", None, login("ann@example.org", PASSWORD), &agent).await;
    for email in ["ann@example.org", "nobody@example.org"] {
        once(&api, "/v1/auth/login", None, login(email, "canarypassword"), &agent).await;
    }
    let old = json!({"refresh_token": inside["refresh_token"]});
    let token = inside["access_token"].as_str().unwrap().to_owned();
    let there = Person { id: ann.id, token };
    once(&api, "/v1/auth/logout", Some(&there), json!({}), &agent).await;
    once(&api, "/v1/auth/logout-all", Some(&ann), json!({}), &agent).await;
    once(&api, "/v1/auth/refresh", None, old, &agent).await;
    once(&api, "/v1/auth/refresh", None, json!({"refresh_token": "tlr_canarytoken"}), &agent).await;
    let rows = world.audited(8).await;
    let expected = [
        ["auth.login", "success", ""],
        ["auth.login", "success", ""],
        ["auth.login", "failure", "INVALID_CREDENTIALS"],
        ["auth.login", "failure", "INVALID_CREDENTIALS"],
        ["auth.logout", "success", ""],
        ["auth.logout_all", "success", ""],
        ["auth.refresh", "failure", "TOKEN_INVALID"],
        ["auth.refresh", "failure", "TOKEN_INVALID"],
    ];
    assert_eq!(rows.iter().map(gist).collect::<Vec<_>>(), expected);
    let id = json!(ann.id);
    // Who is known to act, and whose affair it is where nobody is.
    assert_eq!((&rows[1]["actor"], &rows[1]["session"]), (&id, &inside["session_id"]));
    assert_eq!(
        (&rows[2]["actor"], &rows[2]["target_type"], &rows[2]["target_id"]),
        (&Value::Null, &json!("user"), &id)
    );
    assert_eq!((&rows[3]["actor"], &rows[3]["target_id"]), (&Value::Null, &Value::Null));
    // How they came in stands where they came in, and nowhere else; who answered, everywhere.
    for (row, methods) in
        rows.iter().zip([json!(["pwd"]), json!(["pwd"])].into_iter().chain(std::iter::repeat(Value::Null)))
    {
        assert_eq!((&row["methods"], &row["ip_chain"]), (&methods, &Value::Null), "{row}");
        assert!(row["node"].is_string() && row["app_version"].is_string(), "{row}");
    }
    assert_eq!((&rows[4]["actor"], &rows[4]["session"]), (&id, &inside["session_id"]));
    assert_eq!((&rows[6]["target_id"], &rows[6]["session"]), (&id, &inside["session_id"]));
    assert_eq!(rows[7]["target_id"], Value::Null);
    for (row, sealed_for_ann) in rows.iter().zip([true, true, true, false, true, true, true, false]).skip(1) {
        let agent = row["user_agent"].as_str().unwrap().to_owned();
        assert_eq!(agent.starts_with(&format!("s1.{}.", ann.id)), sealed_for_ann, "{row}");
        let clear = api.inside.commands.unseal(&Sealed(agent)).await.unwrap();
        assert_eq!(clear.as_deref(), Some("canaryagent/1"));
        assert!(row["ip"].as_str().unwrap().starts_with("s1."), "{row}");
        assert!(["request_id", "correlation_id", "trace_id"].iter().all(|column| row[column].is_string()));
    }
    for canary in ["canary", "example.org", PASSWORD, "tlr_"] {
        assert!(rows.iter().all(|row| !row.to_string().contains(canary)), "{canary}");
    }
}

#[tokio::test]
async fn refusals_are_kept_and_nothing_else() {
    let world = World::new().await;
    let api = world.api().await;
    let (ann, root) = (api.member("ann").await, api.person("root", &[Role::Admin]).await);
    let before = world.audited(2).await.len();
    let task = api.task(&ann, json!({"title": "t", "visibility": "private"})).await.id();
    let key = [("idempotency-key", "canarykey")];
    let post =
        async |path: &str, person: &Person, body: Value| once(&api, path, Some(person), body, &[]).await;
    // Neither what was done, nor what was not understood of a read, nor a token that has grown old.
    api.send(request("GET", "/v1/auth/sessions?x=1", Some(&ann), "", &[])).await.expect(400);
    post("/v1/tasks", &ann, json!([])).await;
    api.send(request("POST", "/v1/tasks", Some(&ann), "{", &[])).await.expect(400);
    // And these:
    once(&api, "/v1/tasks", None, json!({"title": "t"}), &[]).await;
    api.send(request("GET", "/v1/auth/sessions", None, "", &[])).await.expect(401);
    post(&format!("/v1/users/{}/deactivate", ann.id), &ann, json!({})).await;
    post(&format!("/v1/tasks/{task}/start"), &root, json!({})).await;
    post("/v1/tasks/canary@example.org/start", &ann, json!({})).await;
    for _ in 0..2 {
        once(&api, &format!("/v1/tasks/{task}/resume"), Some(&ann), json!({}), &key).await;
    }
    let stale = [("if-match", "\"7\"")];
    once(&api, &format!("/v1/tasks/{task}/start"), Some(&ann), json!({}), &stale).await;
    let batch = json!({"atomic": false, "commands": [
        {"op": "create", "data": {"title": "t"}}, {"op": "resume", "id": task}, {"op": "start", "id": task}]});
    once(&api, "/v1/tasks/batch", Some(&ann), batch, &[("idempotency-key", "b")]).await;
    let expired = Person { token: world.expired_token(&ann).await, ..ann.clone() };
    post("/v1/tasks", &expired, json!({"title": "t"})).await;
    api.end().await;
    let mut rows = world.audited(before + 11).await.split_off(before);
    let strangers: Vec<_> = rows.extract_if(2..4, |_| true).collect();
    assert_eq!(gist(&strangers[0]), ["tasks.create", "denied", "UNAUTHENTICATED"]);
    assert_eq!(gist(&strangers[1]), ["auth.list_sessions", "denied", "UNAUTHENTICATED"]);
    let kinds = |rows: &[Value]| rows.iter().map(|row| row["actor_type"].clone()).collect::<Vec<_>>();
    assert_eq!(kinds(&strangers), ["anonymous", "anonymous"]);
    assert!(kinds(&rows).iter().all(|kind| kind == "user"));
    let expected = [
        ["tasks.create", "failure", "VALIDATION_FAILED"],
        ["tasks.create", "failure", "INVALID_JSON"],
        ["users.deactivate", "denied", "FORBIDDEN"],
        ["tasks.start", "denied", "NOT_FOUND"],
        ["tasks.start", "failure", "INVALID_ID"],
        ["tasks.resume", "failure", "TRANSITION_NOT_ALLOWED"],
        ["tasks.resume", "failure", "TRANSITION_NOT_ALLOWED"],
        ["tasks.start", "failure", "PRECONDITION_FAILED"],
        ["tasks.batch", "failure", "TRANSITION_NOT_ALLOWED"],
    ];
    assert_eq!(rows.iter().map(gist).collect::<Vec<_>>(), expected, "{rows:?}");
    assert_eq!((&rows[2]["target_type"], &rows[2]["target_id"]), (&json!("user"), &json!(ann.id)));
    assert_eq!((&rows[3]["actor"], &rows[3]["target_id"]), (&json!(root.id), &json!(task)));
    assert_eq!((&rows[5]["status"], &rows[5]["route"]), (&json!(409), &json!("/v1/tasks/{id}/resume")));
    assert_eq!(rows[5]["key_hash"].as_str().map(str::len), Some(64));
    assert_eq!((&rows[5]["key_hash"], &rows[7]["key_hash"]), (&rows[6]["key_hash"], &Value::Null));
    assert_eq!((&rows[8]["status"], &rows[8]["target_id"]), (&json!(409), &json!(task)));
    assert!(rows.iter().all(|row| !row.to_string().contains("canary")), "{rows:?}");
}

#[tokio::test]
async fn whatever_is_wrong_with_a_command_is_kept() {
    let world = World::new().await;
    let api = world.api().await;
    let (ann, root) = (api.member("ann").await, api.person("root", &[Role::Admin]).await);
    let before = world.audited(2).await.len();
    let mut foreign = request("POST", "/v1/tasks", Some(&ann), "title", &[]);
    foreign.headers_mut().insert("content-type", "text/plain".parse().unwrap());
    api.send(foreign).await.expect(415);
    let large = " ".repeat(1024 * 1024 + 1);
    api.send(request("POST", "/v1/tasks", Some(&ann), &large, &[])).await.expect(413);
    let grant = format!("/v1/users/{}/roles/grant", ann.id);
    api.send(request("POST", &grant, Some(&root), "{\"role\":\"manager\"}", &[])).await.expect(428);
    api.send(request("POST", "/v1/tasks?x=1", Some(&ann), "{\"title\":\"t\"}", &[])).await.expect(400);
    api.send(request("POST", "/v1/tasks/batch", Some(&ann), "{\"commands\":[]}", &[])).await.expect(400);
    api.end().await;
    let rows = world.audited(before + 5).await.split_off(before);
    let expected = [
        ["tasks.create", "failure", "UNSUPPORTED_MEDIA_TYPE"],
        ["tasks.create", "failure", "BODY_TOO_LARGE"],
        ["users.grant_role", "failure", "PRECONDITION_REQUIRED"],
        ["tasks.create", "failure", "UNKNOWN_PARAMETER"],
        ["tasks.batch", "failure", "IDEMPOTENCY_KEY_REQUIRED"],
    ];
    assert_eq!(rows.iter().map(gist).collect::<Vec<_>>(), expected, "{rows:?}");
    assert!(rows.iter().all(|row| row["actor"].is_string() && row["transport"] == "http"), "{rows:?}");
}

/// One record for each command: an event, or a row.
#[tokio::test]
async fn what_had_nothing_to_do_is_kept_as_done() {
    let world = World::new().await;
    let api = world.api().await;
    let ann = api.member("ann").await;
    let before = world.audited(1).await.len();
    let task = api.task(&ann, json!({"title": "t"})).await.id();
    let start = format!("/v1/tasks/{task}/start");
    let key = [("idempotency-key", "k")];
    once(&api, &start, Some(&ann), json!({}), &[]).await;
    // The same answer once more is no act of its own, however often it is given.
    for _ in 0..2 {
        once(&api, &start, Some(&ann), json!({}), &key).await;
    }
    let many = |commands: Value| json!({"atomic": false, "commands": commands});
    let batch =
        many(json!([{"op": "start", "id": task}, {"op": "hold", "id": task}, {"op": "hold", "id": task}]));
    once(&api, "/v1/tasks/batch", Some(&ann), batch, &[("idempotency-key", "b")]).await;
    let queue = json!({"commands": [{"uuid": Uuid::now_v7(), "op": "fly", "id": task}]});
    once(&api, "/v1/sync", Some(&ann), queue, &[]).await;
    once(&api, "/v1/auth/password/forgot", None, json!({"email": "nobody@example.org"}), &[]).await;
    api.end().await;
    let rows = world.audited(before + 5).await.split_off(before);
    let expected = [
        ["tasks.start", "success", ""],
        ["tasks.batch", "success", ""],
        ["tasks.batch", "success", ""],
        ["sync.push_changes", "failure", "VALIDATION_FAILED"],
        ["auth.forgot", "success", ""],
    ];
    assert_eq!(rows.iter().map(gist).collect::<Vec<_>>(), expected, "{rows:?}");
    assert!(rows[..3].iter().all(|row| row["target_id"] == json!(task) && row["status"] == 200), "{rows:?}");
    assert_eq!(rows[0]["key_hash"].as_str().map(str::len), Some(64));
    assert_eq!((&rows[3]["target_id"], &rows[4]["actor_type"]), (&Value::Null, &json!("anonymous")));
    let sql = "SELECT jsonb_agg(metadata::jsonb ->> 'route' ORDER BY position) FROM event_store.events \
         WHERE aggregate_type = 'task'";
    let routes: Value = sqlx::query_scalar(sql).fetch_one(&world.owner).await.unwrap();
    assert_eq!(routes, json!(["POST /v1/tasks", "POST /v1/tasks/{id}/start", "POST /v1/tasks/batch"]));
}

#[tokio::test]
async fn what_nobody_understands_floods_no_log() {
    let world = World::new().await;
    let api = world.api().await;
    for _ in 0..100 {
        api.send(request("POST", "/v1/auth/login", None, "{", &[])).await.expect(400);
    }
    api.end().await;
    let rows = world.audited(1).await;
    let counts: Vec<_> = rows.iter().map(|row| row["count"].as_i64().unwrap()).collect();
    assert!(rows.iter().all(|row| gist(row) == ["auth.login", "failure", "INVALID_JSON"]), "{rows:?}");
    // Unless a minute ended meanwhile.
    assert!(
        counts.iter().sum::<i64>() == 100 && counts.len() <= 100 && counts.iter().any(|count| *count > 1),
        "{counts:?}"
    );
}

#[tokio::test]
async fn limits_and_locks_are_kept_and_a_flood_is_summed_up() {
    let world = World::new().await;
    let api = world.limited_api("write=1/h,login=200/min").await;
    let ann = api.member("ann").await;
    let wrong = json!({"email": "ann@example.org", "password": "not this one, surely"});
    for _ in 0..100 {
        once(&api, "/v1/auth/login", None, wrong.clone(), &[]).await;
    }
    for _ in 0..3 {
        once(&api, "/v1/tasks", Some(&ann), json!({"title": "t"}), &[]).await;
    }
    api.end().await;
    let rows = world.audited(1).await;
    let of = |action: &str, code: &str| {
        let of_kind = rows.iter().filter(|row| gist(row)[0] == action && gist(row)[2] == code);
        of_kind.map(|row| row["count"].as_i64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(of("tasks.create", "RATE_LIMITED"), [1, 1]);
    assert_eq!(of("auth.login", ""), [1]);
    assert_eq!(of("auth.login", "INVALID_CREDENTIALS"), [1; 5]);
    let locked = of("auth.login", "RATE_LIMITED");
    assert_eq!((locked.iter().sum::<i64>(), locked.iter().max()), (95, Some(&40)), "{locked:?}");
}

#[tokio::test]
async fn the_service_adds_rows_and_touches_none() {
    let world = World::new().await;
    let api = world.api().await;
    api.member("ann").await;
    world.audited(1).await;
    let ours = api.inside.commands.log().pool();
    for forbidden in [
        "UPDATE event_store.audit_log SET outcome = 'success'",
        "DELETE FROM event_store.audit_log",
        "TRUNCATE event_store.audit_log",
    ] {
        let refused = sqlx::query(forbidden).execute(ours).await.unwrap_err();
        let code = refused.as_database_error().and_then(|error| error.code().map(|code| code.into_owned()));
        assert_eq!(code.as_deref(), Some("42501"), "{forbidden}: {refused}");
    }
}
