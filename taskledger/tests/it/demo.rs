//! The data set that `--demo` adds.

use std::process::Command;

use serde_json::Value;

use crate::process::{Up, directory, get_when_there, post};

const PASSWORD: &str = "correct horse battery 7";

fn start(data: &std::path::Path) -> Up {
    let demo = |command: &mut Command| {
        command.arg("--demo").env("TASKLEDGER_ADMIN_PASSWORD", PASSWORD);
    };
    Up::start_with(data, demo)
}

fn json((status, body): (u16, String)) -> Value {
    assert!((200..300).contains(&status), "{status}: {body}");
    serde_json::from_str(&body).expect("answers are JSON")
}

#[test]
fn a_lively_team_is_there_once_however_often_it_is_asked_for() {
    let data = directory();
    let first = start(data.path());
    assert!(first.banner.starts_with("demo: 36 tasks added\n"), "{}", first.banner);
    assert!(first.end("INT").success());

    let up = start(data.path());
    assert!(up.banner.starts_with("demo: 0 tasks added\n"), "{}", up.banner);
    let login = format!(r#"{{"email": "admin@localhost", "password": "{PASSWORD}"}}"#);
    let session = json(post(&up.url, "/v1/auth/login", None, &login));
    let token = session["access_token"].as_str().expect("a token");
    let created = json(post(&up.url, "/v1/tasks", Some(token), r#"{"title": "A position to wait for"}"#));
    let position = &created["position"];
    let list = |query: &str| {
        let path = format!("/v1/tasks?min_position={position}&page_size=100&{query}");
        json(get_when_there(&up.url, &path, Some(token)))["items"].as_array().expect("a list").clone()
    };
    assert_eq!(list("").len(), 37);
    assert_eq!(list("status=done").len(), 8);
    assert_eq!(list("status=on_hold").len(), 5);
    // 보고서, in UTF-8 as a query string has it.
    assert_eq!(list("q=%EB%B3%B4%EA%B3%A0%EC%84%9C").len(), 1);
    assert!(up.end("INT").success());
}
