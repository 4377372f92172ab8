//! The life of a task as a client in another language has it, and what events say of how it came.

use std::path::Path;

use proto::v1::{CreateTaskRequest, TaskReply};
use serde_json::json;
use servers::testing::python_with_grpc;

use super::client::Caller;
use crate::{
    client::{Client, PASSWORD},
    process::{Up, directory},
};

fn up(data: &Path) -> Up {
    Up::start_with(data, |command| {
        command.env("TASKLEDGER_ADMIN_PASSWORD", PASSWORD);
    })
}

#[test]
fn a_client_in_python_lives_the_whole_life_of_a_task() {
    let data = directory();
    let up = up(data.path());
    let directory = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut python = python_with_grpc();
    python.arg(directory.join("tests/it/grpc/python/walk.py")).arg(directory.join("../proto"));
    python.arg(up.url.strip_prefix("http://").unwrap()).args(["admin@localhost", PASSWORD]);
    let output = python.output().expect("python runs");
    let told = String::from_utf8_lossy(&output.stdout);
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && told.contains("the whole life of a task"), "{told}{words}");
}

#[tokio::test(flavor = "multi_thread")]
async fn events_say_that_they_came_over_grpc() {
    let data = directory();
    let up = up(data.path());
    let mut client = Client::new(&up.url);
    client.log_in("admin@localhost").await.unwrap();
    let token = format!("Bearer {}", client.token());
    let caller = Caller::connect(&up.url).await;
    let message = CreateTaskRequest { title: "x".into(), request_id: "one".into(), ..Default::default() };
    let told = caller.call("/taskledger.v1.Tasks/Create", &message, &[("authorization", &token)]).await;
    let created: TaskReply = told.read();
    // The same key over HTTP is another request, and is not taken for it.
    let other = client.call("POST", "/v1/tasks", Some(&json!({"title": "y"})), Some("one")).await.unwrap();
    assert_eq!((other.status, other.code().as_str()), (422, "IDEMPOTENCY_KEY_REUSED"));
    assert_eq!(transports(data.path(), created.position).await, "grpc");
}

async fn transports(data: &Path, position: i64) -> String {
    use sqlx::Connection;
    let settings = std::fs::read_to_string(data.join("taskledger.env")).unwrap();
    let url = settings.lines().find_map(|line| line.strip_prefix("EVENT_STORE_URL=")).unwrap();
    let mut connection = sqlx::PgConnection::connect(url.trim_matches('\'')).await.unwrap();
    let sql = "SELECT metadata ->> 'transport' FROM event_store.events WHERE position = $1";
    sqlx::query_scalar(sql).bind(position).fetch_one(&mut connection).await.unwrap()
}
