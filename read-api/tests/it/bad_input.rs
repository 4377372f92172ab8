//! What the internet sends.

use axum::{
    body::Body,
    http::{Method, Request, StatusCode},
};
use uuid::Uuid;

use crate::{
    naive::encoded,
    seed::{Seed, store_user},
    world::World,
};

async fn world() -> (World, String) {
    let world = World::new().await;
    let kim = store_user(&world.pool, "kim", &["member"]).await;
    Seed::new(1, kim).store(&world.pool).await;
    let token = world.token(kim, &["member"]);
    (world, token)
}

#[tokio::test]
async fn unknown_paths_and_methods_are_named_as_such() {
    let (world, token) = world().await;
    for path in
        ["/v1/nothing", "/v1", "/v1/tasks/", "/v1//tasks", "/v1/tasks/T-1/", "/v1/tasks;x=1", "/metrics"]
    {
        assert_eq!(world.get(&token, path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::TRACE] {
        let request = Request::builder().method(method.clone()).uri("/v1/tasks/counts");
        let reply = world.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(reply.status, StatusCode::METHOD_NOT_ALLOWED, "{method}");
        assert!(reply.header("allow").contains("GET"), "{method}");
    }
    let head = Request::head("/v1/tasks/T-1").header("authorization", format!("Bearer {token}"));
    let reply = world.send(head.body(Body::empty()).unwrap()).await;
    assert_eq!((reply.status, reply.header("etag"), reply.body.is_null()), (StatusCode::OK, "\"1\"", true));
}

#[tokio::test]
async fn malformed_ids_are_400_and_unknown_ones_404() {
    let (world, token) = world().await;
    let long = "a".repeat(4_000);
    let bad = ["x", "T-", "t-1", "T-1%00", "..%2f..%2f", "%00", "%ff", "T-1;x=1", "{id}", "1", &long];
    for id in bad.map(|id| id.replace('{', "%7B").replace('}', "%7D")) {
        for suffix in ["", "/comments", "/history"] {
            let reply = world.get(&token, &format!("/v1/tasks/{id}{suffix}")).await;
            assert_eq!((reply.status, reply.code()), (StatusCode::BAD_REQUEST, "INVALID_ID"), "{id}{suffix}");
        }
    }
    for id in ["T-2", "T-999999999999999999", &Uuid::nil().to_string(), &Uuid::max().to_string()] {
        assert_eq!(world.get(&token, &format!("/v1/tasks/{id}")).await.status, StatusCode::NOT_FOUND, "{id}");
    }
    assert_eq!(world.get(&token, "/v1/users/T-1").await.code(), "INVALID_ID");
    let very_long = format!("/v1/tasks?q={}", "a".repeat(9_000));
    assert_eq!(world.get(&token, &very_long).await.status, StatusCode::URI_TOO_LONG);
}

#[tokio::test]
async fn wrong_parameters_are_refused_all_at_once() {
    let (world, token) = world().await;
    let reply = world
        .get(&token, "/v1/tasks?status=open&limit=3&sort=title&due_from=2026-13-01&q=%25&page_size=-1")
        .await;
    assert_eq!((reply.status, reply.code()), (StatusCode::BAD_REQUEST, "INVALID_PARAMETER"));
    let errors = reply.body["errors"].as_array().unwrap();
    let mut named: Vec<_> = errors.iter().map(|error| error["parameter"].as_str().unwrap()).collect();
    named.sort_unstable();
    assert_eq!(named, ["due_from", "limit", "page_size", "q", "sort", "status"]);
    for (path, code) in [
        ("/v1/tasks?limit=3", "UNKNOWN_PARAMETER"),
        ("/v1/tasks/T-1?fields=x", "UNKNOWN_PARAMETER"),
        ("/v1/users/me?x=1", "UNKNOWN_PARAMETER"),
        ("/v1/tasks?sort=key&sort=due", "INVALID_PARAMETER"),
        ("/v1/tasks?q=a&q=b", "INVALID_PARAMETER"),
        ("/v1/tasks?sort=id;drop%20table%20tasks", "INVALID_PARAMETER"),
        ("/v1/tasks?label=%00", "INVALID_PARAMETER"),
        ("/v1/tasks?label=%ff", "INVALID_PARAMETER"),
        ("/v1/tasks?label=%ED%A0%80", "INVALID_PARAMETER"),
    ] {
        assert_eq!(world.get(&token, path).await.code(), code, "{path}");
    }
    let many = "a=1&".repeat(500);
    assert_eq!(world.get(&token, &format!("/v1/tasks?{many}")).await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn hostile_texts_are_only_texts() {
    let (world, token) = world().await;
    let texts = [
        "' OR 1=1--",
        "$1",
        r"\x27",
        "%'; select pg_sleep(5)--",
        "{\"a\":1}",
        "${7*7}",
        "{{7*7}}",
        "<script>",
        "한글🙂",
        "\u{202e}abc",
        "a\u{0301}",
        &"%_".repeat(40),
        "(a+)+$",
    ];
    for text in texts {
        let value = encoded(text);
        for path in [
            format!("/v1/tasks?label={value}"),
            format!("/v1/tasks?q=x{value}"),
            format!("/v1/tasks?external_ref=a:{value}"),
            format!("/v1/users?q={value}"),
        ] {
            let reply = world.get(&token, &path).await;
            let harmless = reply.status == StatusCode::BAD_REQUEST || reply.items().is_empty();
            assert!(harmless, "{path}: {}", reply.body);
        }
        for path in [format!("/v1/tasks?status={value}"), format!("/v1/tasks?assignee={value}")] {
            assert_eq!(world.get(&token, &path).await.status, StatusCode::BAD_REQUEST, "{path}");
        }
    }
}

#[tokio::test]
async fn other_media_types_are_not_offered() {
    let (world, token) = world().await;
    let reply = world.get_with(&token, "/v1/tasks", &[("accept", "image/png")]).await;
    assert_eq!(reply.status, StatusCode::NOT_ACCEPTABLE);
}
