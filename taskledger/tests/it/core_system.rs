//! The product beside a core system: there, back, and whatever dies in between.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

use chrono::{TimeDelta, Utc};
use serde_json::{Value, json};
use servers::testing::{self, Template, TestDatabase};
use sqlx::PgPool;
use uuid::Uuid;

use crate::{
    client::{Client, PASSWORD},
    process::{Up, directory, get, post, taskledger},
    system::{PATIENCE, within},
};

/// The reference server as a process; killed when dropped.
struct Core {
    child: Child,
    url: String,
}

impl Core {
    fn start(database: &TestDatabase, set: impl FnOnce(&mut Command)) -> Self {
        let mut command = taskledger();
        command.args(["core", "--port", "0", "--database", database.url()]).stdout(Stdio::piped());
        set(&mut command);
        let mut child = command.spawn().expect("the program runs");
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().expect("stdout is piped"));
        stdout.read_line(&mut line).expect("it says where it is");
        let url = line.split_whitespace().find(|word| word.starts_with("http://"));
        let url = url.unwrap_or_else(|| panic!("{line}")).trim_end_matches(';').to_owned();
        Self { child, url }
    }

    fn is(&self, wish: &Value) {
        assert_eq!(post(&self.url, "/control", None, &wish.to_string()).0, 200);
    }

    /// A task as it knows it.
    fn task(&self, id: &str) -> Value {
        let (status, body) = get(&self.url, &format!("/tasks/{id}"));
        assert_eq!(status, 200, "{body}");
        serde_json::from_str(&body).unwrap()
    }

    async fn knows(&self, id: &str, version: i64) {
        let knows = within(PATIENCE, async || self.task(id)["version"] == version).await;
        assert!(knows, "{}", self.task(id));
    }
}

