//! A command sent twice with one key takes effect once and is answered alike.

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::api::{Answer, World};

const TASKS: &str = "SELECT count(*) FROM event_store.events WHERE event_type = 'task.created'";

/// What a client compares.
fn shape(answer: &Answer) -> (u16, String, Option<&str>, Option<&str>, Option<&str>) {
    let header = |name| answer.header(name);
    (answer.status.as_u16(), answer.text.clone(), header("etag"), header("location"), header("position"))
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_twins_create_one_task() {
    let world = World::new().await;
    let (one, two) = (world.api().await, world.api().await);
    let ann = one.member("ann").await;
    let twins = (0..50).map(|index| {
        let api = if index % 2 == 0 { &one } else { &two };
        api.call("POST", "/v1/tasks", Some(&ann), json!({"title": "once"}), &[("idempotency-key", "k1")])
    });
    let answers = join_all(twins).await;
    let first = answers.iter().find(|answer| answer.header("idempotent-replayed").is_none()).unwrap();
    assert_eq!(first.status, 201, "{}", first.text);
    for answer in &answers {
        assert_eq!(shape(answer), shape(first));
    }
    let replayed = answers.iter().filter(|answer| answer.header("idempotent-replayed") == Some("true"));
    assert_eq!(replayed.count(), 49);
    assert_eq!(world.count(TASKS).await, 1);
}

#[tokio::test]
async fn answers_outlive_the_process_and_belong_to_the_request() {
    let world = World::new().await;
    let api = world.api().await;
    let (ann, bob) = (api.member("ann").await, api.member("bob").await);
    let key = [("idempotency-key", "\"k 1\"".trim_matches('"'))];
    api.call("POST", "/v1/tasks", Some(&ann), json!({"title": "a"}), &key)
        .await
        .refused(400, "INVALID_HEADER");
    let key = [("idempotency-key", "\"k1\"")];
    let first = api.call("POST", "/v1/tasks", Some(&ann), json!({"title": "a"}), &key).await.expect(201);
    drop(api);

    let later = world.api().await;
    let unquoted = [("idempotency-key", "k1")];
    let again = later.call("POST", "/v1/tasks", Some(&ann), json!({"title": "a"}), &unquoted).await;
    assert_eq!(shape(&again), shape(&first));
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    let other = later.call("POST", "/v1/tasks", Some(&ann), json!({"title": "b"}), &key).await;
    other.refused(422, "IDEMPOTENCY_KEY_REUSED");
    later.call("POST", "/v1/tasks", Some(&bob), json!({"title": "a"}), &key).await.expect(201);
    assert_eq!(world.count(TASKS).await, 2);
}

#[tokio::test]
async fn refusals_of_state_and_body_are_kept_others_not() {
    let world = World::new().await;
    let api = world.api().await;
    let (ann, bob) = (api.member("ann").await, api.member("bob").await);
    let path = format!("/v1/tasks/{}", api.task(&ann, json!({"title": "t"})).await.id());
    let resume = format!("{path}/resume");
    let kept = [
        ("POST", resume.as_str(), json!({}), "a", None, 409),
        ("PATCH", path.as_str(), json!({"title": ""}), "b", None, 422),
        ("PATCH", path.as_str(), json!({"title": "x"}), "c", Some(("if-match", "\"9\"")), 412),
    ];
    type Case<'a> = (&'a str, &'a str, Value, &'a str, Option<(&'a str, &'a str)>, u16);
    let send = async |case: Case<'_>| {
        let (method, path, body, key, header, status) = case;
        let headers: Vec<_> = [("idempotency-key", key)].into_iter().chain(header).collect();
        api.call(method, path, Some(&ann), body, &headers).await.expect(status)
    };
    let mut firsts = Vec::new();
    for case in &kept {
        firsts.push(send(case.clone()).await);
    }
    api.post(&format!("{path}/hold"), Some(&ann), json!({})).await.expect(200);
    for (case, first) in kept.iter().zip(&firsts) {
        let again = send(case.clone()).await;
        assert_eq!(shape(&again), shape(first));
        assert_eq!(again.header("idempotent-replayed"), Some("true"));
    }

    let key = [("idempotency-key", "d")];
    api.call("POST", &format!("{path}/start"), Some(&bob), json!({}), &key).await.refused(403, "FORBIDDEN");
    api.call("POST", "/v1/tasks/T-999999/start", Some(&ann), json!({}), &key).await.refused(404, "NOT_FOUND");
    let cut = crate::api::request("POST", &resume, Some(&ann), "{", &key);
    api.send(cut).await.refused(400, "INVALID_JSON");
    api.call("POST", &resume, Some(&ann), json!({}), &key).await.expect(200);
}

#[tokio::test]
async fn a_replay_is_authorised_again() {
    let world = World::new().await;
    let api = world.api().await;
    let (ann, bob) = (api.member("ann").await, api.member("bob").await);
    let task = api.task(&ann, json!({"title": "t", "assignees": [bob.id]})).await;
    let path = format!("/v1/tasks/{}", task.id());
    let key = [("idempotency-key", "k")];
    api.call("POST", &format!("{path}/start"), Some(&bob), json!({}), &key).await.expect(200);
    api.call("POST", &format!("{path}/unassign"), Some(&ann), json!({"assignees": [bob.id]}), &[])
        .await
        .expect(200);
    api.call("POST", &format!("{path}/start"), Some(&bob), json!({}), &key).await.refused(403, "FORBIDDEN");
    api.call("PATCH", &path, Some(&ann), json!({"visibility": "private"}), &[]).await.expect(200);
    api.call("POST", &format!("{path}/start"), Some(&bob), json!({}), &key).await.refused(404, "NOT_FOUND");
}
