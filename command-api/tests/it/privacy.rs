//! What is personal stands nowhere in clear.

use domain::policy::Role;
use serde_json::json;

use crate::api::{PASSWORD, World};

/// Texts that occur nowhere else.
const CANARIES: &[&str] =
    &["canaryname", "canarymail", "canaryagent", "canarychange", "canarypassword", "203.0.113.77", PASSWORD];

#[tokio::test]
async fn no_table_of_the_event_store_holds_it() {
    let world = World::new().await;
    let api = world.api().await;
    let admin = api.person("root", &[Role::Admin]).await;
    let agent = [("user-agent", "canaryagent/1"), ("idempotency-key", "k1")];
    let register = json!({"email": "canarymail@example.org", "password": PASSWORD, "name": "canaryname"});
    api.call("POST", "/v1/auth/register", None, register, &agent).await.expect(202);
    let wrong = json!({"email": "canarymail@example.org", "password": "canarypassword"});
    api.call("POST", "/v1/auth/login", None, wrong, &agent).await.expect(401);
    let invite = json!({"email": "canarymail2@example.org", "name": "canaryname two"});
    api.call("POST", "/v1/users", Some(&admin), invite, &agent).await.expect(201);
    let ann = api.member("canaryname3").await;
    for index in 0..120 {
        let name = json!({"name": format!("canarychange {index}")});
        let key = format!("n{index}");
        let headers = [("user-agent", "canaryagent/1"), ("idempotency-key", key.as_str())];
        api.call("PATCH", "/v1/users/me", Some(&ann), name, &headers).await.expect(200);
    }
    assert!(
        world.count("SELECT count(*) FROM event_store.snapshots WHERE aggregate_type = 'user'").await > 0
    );
    assert!(world.count("SELECT count(*) FROM event_store.command_receipts").await >= 121);
    assert!(world.count("SELECT count(*) FROM event_store.sessions WHERE ip LIKE 's1.%'").await > 0);
    let sealed = "SELECT count(*) FROM event_store.events WHERE metadata ->> 'user_agent' LIKE 's1.%'";
    assert!(world.count(sealed).await > 120);

    // Also what is written when all is done.
    api.end().await;
    assert!(world.count("SELECT count(*) FROM event_store.audit_log").await > 0);

    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
         WHERE n.nspname = 'event_store' AND c.relkind = 'r'",
    )
    .fetch_all(&world.owner)
    .await
    .unwrap();
    assert!(tables.len() >= 10, "{tables:?}");
    for table in tables {
        for canary in CANARIES {
            let sql = format!("SELECT count(*) FROM {table} t WHERE t::text ILIKE '%{canary}%'");
            assert_eq!(world.count(&sql).await, 0, "{canary} in {table}");
        }
    }
}
