use prost_reflect::DynamicMessage;
use serde_json::{Value, json};

use super::*;
use crate::{grpc::methods, problem::Code};

fn call(path: &str, message: Value) -> Result<Call, Problem> {
    let method = methods().find(|method| method.path() == format!("/taskledger.v1.{path}")).unwrap();
    let message = DynamicMessage::deserialize(method.input().clone(), message).unwrap();
    Call::new(&method, &message)
}

#[test]
fn a_command_is_a_post_with_a_key() {
    let call =
        call("Tasks/Create", json!({"title": "Boat", "request_id": "k 1", "due": {"date": "2026-12-24"}}));
    let expected = Call {
        verb: Verb::POST,
        target: "/v1/tasks".to_owned(),
        body: Some(json!({"title": "Boat", "due": {"date": "2026-12-24"}})),
        key: Some(HeaderValue::from_static("k 1")),
        if_match: None,
    };
    assert_eq!(call.unwrap(), expected);
}

#[test]
fn a_version_is_quoted_once() {
    let etag = |etag: &str| {
        let call = call("Tasks/Delete", json!({"id": "T-1", "etag": etag})).unwrap();
        assert_eq!((call.target.as_str(), &call.body), ("/v1/tasks/T-1", &None));
        call.if_match.unwrap()
    };
    assert_eq!(etag("7"), "\"7\"");
    assert_eq!(etag("\"7\""), "\"7\"");
    assert_eq!(etag("*"), "*");
}

#[test]
fn what_is_no_body_is_the_query() {
    let message =
        json!({"status": ["done", "on_hold"], "q": "큰 배&x=1", "page_size": 5, "min_position": "9"});
    let call = call("TaskQueries/List", message).unwrap();
    assert!(call.body.is_none());
    let (path, query) = call.target.split_once('?').unwrap();
    let mut parts: Vec<_> = query.split('&').collect();
    parts.sort_unstable();
    let expected =
        ["min_position=9", "page_size=5", "q=%ED%81%B0%20%EB%B0%B0%26x%3D1", "status=done", "status=on_hold"];
    assert_eq!((path, parts), ("/v1/tasks", expected.to_vec()));
}

#[test]
fn a_patch_has_what_is_set_or_what_the_mask_names() {
    let patch = |message: Value| call("Tasks/Update", message).unwrap().body.unwrap();
    assert_eq!(patch(json!({"id": "T-1", "title": "New"})), json!({"title": "New"}));
    let masked = json!({"id": "T-1", "title": "New", "priority": "high", "base_version": 3,
        "update_mask": "title,due,labels"});
    assert_eq!(patch(masked), json!({"title": "New", "due": null, "labels": [], "base_version": 3}));
    let unknown = call("Tasks/Update", json!({"id": "T-1", "update_mask": "colour"})).unwrap_err();
    assert_eq!(unknown.code(), Code::ValidationFailed);
}

#[test]
fn a_path_needs_its_variables() {
    let refused = call("Tasks/Start", json!({})).unwrap_err();
    assert_eq!(refused.code(), Code::ValidationFailed);
}

#[test]
fn whole_numbers_of_any_json_are_integers() {
    let command = json!({"op": "progress", "id": "T-1", "data": {"progress": 50, "odd": 0.5}});
    let body = call("Tasks/Batch", json!({"commands": [command]})).unwrap().body.unwrap();
    assert_eq!(body["commands"][0]["data"], json!({"progress": 50, "odd": 0.5}));
    assert!(body["commands"][0]["data"]["progress"].is_i64());
}

#[test]
fn keys_that_are_no_header_are_refused() {
    let refused = call("Tasks/Create", json!({"title": "x", "request_id": "a\nb"})).unwrap_err();
    assert_eq!(refused.code(), Code::ValidationFailed);
}
