//! Bad inputs: refused with 4xx, never a 500, never half an effect.

use axum::{
    body::Body,
    http::{HeaderName, HeaderValue},
};
use serde_json::json;

use crate::api::{Api, Person, World, request};

async fn raw(api: &Api, person: &Person, body: &[u8]) -> crate::api::Answer {
    let mut request = request("POST", "/v1/tasks", Some(person), "", &[]);
    *request.body_mut() = Body::from(body.to_vec());
    api.send(request).await
}

#[tokio::test]
async fn bodies_that_are_no_task() {
    let world = World::new().await;
    let api = world.api().await;
    let ann = api.member("ann").await;
    let deep = format!("{{\"title\":{}{}}}", "[".repeat(10_000), "]".repeat(10_000));
    let marks = format!("{{\"title\":\"a{}\"}}", "\u{301}".repeat(10_000));
    let large = format!("{{\"title\":\"t\",\"description\":\"{}\"}}", "x".repeat(65 * 1024));
    let many = format!("{{\"title\":\"t\",\"labels\":[{}]}}", vec!["\"x\""; 100_000].join(","));
    let cases: Vec<(&[u8], u16)> = vec![
        (b"", 400),
        (b"{\"title\":\"t\"", 400),
        (b"null", 422),
        (b"[]", 422),
        (b"\"x\"", 422),
        (b"1", 422),
        (deep.as_bytes(), 400),
        (b"{\"title\":\"t\",\"title\":\"u\"}", 422),
        (b"{\"title\":\"t\",\"surprise\":1}", 422),
        (b"{\"title\":1}", 422),
        (b"{\"title\":\"t\",\"base_version\":1.0}", 422),
        (b"{\"title\":\"t\",\"base_version\":1e400}", 422),
        (b"{\"title\":\"t\",\"base_version\":NaN}", 400),
        (b"{\"title\":\"t\",\"base_version\":9223372036854775808}", 422),
        (b"{\"title\":\"a\\u0000b\"}", 422),
        (b"{\"title\":\"a\\ud800b\"}", 400),
        (b"{\"title\":\"a\xff\"}", 400),
        (b"\xef\xbb\xbf{\"title\":\"t\"}", 400),
        (marks.as_bytes(), 422),
        (large.as_bytes(), 422),
        (many.as_bytes(), 422),
        (b"{\"title\":\"t\",\"due\":{\"date\":\"0000-00-00\"}}", 422),
        (b"{\"title\":\"t\",\"due\":{\"date\":\"1000000-01-01\"}}", 422),
        (b"{\"title\":\"t\",\"due\":{\"at\":\"2026-01-01T00:00:00\",\"zone\":\"UTC\"}}", 422),
        (b"{\"title\":\"t\",\"due\":{\"at\":\"2026-01-01T00:00:00Z\",\"zone\":\"Mars/Base\"}}", 422),
        (b"{\"title\":\"t\",\"version\":7}", 422),
        (b"{\"title\":\"t\",\"creator\":\"me\",\"tenant_id\":1}", 422),
    ];
    for (body, status) in cases {
        let answer = raw(&api, &ann, body).await;
        let shown = String::from_utf8_lossy(&body[..body.len().min(80)]);
        assert_eq!(answer.status.as_u16(), status, "{shown}: {}", answer.text);
    }
    let huge = vec![b' '; 1024 * 1024 + 1];
    assert_eq!(raw(&api, &ann, &huge).await.status, 413);
    assert_eq!(world.count("SELECT count(*) FROM event_store.events WHERE aggregate_type = 'task'").await, 0);
}

#[tokio::test]
async fn odd_texts_are_kept_as_they_are() {
    let world = World::new().await;
    let api = world.api().await;
    let ann = api.member("ann").await;
    for title in
        ["' OR 1=1--", "$1", "\\x27", "%'; select pg_sleep(5)--", "{{7*7}}", "=cmd()", "a\u{202e}b", "🦀"]
    {
        let made = api.task(&ann, json!({"title": title, "labels": [title], "description": title})).await;
        let sql = "SELECT payload ->> 'title' FROM event_store.events WHERE aggregate_id = $1";
        let stored: String = sqlx::query_scalar(sql).bind(made.id()).fetch_one(&world.owner).await.unwrap();
        assert_eq!(stored, title);
    }
}

