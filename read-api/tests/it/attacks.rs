//! What attackers send to read what is not for them. Numbers are those of a known list of attacks.

use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use serde_json::Value;
use service::auth::testing::{Forgery, Minter, forgeries};
use uuid::Uuid;

use crate::{
    seed::{Seed, store_comment, store_user},
    world::World,
};

const DOORS: [&str; 3] = ["/v1/tasks", "/v1/users/me", "/v1/operations"];

#[tokio::test]
async fn forgeries_open_no_door() {
    // 59 to 68
    let world = World::new().await;
    let claims = Minter::claims(Uuid::now_v7());
    for Forgery { name, authorization, code } in forgeries(&world.minter, &claims) {
        for door in DOORS {
            let reply = world.get_with("", door, &[("authorization", &authorization)]).await;
            assert_eq!((reply.status.as_u16(), reply.code()), (401, code.as_str()), "{name}: {door}");
            assert!(reply.header("www-authenticate").starts_with("Bearer"), "{name}: {door}");
        }
    }
    let good = world.minter.sign(&world.minter.header(), &claims);
    assert_eq!(world.get(&good, "/v1/tasks").await.status, StatusCode::OK);
}

#[tokio::test]
async fn tokens_elsewhere_are_not_looked_at() {
    // 69
    let world = World::new().await;
    let good = world.token(Uuid::now_v7(), &["member"]);
    for door in DOORS {
        let request = Request::get(format!("{door}?access_token={good}")).header("x-access-token", &good);
        let request = request.header("cookie", format!("access_token={good}"));
        let reply = world.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!((reply.status.as_u16(), reply.code()), (401, "UNAUTHENTICATED"), "{door}");
    }
}

#[tokio::test]
async fn tokens_of_a_dropped_key_open_no_door() {
    // 70; sessions that have ended and rights that have changed are with `policy`
    let world = World::new().await;
    let good = world.token(Uuid::now_v7(), &["member"]);
    assert_eq!(world.get(&good, "/v1/tasks").await.status, StatusCode::OK);
    let sql = "INSERT INTO event_store.signing_keys (kid, public_key, private_key, use_from, dropped_at) \
         VALUES ($1, '', '', now(), clock_timestamp())";
    let kid = world.minter.header()["kid"].as_str().unwrap().to_owned();
    sqlx::query(sql).bind(kid).execute(&world.pool).await.unwrap();
    let begun = std::time::Instant::now();
    let mut reply = world.get(&good, "/v1/tasks").await;
    while reply.status == StatusCode::OK && begun.elapsed() < crate::world::DEADLINE {
        reply = world.get(&good, "/v1/tasks").await;
    }
    assert_eq!((reply.status.as_u16(), reply.code()), (401, "TOKEN_INVALID"));
}

#[tokio::test]
async fn nobody_listens_to_more_than_one_operation() {
    // 84
    let world = World::new().await;
    let (operator, member) =
        (world.token(Uuid::now_v7(), &["operator"]), world.token(Uuid::now_v7(), &["member"]));
    let stream = [("accept", "text/event-stream")];
    for subject in ["*", "%3E", "operations.*", "*.%3E", "progress.tasks", "%2A", "x%20y", "a.b"] {
        let path = format!("/v1/operations/{subject}");
        let reply = world.get_with(&operator, &path, &stream).await;
        assert_eq!((reply.status.as_u16(), reply.code()), (400, "INVALID_ID"), "{subject}");
    }
    for topic in ["subject=*", "topic=%3E", "types=*"] {
        let path = format!("/v1/operations/{}?{topic}", Uuid::now_v7());
        let reply = world.get_with(&operator, &path, &stream).await;
        assert_eq!((reply.status.as_u16(), reply.code()), (400, "UNKNOWN_PARAMETER"), "{topic}");
    }
    let nobodys = format!("/v1/operations/{}", Uuid::now_v7());
    for (token, status) in [(&operator, 404), (&member, 403), (&String::new(), 401)] {
        let reply = world.get_with(token, &nobodys, &stream).await;
        assert_eq!(
            (reply.status.as_u16(), reply.header("content-type")),
            (status, "application/problem+json")
        );
    }
}

#[tokio::test]
async fn nobody_listens_to_the_inbox_of_another() {
    // 84
    let world = World::new().await;
    let token = world.token(Uuid::now_v7(), &["member"]);
    let stream = [("accept", "text/event-stream")];
    let other = Uuid::now_v7();
    for topic in
        ["subject=*", "topic=%3E", "page_size=1", &format!("user={other}"), &format!("user_id={other}")]
    {
        let reply = world.get_with(&token, &format!("/v1/notifications?{topic}"), &stream).await;
        assert_eq!((reply.status.as_u16(), reply.code()), (400, "UNKNOWN_PARAMETER"), "{topic}");
    }
    for place in ["-1", "x", "1.5", "1%27%20OR%201=1--", "9223372036854775808"] {
        let reply = world.get_with(&token, &format!("/v1/notifications?after={place}"), &stream).await;
        assert_eq!(reply.status.as_u16(), 400, "{place}");
    }
    let id = [("accept", "text/event-stream"), ("last-event-id", "x")];
    let reply = world.get_with(&token, "/v1/notifications", &id).await;
    assert_eq!((reply.status.as_u16(), reply.code()), (400, "INVALID_HEADER"));
    let ahead = world.get_with(&token, "/v1/notifications?after=999999", &stream).await;
    assert_eq!((ahead.status.as_u16(), ahead.code()), (410, "POSITION_EXPIRED"));
    for path in ["*", "%3E", &other.to_string()] {
        let reply = world.get_with(&token, &format!("/v1/notifications/{path}"), &stream).await;
        assert_eq!(reply.status.as_u16(), 404, "{path}");
    }
    assert_eq!(world.get_with("", "/v1/notifications", &stream).await.status.as_u16(), 401);
}

