//! Every status against every transition, and the other refusals of a task.

use domain::{
    policy::Role,
    task::values::{Status, Transition},
};
use serde_json::json;

use crate::api::{Api, Person, World};

/// A task brought to this status.
async fn task_in(api: &Api, person: &Person, status: Status) -> String {
    let path = format!("/v1/tasks/{}", api.task(person, json!({"title": "t"})).await.id());
    let step = match status {
        Status::Waiting => return path,
        Status::InProgress => "start",
        Status::OnHold => "hold",
        Status::Done => "complete",
        Status::Cancelled => "cancel",
    };
    api.post(&format!("{path}/{step}"), Some(person), json!({"reason": "because"})).await.expect(200);
    path
}

#[tokio::test]
async fn every_transition_from_every_status() {
    let world = World::new().await;
    let api = world.api().await;
    let ann = api.member("ann").await;
    for status in Status::ALL {
        for transition in Transition::ALL {
            let path = task_in(&api, &ann, *status).await;
            let answer = api.post(&format!("{path}/{transition}"), Some(&ann), json!({})).await;
            if transition.target() == *status {
                assert_eq!(
                    (answer.status.as_u16(), answer.json.get("status")),
                    (200, None),
                    "{}",
                    answer.text
                );
            } else if status.allowed().contains(transition) {
                let answer = answer.expect(200);
                assert_eq!(answer.json["status"], transition.target().as_str());
            } else {
                let answer = answer.refused(409, "TRANSITION_NOT_ALLOWED");
                let allowed: Vec<_> = status.allowed().iter().map(|allowed| allowed.as_str()).collect();
                assert_eq!(answer.json["allowed"], json!(allowed));
            }
        }
    }
}

#[tokio::test]
async fn people_parts_and_their_refusals() {
    let world = World::new().await;
    let api = world.api().await;
    let (ann, bob) = (api.member("ann").await, api.member("bob").await);
    let path = format!("/v1/tasks/{}", api.task(&ann, json!({"title": "t"})).await.id());
    let post = async |person: &Person, tail: &str, body| {
        api.post(&format!("{path}{tail}"), Some(person), body).await
    };
    let patch = async |person: &Person, tail: &str, body| {
        api.call("PATCH", &format!("{path}{tail}"), Some(person), body, &[]).await
    };
    let delete = async |person: &Person, tail: &str| {
        api.call("DELETE", &format!("{path}{tail}"), Some(person), json!({}), &[]).await
    };

    post(&bob, "/assign", json!({"assignees": [ann.id]})).await.refused(403, "FORBIDDEN");
    let unknown = "01890000-0000-7000-8000-000000000000";
    let refused =
        post(&ann, "/assign", json!({"assignees": [unknown]})).await.refused(409, "USER_NOT_ACTIVE");
    assert_eq!(refused.violations(), [("/assignees/0".to_owned(), "USER_NOT_ACTIVE".to_owned())]);
    post(&bob, "/progress", json!({"progress": 5})).await.refused(403, "FORBIDDEN");
    post(&bob, "/assign", json!({"assignees": [bob.id]})).await.expect(200);
    post(&bob, "/progress", json!({"progress": 100})).await.expect(200);
    post(&bob, "/progress", json!({"progress": 101})).await.refused(422, "VALIDATION_FAILED");
    post(&bob, "/watch", json!({})).await.expect(200);

    let comment = post(&bob, "/comments", json!({"text": "well"})).await.expect(200);
    let comment = format!("/comments/{}", comment.json["comment"]["id"].as_str().unwrap());
    patch(&ann, &comment, json!({"text": "no"})).await.refused(403, "FORBIDDEN");
    patch(&bob, &comment, json!({"text": "yes"})).await.expect(200);
    delete(&ann, &comment).await.refused(403, "FORBIDDEN");
    let boss = api.person("boss", &[Role::Member, Role::Manager]).await;
    delete(&boss, &comment).await.expect(200);
    patch(&bob, &comment, json!({"text": "yes"})).await.refused(404, "NOT_FOUND");

    let items = post(&ann, "/checklist", json!({"text": "one"})).await.expect(200);
    let item = format!("/checklist/{}", items.json["checklist"][0]["id"].as_str().unwrap());
    let checked = patch(&bob, &item, json!({"done": true, "text": "two"})).await.expect(200);
    assert_eq!(
        (&checked.json["checklist"][0]["done"], checked.version()),
        (&json!(true), items.version() + 2)
    );
    delete(&ann, &item).await.expect(200);
    delete(&ann, &item).await.refused(404, "NOT_FOUND");

    let other = api.task(&ann, json!({"title": "other"})).await;
    let relation = format!("/relations/blocks/{}", other.json["key"].as_str().unwrap());
    post(&ann, &relation, json!({})).await.expect(200);
    let back = format!("/v1/tasks/{}/relations/blocks{}", other.id(), path.trim_start_matches("/v1/tasks"));
    api.post(&back, Some(&ann), json!({})).await.refused(409, "CYCLE");
    delete(&ann, &relation).await.expect(200);
    post(&ann, "/relations/eats/T-1", json!({})).await.refused(404, "NOT_FOUND");
}