#[tokio::test]
async fn heads_and_paths() {
    let world = World::new().await;
    let api = world.api().await;
    let ann = api.member("ann").await;
    let made = api.task(&ann, json!({"title": "t"})).await;
    let start = format!("/v1/tasks/{}/start", made.id());
    for media_type in ["text/plain", "application/xml", "application/json; charset=utf-7"] {
        let mut request = request("POST", &start, Some(&ann), "{}", &[]);
        request.headers_mut().insert("content-type", media_type.parse().unwrap());
        api.send(request).await.refused(415, "UNSUPPORTED_MEDIA_TYPE");
    }
    let zipped = request("POST", &start, Some(&ann), "{}", &[("content-encoding", "gzip")]);
    api.send(zipped).await.refused(415, "UNSUPPORTED_MEDIA_TYPE");
    api.post(&format!("{start}?x=1&x=2"), Some(&ann), json!({})).await.refused(400, "UNKNOWN_PARAMETER");
    for (id, status) in [
        ("not-a-uuid", 400),
        ("T-0", 400),
        ("T-01", 400),
        ("T-99999999999999999999", 400),
        ("T-424242", 404),
        ("00000000-0000-0000-0000-000000000000", 404),
        ("..%2f..%2f", 400),
        ("%00", 400),
        ("%ff", 400),
    ] {
        let answer = api.post(&format!("/v1/tasks/{id}/start"), Some(&ann), json!({})).await;
        assert_eq!(answer.status.as_u16(), status, "{id}: {}", answer.text);
    }
    let upper = made.id().to_uppercase();
    api.post(&format!("/v1/tasks/{upper}/start"), Some(&ann), json!({})).await.expect(200);
    let put = api.call("PUT", &start, Some(&ann), json!({}), &[]).await.refused(405, "METHOD_NOT_ALLOWED");
    assert_eq!(put.header("allow"), Some("POST"));
    api.call("POST", &start, Some(&ann), json!({}), &[("x-http-method-override", "DELETE")])
        .await
        .expect(200);
    for key in [String::new(), "k".repeat(256), "a b".to_owned()] {
        let headers = [("idempotency-key", key.as_str())];
        api.call("POST", &start, Some(&ann), json!({}), &headers).await.refused(400, "INVALID_HEADER");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_are_cancelled_leave_nothing_half_done() {
    let world = World::new().await;
    let api = world.api().await;
    let ann = api.member("ann").await;
    for index in 0..200_u64 {
        let body = json!({"title": "t", "external_ref": {"system": "x", "id": index.to_string()}});
        let key = format!("k{index}");
        let headers = [("idempotency-key", key.as_str())];
        let call = api.call("POST", "/v1/tasks", Some(&ann), body, &headers);
        let patience = std::time::Duration::from_micros(index * 20);
        let _cut = tokio::time::timeout(patience, call).await;
    }
    // Each retry finds the first one's answer or makes the task now: never two, never a refusal.
    for index in 0..200 {
        let body = json!({"title": "t", "external_ref": {"system": "x", "id": index.to_string()}});
        let key = format!("k{index}");
        let headers = [("idempotency-key", key.as_str())];
        api.call("POST", "/v1/tasks", Some(&ann), body, &headers).await.expect(201);
    }
    assert_eq!(
        world.count("SELECT count(*) FROM event_store.events WHERE event_type = 'task.created'").await,
        200
    );
    let open =
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in%'";
    assert_eq!(world.count(open).await, 0);
}

#[tokio::test]
async fn whoever_has_nothing_to_say_sends_nothing() {
    let world = World::new().await;
    let api = world.api().await;
    let ann = api.member("ann").await;
    let task = api.task(&ann, json!({"title": "t"})).await.id();
    let bare = |key: &str, path: &str, media_type: Option<&str>, body: &'static str| {
        let mut request = request("POST", path, Some(&ann), "", &[("idempotency-key", key)]);
        request.headers_mut().remove("content-type");
        let media_type = media_type.map(|text| ("content-type".parse().unwrap(), text.parse().unwrap()));
        request.headers_mut().extend::<Option<(HeaderName, HeaderValue)>>(media_type);
        *request.body_mut() = Body::from(body);
        request
    };
    let start = format!("/v1/tasks/{task}/start");
    let started = api.send(bare("1", &start, None, "")).await.expect(200);
    // The same thing said in other words.
    let again = api.send(bare("1", &start, Some("application/json"), "{}")).await.expect(200);
    assert_eq!((again.header("idempotent-replayed"), &again.text), (Some("true"), &started.text));
    api.send(bare("2", &start, None, "{}")).await.refused(415, "UNSUPPORTED_MEDIA_TYPE");
    api.send(bare("3", &start, Some("application/json"), "")).await.refused(400, "INVALID_JSON");
    api.send(bare("4", "/v1/tasks", None, "")).await.refused(422, "VALIDATION_FAILED");
    api.send(bare("5", "/v1/auth/logout", None, "")).await.expect(204);
}