impl Drop for Core {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn start(data: &std::path::Path, database: &TestDatabase, core: &Core) -> Up {
    Up::start_with(data, |command| {
        command.env("EVENT_STORE_URL", database.url()).env("READ_MODEL_URL", database.url());
        command.env("INTERFACE_API_URL", &core.url).env("TASKLEDGER_ADMIN_PASSWORD", PASSWORD);
    })
}

async fn admin(up: &Up) -> Client {
    let mut client = Client::new(&up.url);
    client.log_in("admin@localhost").await.unwrap();
    client
}

async fn is_true(pool: &PgPool, sql: &str) {
    let asked = async || sqlx::query_scalar(sql).fetch_one(pool).await.unwrap_or(false);
    assert!(within(PATIENCE, asked).await, "{sql}");
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_go_there_and_come_back() {
    let (database, data) = (testing::database(&Template::empty()).await, directory());
    let pool = PgPool::connect_lazy(database.url()).unwrap();
    let core = Core::start(&database, |_| {});
    let up = start(data.path(), &database, &core);
    let root = admin(&up).await;

    let account =
        root.post("/v1/service-accounts", &json!({"name": "core"})).await.unwrap().expect(201).json();
    let key = json!({"name": "core", "scopes": ["tasks:read", "tasks:write"], "service_account": account["id"],
        "expire_time": Utc::now() + TimeDelta::days(1)});
    let key =
        root.post("/v1/api-keys", &key).await.unwrap().expect(201).json()["key"].as_str().unwrap().to_owned();
    let back = Core::start(&database, |command| {
        command.env("TASKLEDGER_URL", &up.url).env("TASKLEDGER_TOKEN", &key);
    });

    let program = Client::new(&up.url).showing(&key);
    let made = Uuid::now_v7().to_string();
    let task =
        program.call("POST", "/v1/tasks", Some(&json!({"title": "Close the year"})), Some(&made)).await;
    let task = task.unwrap().expect(201).json()["id"].as_str().unwrap().to_owned();
    core.knows(&task, 1).await;
    let closed = post(&back.url, &format!("/tasks/{task}/close"), None, "");
    assert!(closed.0 == 200 && closed.1.contains(r#""status":200"#), "{closed:?}");
    // What it has done itself comes to it as well.
    core.knows(&task, 2).await;
    assert_eq!(core.task(&task)["changes"][1]["data"]["to"], "done");

    core.is(&json!({"mode": "reject", "task": task}));
    root.post(&format!("/v1/tasks/{task}/reopen"), &json!({})).await.unwrap().expect(200);
    is_true(&pool, "SELECT count(*) = 1 FROM delivery.deliveries WHERE state = 'rejected'").await;
    core.is(&json!({"mode": "ok"}));
    root.post(&format!("/v1/tasks/{task}/start"), &json!({})).await.unwrap().expect(200);
    core.knows(&task, 4).await;
    assert_eq!(core.task(&task)["changes"].as_array().unwrap().len(), 3);

    // At night both sides compare how far they know each task.
    night_comes(&pool, "compared 1 0").await;
    sqlx::query("UPDATE core_system.tasks SET version = 2").execute(&pool).await.unwrap();
    night_comes(&pool, "compared 1 1").await;
    assert!(up.end("INT").success());
}

/// The nightly run is due, and ends with this comparison.
async fn night_comes(pool: &PgPool, checksum: &str) {
    let due = "UPDATE delivery.schedules SET next_time = clock_timestamp()
        WHERE name = 'interface_nightly' AND lease_owner IS NULL";
    // The run before this one has its lease for a while after it has reported.
    let set = async || sqlx::query(due).execute(pool).await.unwrap().rows_affected() == 1;
    assert!(within(PATIENCE, set).await, "the run before does not end");
    let said = "SELECT concat_ws(' ', c ->> 'outcome', c ->> 'tasks', c ->> 'differences')
        FROM (SELECT report -> 'checksum' AS c FROM delivery.interface_runs ORDER BY turn DESC LIMIT 1) AS newest";
    let mut last = None;
    let compared = within(PATIENCE, async || {
        last = sqlx::query_scalar::<_, String>(said).fetch_optional(pool).await.unwrap();
        last.as_deref() == Some(checksum)
    });
    assert!(compared.await, "{last:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_is_under_way_when_everything_dies_is_taken_once() {
    let (database, data) = (testing::database(&Template::empty()).await, directory());
    let pool = PgPool::connect_lazy(database.url()).unwrap();
    let core = Core::start(&database, |_| {});
    core.is(&json!({"mode": "slow"}));
    let up = start(data.path(), &database, &core);
    let task = admin(&up).await.post("/v1/tasks", &json!({"title": "t"})).await.unwrap().expect(201).json();
    let task = task["id"].as_str().unwrap().to_owned();
    core.knows(&task, 1).await;
    up.end("KILL");
    core.is(&json!({"mode": "ok"}));
    // Time passes.
    let run_out = "UPDATE delivery.deliveries SET lease_until = '-infinity' WHERE lease_until IS NOT NULL";
    sqlx::query(run_out).execute(&pool).await.unwrap();
    let up = start(data.path(), &database, &core);
    is_true(&pool, "SELECT state = 'delivered' FROM delivery.deliveries WHERE channel = 'interface'").await;
    let attempts =
        "SELECT string_agg(outcome, ' ' ORDER BY number) = 'unknown delivered' FROM delivery.attempts
        JOIN delivery.deliveries ON id = delivery_id WHERE channel = 'interface'";
    is_true(&pool, attempts).await;
    assert_eq!(core.task(&task)["changes"].as_array().unwrap().len(), 1);
    assert!(up.end("INT").success());
}

#[test]
fn settings_of_the_core_system_that_cannot_be_used_are_named() {
    let data = directory();
    let said = |name: &str, value: &str| {
        let mut command = taskledger();
        command.arg("--data-dir").arg(data.path()).args(["--port", "0"]).env(name, value);
        let (code, words) = crate::process::fails(&mut command);
        assert_eq!(code, 64, "{words}");
        words
    };
    assert!(said("INTERFACE_EVENTS", "user.verified").contains("only task.* is told"));
    assert!(said("INTERFACE_EVENTS", "task.exploded").contains("a type of event"));
    assert!(said("INTERFACE_FIELDS", "from,,to").contains("names of members"));
    assert!(said("INTERFACE_FILTER", "status =").contains("status ="));
    assert!(said("INTERFACE_NIGHTLY", "0 3 * *").contains("five fields"));
    assert!(said("TASKLEDGER_TIME_ZONE", "Seoul").contains("a time zone such as"));
}
