//! Reactions of many steps, seen through whatever dies.

use domain::policy::Role;
use serde_json::{Value, json};

use crate::{
    client::{Client, PASSWORD},
    system::{PATIENCE, System, within},
};

/// Tasks that are handed over: more than steps are taken at a time.
const TASKS: usize = 20;

/// Somebody new who may work, and a client in their name.
pub(crate) async fn person(system: &System, admin: &Client, name: &str) -> (String, Client) {
    let (mut client, email) = (Client::new(&system.command_api.url), format!("{name}@example.org"));
    let new = json!({"email": email, "name": name, "password": PASSWORD});
    client.post("/v1/auth/register", &new).await.unwrap().expect(202);
    let queries = admin.at(&system.read_api.url);
    let mut id = String::new();
    let there = within(PATIENCE, async || {
        let found = queries.get_when_there(&format!("/v1/users?q={name}")).await.json();
        id = found["items"][0]["id"].as_str().unwrap_or_default().to_owned();
        !id.is_empty()
    });
    assert!(there.await, "{name} is there");
    admin.post_matching(&format!("/v1/users/{id}/verify"), &json!({})).await.unwrap().expect(200);
    client.log_in(&email).await.unwrap();
    (id, client)
}

async fn process(queries: &Client) -> Value {
    queries.get_when_there("/v1/admin/processes").await.json()["items"][0].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn tasks_of_who_is_gone_go_to_their_creators_once_whatever_dies() {
    let mut system = System::start().await;
    let admin = system.admin().await;
    let (ann, as_ann) = person(&system, &admin, "ann").await;
    let (bob, _) = person(&system, &admin, "bob").await;
    let mut tasks = Vec::new();
    for number in 0..TASKS {
        let new = json!({"title": format!("number {number}"), "assignees": [bob]});
        tasks.push(as_ann.post("/v1/tasks", &new).await.unwrap().expect(201).json()["id"].clone());
    }
    let done = format!("/v1/tasks/{}/complete", tasks.pop().unwrap().as_str().unwrap());
    as_ann.post(&done, &json!({})).await.unwrap().expect(200);
    let gone = format!("/v1/users/{bob}/deactivate");
    let position = admin.post_matching(&gone, &json!({})).await.unwrap().expect(200).number("position");
    system.command_api.kill().await;
    let queries = admin.at(&system.read_api.url);
    assert!(within(PATIENCE, async || process(&queries).await["progress"]["total"] == TASKS).await);
    system.projections.kill().await;
    system.projections.start();
    system.command_api.start();
    // What was under way when its process died is taken up when its lease has run out.
    let pool = sqlx::PgPool::connect(&system.postgres.url()).await.unwrap();
    let due =
        "UPDATE delivery.deliveries SET due_at = now(), lease_until = '-infinity' WHERE end_time IS NULL";
    let ended = within(PATIENCE, async || {
        sqlx::query(due).execute(&pool).await.unwrap();
        process(&queries).await["state"] == "done"
    });
    assert!(ended.await, "{}", process(&queries).await);
    let count = |event: &'static str, who: String| {
        let sql = format!(
            "SELECT count(*) FROM event_store.events WHERE event_type = '{event}' AND payload ->> 'assignee' = '{who}'
            AND metadata ->> 'actor_type' = 'system' AND metadata ->> 'causation_id' IS NOT NULL"
        );
        let pool = pool.clone();
        async move { sqlx::query_scalar::<_, i64>(&sql).fetch_one(&pool).await.unwrap() }
    };
    let open = i64::try_from(tasks.len()).unwrap();
    assert_eq!(
        (count("task.unassigned", bob.clone()).await, count("task.assigned", ann.clone()).await),
        (open, open)
    );
    let shown = process(&queries).await;
    assert_eq!((&shown["kind"], &shown["subject"]), (&json!("hand_over"), &json!(format!("users/{bob}"))));
    let auditor = auditor(&system, &admin).await;
    let trace =
        auditor.get(&format!("/v1/audit/trace/{position}?page_size=1000")).await.unwrap().expect(200).json();
    let trace = trace["items"].as_array().unwrap();
    assert_eq!(trace.len(), 1 + 2 * tasks.len());
    assert_eq!(
        (&trace[0]["type"], &trace[0]["delivery_count"]),
        (&json!("user.deactivated.v1"), &json!(TASKS))
    );
    assert!(trace[1..].iter().all(|event| event["causation_id"] == trace[0]["id"]));
    assert!(trace[1..].iter().all(|event| event["parent"] == position && event["depth"] == 1));
    system.end().await;
}

/// Somebody who may see what everything has caused.
pub(crate) async fn auditor(system: &System, admin: &Client) -> Client {
    let (id, _) = person(system, admin, "eve").await;
    let role = json!({"role": Role::Auditor.as_str()});
    admin.post_matching(&format!("/v1/users/{id}/roles/grant"), &role).await.unwrap().expect(200);
    let mut client = Client::new(&system.command_api.url);
    client.log_in("eve@example.org").await.unwrap();
    client.at(&system.read_api.url)
}