/// A private task of somebody else, beside a team task, and a stranger who asks for it in every way there is.
#[tokio::test]
async fn what_is_hidden_is_in_no_list_no_count_and_no_page() {
    // 77, 81
    let world = World::new().await;
    let (ann, bob) = (
        store_user(&world.pool, "ann", &["member"]).await,
        store_user(&world.pool, "bob", &["member"]).await,
    );
    let open = Seed::new(1, bob).store(&world.pool).await;
    let mut hidden = Seed::new(2, ann);
    (hidden.private, hidden.title) = (true, "canary title".to_owned());
    (hidden.labels, hidden.assignees, hidden.watchers) = (vec!["canarylabel".into()], vec![ann], vec![ann]);
    hidden.external = Some(("canarysystem".into(), "1".into()));
    hidden.parent = Some(open.id);
    let hidden = hidden.store(&world.pool).await;
    store_comment(&world.pool, hidden.id, ann, 3, "canary comment").await;
    let mut child = Seed::new(3, bob);
    child.parent = Some(hidden.id);
    child.store(&world.pool).await;
    let token = world.token(bob, &["member"]);
    for (filter, seen) in [
        ("", 2),
        ("q=canary", 0),
        ("q=canary%20comment", 0),
        ("label=canarylabel", 0),
        ("external_ref=canarysystem%3A1", 0),
        (&format!("creator={ann}"), 0),
        (&format!("assignee={ann}"), 0),
        (&format!("watcher={ann}"), 0),
        (&format!("parent={}", open.id), 0),
        ("show_deleted=true", 2),
    ] {
        for count in ["exact", "estimate"] {
            let reply = world.get(&token, &format!("/v1/tasks?count={count}&{filter}")).await;
            assert_eq!(reply.items().len(), seen, "{filter}");
            if count == "exact" {
                assert_eq!(reply.body["count"], seen, "{filter}");
            }
            assert!(!reply.body.to_string().contains("canary"), "{filter}: {}", reply.body);
        }
        for group in ["status", "assignee", "label"] {
            let reply = world.get(&token, &format!("/v1/tasks/counts?group_by={group}&{filter}")).await;
            let counted: i64 = reply.items().iter().filter_map(|item| item["count"].as_i64()).sum();
            assert_eq!(counted, i64::try_from(seen).unwrap(), "{group} {filter}: {}", reply.body);
            assert!(!reply.body.to_string().contains(&ann.to_string()), "{group} {filter}");
        }
    }
    assert!(world.get(&token, "/v1/labels").await.items().is_empty());
    nobody_elses_page_helps(&world, ann, bob).await;
}

/// A token of a page grants nothing.
async fn nobody_elses_page_helps(world: &World, ann: Uuid, bob: Uuid) {
    let (anns, bobs) = (world.token(ann, &["member"]), world.token(bob, &["member"]));
    let first = world.get(&anns, "/v1/tasks?page_size=1&sort=key").await;
    let page = first.body["next_page_token"].as_str().unwrap().to_owned();
    assert!(!page.is_empty());
    let path = format!("/v1/tasks?page_size=1&sort=key&page_token={page}");
    let reply = world.get(&bobs, &path).await;
    assert_eq!((reply.status, reply.code()), (StatusCode::BAD_REQUEST, "INVALID_PAGE_TOKEN"));
    assert_eq!(world.get(&anns, &path).await.pluck("title"), ["canary title"]);
}

#[tokio::test]
async fn what_is_hidden_is_told_apart_from_nothing_by_nothing() {
    // 76
    let world = World::new().await;
    let (ann, bob) = (store_user(&world.pool, "ann", &["member"]).await, Uuid::now_v7());
    let mut hidden = Seed::new(1, ann);
    hidden.private = true;
    let hidden = hidden.store(&world.pool).await;
    let token = world.token(bob, &["member"]);
    let told = async |task: String, suffix: &str| {
        let reply = world.get(&token, &format!("/v1/tasks/{task}{suffix}")).await;
        let mut body = reply.body.clone();
        for own in ["instance", "request_id", "trace_id"] {
            body.as_object_mut().unwrap().remove(own);
        }
        let names: Vec<_> = reply.headers.keys().map(ToString::to_string).collect();
        (reply.status, body, names) as (StatusCode, Value, Vec<String>)
    };
    for suffix in ["", "/comments", "/history"] {
        let nothing = told(Uuid::now_v7().to_string(), suffix).await;
        assert_eq!(nothing.0, StatusCode::NOT_FOUND);
        assert_eq!(told(hidden.id.to_string(), suffix).await, nothing, "{suffix}");
        assert_eq!(told("T-1".to_owned(), suffix).await, told("T-7".to_owned(), suffix).await, "{suffix}");
    }
}
