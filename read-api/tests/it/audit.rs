//! What of the reads is in the audit log: those that were refused, and no others.

use std::time::{Duration, Instant};

use axum::{body::Body, http::Request};
use domain::personal::Sealed;
use event_store::{MasterKey, Sealer};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    seed::{Seed, store_user},
    world::{DEADLINE, World},
};

const AGENT: [(&str, &str); 1] = [("user-agent", "canaryagent/1")];

impl World {
    /// The rows, oldest first, once they are of so many refusals.
    pub(crate) async fn audited(&self, refusals: i64) -> Vec<Value> {
        let begun = Instant::now();
        loop {
            let sql = "SELECT to_jsonb(a) FROM event_store.audit_log a ORDER BY occurred_at";
            let rows: Vec<Value> = sqlx::query_scalar(sql).fetch_all(&self.pool).await.unwrap();
            let count: i64 = rows.iter().filter_map(|row| row["count"].as_i64()).sum();
            if count >= refusals || begun.elapsed() > DEADLINE {
                return rows;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub(crate) fn sealer(&self) -> Sealer {
        Sealer::new(self.pool.clone(), &MasterKey(self.secret.derive(MasterKey::LABEL)))
    }
}

/// Action, outcome, code.
fn gist(row: &Value) -> [&str; 3] {
    ["action", "outcome", "code"].map(|column| row[column].as_str().unwrap_or_default())
}

#[tokio::test]
async fn refused_reads_are_kept_and_nothing_else() {
    let world = World::new().await;
    let (ann, bob) = (
        store_user(&world.pool, "ann", &["member"]).await,
        store_user(&world.pool, "bob", &["member"]).await,
    );
    let sealer = world.sealer();
    for person in [bob, Uuid::nil()] {
        sealer.seal(person, "whoever signs up has a key").await.unwrap();
    }
    let mut hidden = Seed::new(1, ann);
    hidden.private = true;
    let hidden = hidden.store(&world.pool).await;
    let open = Seed::new(2, ann).store(&world.pool).await;
    let token = world.token(bob, &["member"]);
    let old = world.minter.expired(&token);
    let get = async |token: &str, path: &str| world.get_with(token, path, &AGENT).await.status.as_u16();
    // What is answered, what is not there, what makes no sense, and a token that has grown old.
    for (token, path, status) in [
        (&token, format!("/v1/tasks/{}", open.id), 200),
        (&token, format!("/v1/tasks/{}", Uuid::now_v7()), 404),
        (&token, "/v1/tasks/T-77".to_owned(), 404),
        (&token, "/v1/tasks?x=1".to_owned(), 400),
        (&token, "/v1/nothing".to_owned(), 404),
        (&old, "/v1/tasks".to_owned(), 401),
    ] {
        assert_eq!(get(token, &path).await, status, "{path}");
    }
    // And these:
    assert_eq!(get(&token, &format!("/v1/tasks/{}", hidden.id)).await, 404);
    assert_eq!(get(&token, "/v1/tasks/T-1/history").await, 404);
    assert_eq!(get(&token, "/v1/operations?page_size=canary").await, 403);
    assert_eq!(get(&token, &format!("/v1/users/{ann}/history")).await, 403);
    assert_eq!(get("", "/v1/labels").await, 401);
    assert_eq!(get("canary.canary.canary", "/v1/labels").await, 401);
    let head =
        Request::head(format!("/v1/tasks/{}", hidden.id)).header("authorization", format!("Bearer {token}"));
    assert_eq!(world.send(head.body(Body::empty()).unwrap()).await.status, 404);
    let rows = world.audited(7).await;
    let expected = [
        ["tasks.get_task", "denied", "NOT_FOUND"],
        ["history.get_task_history", "denied", "NOT_FOUND"],
        ["operations.list_operations", "denied", "FORBIDDEN"],
        ["history.get_user_history", "denied", "FORBIDDEN"],
        ["tasks.list_labels", "denied", "UNAUTHENTICATED"],
        ["tasks.list_labels", "denied", "TOKEN_INVALID"],
        ["tasks.get_task", "denied", "NOT_FOUND"],
    ];
    assert_eq!(rows.iter().map(gist).collect::<Vec<_>>(), expected, "{rows:?}");
    assert_eq!((&rows[0]["actor"], &rows[0]["actor_type"]), (&json!(bob), &json!("user")));
    assert_eq!((&rows[0]["target_type"], &rows[0]["target_id"]), (&json!("task"), &json!(hidden.id)));
    assert_eq!((&rows[1]["target_id"], &rows[1]["route"]), (&json!("T-1"), &json!("/v1/tasks/{id}/history")));
    assert_eq!((&rows[3]["target_type"], &rows[3]["target_id"]), (&json!("user"), &json!(ann)));
    assert_eq!((&rows[4]["actor"], &rows[4]["actor_type"]), (&Value::Null, &json!("anonymous")));
    assert_eq!(rows[6]["method"], "HEAD");
    for (row, person) in rows.iter().zip([bob, bob, bob, bob, Uuid::nil(), Uuid::nil()]) {
        let agent = Sealed(row["user_agent"].as_str().unwrap().to_owned());
        assert!(agent.0.starts_with(&format!("s1.{person}.")), "{row}");
        assert_eq!(sealer.unseal(&agent).await.unwrap().clear().as_deref(), Some("canaryagent/1"));
    }
    assert!(rows.iter().all(|row| !row.to_string().contains("canary")), "{rows:?}");
}

/// What streams over gRPC is refused as what streams over HTTP is.
#[tokio::test]
async fn who_may_not_listen_over_grpc_is_kept_too() {
    let world = World::new().await;
    let token = world.token(Uuid::now_v7(), &[]);
    for (method, token) in [("Subscribe", &token), ("Consume", &token), ("Consume", &String::new())] {
        let mut request = Request::post(format!("/taskledger.v1.Events/{method}"));
        request = request.header("content-type", "application/grpc").header("te", "trailers");
        if !token.is_empty() {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        world.send(request.body(Body::empty()).unwrap()).await;
    }
    let rows = world.audited(3).await;
    let expected = [
        ["events.subscribe", "denied", "FORBIDDEN"],
        ["events.consume", "denied", "FORBIDDEN"],
        ["events.consume", "denied", "UNAUTHENTICATED"],
    ];
    assert_eq!(rows.iter().map(gist).collect::<Vec<_>>(), expected, "{rows:?}");
    for row in &rows {
        assert_eq!((&row["transport"], &row["method"]), (&json!("grpc"), &json!("POST")), "{row}");
    }
}

/// The audit log must never make anybody wait: neither whose key is not there, nor while the table is closed.
#[tokio::test]
async fn reads_wait_for_no_audit_log() {
    let world = World::new().await;
    let stranger = world.token(Uuid::now_v7(), &["member"]);
    let mut closed = world.pool.begin().await.unwrap();
    sqlx::query("LOCK event_store.audit_log IN ACCESS EXCLUSIVE MODE").execute(&mut *closed).await.unwrap();
    for _ in 0..300 {
        assert_eq!(world.get(&stranger, "/v1/operations").await.status, 403);
    }
    closed.rollback().await.unwrap();
    assert_eq!(world.get("", "/v1/operations").await.status, 401);
    // Sixty of one address in a minute; what is above is summed up when the minute is over.
    let rows = world.audited(60).await;
    assert!((60..=61).contains(&rows.len()), "{}", rows.len());
    assert!(rows.iter().all(|row| row["ip"].is_null() && row["action"] == "operations.list_operations"));
}
