//! Who may see what, and until when. Every route against everybody is walked from the document of the whole product.

use axum::http::StatusCode;
use domain::policy::Action;
use service::auth::testing::Minter;
use uuid::Uuid;

use crate::{
    seed::{Seed, store_user},
    world::{DEADLINE, World},
};

/// Every route that is asked by GET with its action; none = public.
pub(crate) fn routes() -> Vec<(String, Option<Action>)> {
    let document = serde_json::to_value(read_api::openapi()).unwrap();
    let paths = document["paths"].as_object().unwrap();
    let policy = |path: &serde_json::Value| path["get"]["x-policy"].as_str().unwrap().to_owned();
    let action = |policy: String| (policy != "public").then(|| policy.parse().unwrap());
    let read = paths.iter().filter(|(_, item)| item["get"].is_object());
    read.map(|(path, item)| (path.clone(), action(policy(item)))).collect()
}

pub(crate) fn concrete(template: &str, id: Uuid) -> String {
    let path = template
        .replace("{id}", &id.to_string())
        .replace("{version}", "1")
        .replace("{position}", "1")
        .replace("{name}", "mine");
    match path.rsplit('/').next() {
        Some("counts") => format!("{path}?group_by=status"),
        Some("sync") => format!("{path}?since=*"),
        Some("diff") => format!("{path}?from=1"),
        _ => path,
    }
}

#[tokio::test]
async fn private_tasks_are_hidden_from_those_they_do_not_concern() {
    let world = World::new().await;
    let [creator, assignee, watcher, stranger] = [(); 4].map(|()| Uuid::now_v7());
    let mut seed = Seed::new(1, creator);
    (seed.private, seed.assignees, seed.watchers) = (true, vec![assignee], vec![watcher]);
    seed.labels = vec!["secret".into()];
    let seed = seed.store(&world.pool).await;
    for (user, role, sees) in [
        (creator, "member", true),
        (assignee, "member", true),
        (watcher, "member", true),
        (stranger, "member", false),
        (stranger, "manager", false),
        (stranger, "admin", false),
        (stranger, "auditor", true),
        (creator, "admin", false),
    ] {
        let token = world.token(user, &[role]);
        for path in [format!("/v1/tasks/{}", seed.id), "/v1/tasks/T-1".into()] {
            for suffix in ["", "/comments", "/history"] {
                let status = world.get(&token, &format!("{path}{suffix}")).await.status.as_u16();
                assert_eq!(status, if sees { 200 } else { 404 }, "{role} {path}{suffix}");
            }
        }
        if role == "member" || role == "auditor" {
            let list = world.get(&token, "/v1/tasks?count=exact").await;
            assert_eq!(list.body["count"], i32::from(sees));
            let counts = world.get(&token, "/v1/tasks/counts?group_by=label").await;
            assert_eq!(counts.items().len(), usize::from(sees));
            assert_eq!(world.get(&token, "/v1/labels").await.items().len(), usize::from(sees));
        }
    }
}

#[tokio::test]
async fn roles_revoked_since_no_longer_count() {
    let world = World::new().await;
    let plain = store_user(&world.pool, "plain", &["member"]).await;
    let token = world.token(plain, &["member", "operator", "auditor"]);
    assert_eq!(world.get(&token, "/v1/admin/projections").await.status, StatusCode::FORBIDDEN);
    assert_eq!(world.get(&token, "/v1/tasks").await.status, StatusCode::OK);
}

#[tokio::test]
async fn deactivated_users_are_locked_out() {
    let world = World::new().await;
    let gone = store_user(&world.pool, "gone", &["member"]).await;
    sqlx::query("UPDATE read_model.users SET deactivated = true").execute(&world.pool).await.unwrap();
    let reply = world.get(&world.token(gone, &["member"]), "/v1/tasks").await;
    assert_eq!((reply.status, reply.code()), (StatusCode::UNAUTHORIZED, "TOKEN_STALE"));
    assert!(reply.header("www-authenticate").contains("invalid_token"));
}

/// The set is read from the log and the table of sessions, which this service may not read itself.
#[tokio::test]
async fn tokens_of_ended_sessions_and_older_epochs_are_refused() {
    let world = World::new().await;
    let (ann, bob) = (Uuid::now_v7(), Uuid::now_v7());
    let claims = Minter::claims(ann);
    let (anns, bobs) = (world.minter.sign(&world.minter.header(), &claims), world.token(bob, &["member"]));
    for token in [&anns, &bobs] {
        assert_eq!(world.get(token, "/v1/tasks").await.status, StatusCode::OK);
    }
    let session = "INSERT INTO event_store.sessions (id, user_id, auth_time, methods, ip, ended_at) \
         VALUES ($1::uuid, $2, now(), '{pwd}', '', clock_timestamp())";
    let session = sqlx::query(session).bind(claims["sid"].as_str()).bind(ann);
    session.execute(&world.pool).await.unwrap();
    // Two changes of rights; tokens of tests are of the first epoch.
    let events = "INSERT INTO event_store.events (position, sequence, recorded_at, event_id, aggregate_type, \
         aggregate_id, event_type, event_version, payload, metadata) \
         SELECT p, p, clock_timestamp(), gen_random_uuid(), 'user', $1, 'user.role_granted', '1', \
         '{\"role\": \"member\"}', '{}' FROM generate_series(1, 2) p";
    sqlx::query(events).bind(bob.to_string()).execute(&world.pool).await.unwrap();
    for (token, code) in [(&anns, "TOKEN_INVALID"), (&bobs, "TOKEN_STALE")] {
        let begun = std::time::Instant::now();
        let mut reply = world.get(token, "/v1/tasks").await;
        while reply.status == StatusCode::OK && begun.elapsed() < DEADLINE {
            reply = world.get(token, "/v1/tasks").await;
        }
        assert_eq!((reply.status, reply.code()), (StatusCode::UNAUTHORIZED, code));
        assert!(reply.header("www-authenticate").contains("invalid_token"));
    }
}
