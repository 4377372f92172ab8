//! What is personal stands nowhere in clear.

use domain::policy::Role;
use serde_json::json;
use service::mail_token::Purpose;

use crate::api::{PASSWORD, World};

/// Texts that occur nowhere else.
const CANARIES: &[&str] =
    &["canaryname", "canarymail", "canaryagent", "canarychange", "canarypassword", "203.0.113.77", PASSWORD];

impl World {
    async fn tables(&self) -> Vec<String> {
        let sql = "SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
             WHERE n.nspname = 'event_store' AND c.relkind = 'r'";
        let tables: Vec<String> = sqlx::query_scalar(sql).fetch_all(&self.owner).await.unwrap();
        assert!(tables.len() >= 10, "{tables:?}");
        tables
    }
}

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

    for table in world.tables().await {
        for canary in CANARIES {
            let sql = format!("SELECT count(*) FROM {table} t WHERE t::text ILIKE '%{canary}%'");
            assert_eq!(world.count(&sql).await, 0, "{canary} in {table}");
        }
    }
}

/// Nothing of a mailed link or a password stands anywhere but the hash, in its table.
#[tokio::test]
async fn no_table_of_the_event_store_opens_anything() {
    let world = World::new().await;
    let api = world.api().await;
    let register = json!({"email": "kim@example.org", "password": PASSWORD, "name": "Kim"});
    api.call("POST", "/v1/auth/register", None, register, &[]).await.expect(202);
    api.post("/v1/auth/password/forgot", None, json!({"email": "kim@example.org"})).await.expect(202);
    let sql = "SELECT aggregate_id::uuid, (payload ->> 'link')::uuid FROM event_store.events \
         WHERE event_type = $1";
    let mut tokens = Vec::new();
    for (event, purpose) in [
        ("user.verification_requested", Purpose::VerifyEmail),
        ("user.password_reset_requested", Purpose::ResetPassword),
    ] {
        let (user, link) = sqlx::query_as(sql).bind(event).fetch_one(&world.owner).await.unwrap();
        tokens.push(world.mail_tokens().write(purpose, user, link));
    }
    let other = "another tempest over kiwi";
    let body = json!({"token": tokens[1], "password": other});
    api.post("/v1/auth/password/reset", None, body).await.expect(200);
    // The end of a token is the part that nobody can compute.
    let mut secrets: Vec<&str> = tokens.iter().map(|token| &token[50..]).collect();
    secrets.extend(["tlm_", PASSWORD, other, "$argon2"]);
    for table in world.tables().await {
        for secret in &secrets {
            let sql = format!("SELECT count(*) FROM {table} t WHERE t::text LIKE '%{secret}%'");
            let hashes = *secret == "$argon2" && table == "event_store.credentials";
            assert_eq!(world.count(&sql).await, if hashes { 2 } else { 0 }, "{secret} in {table}");
        }
    }
}
