//! An auditor takes the log away and has somebody else check it, whatever dies meanwhile; and sees it go by once more.

use std::{path::Path, process::Command};

use serde_json::{Value, json};

use crate::{
    process::{fails, taskledger},
    processes::auditor,
    system::{PATIENCE, System, within},
};

#[tokio::test(flavor = "multi_thread")]
async fn an_export_survives_its_writer_and_is_proved_by_a_stranger() {
    let mut system = System::start().await;
    let admin = system.admin().await;
    let queries = auditor(&system, &admin).await;
    let commands = queries.at(&system.command_api.url);
    for number in 0..30 {
        admin.post("/v1/tasks", &json!({"title": format!("number {number}")})).await.unwrap().expect(201);
    }
    let refused = admin.post("/v1/audit/exports", &json!({})).await.unwrap();
    assert_eq!(refused.status, 403, "{}", refused.text);
    let contradictory =
        json!({"format": "csv", "include_seals": true, "actions": ["auth.*"], "from": "9", "to": "8"});
    let refused = commands.post("/v1/audit/exports", &contradictory).await.unwrap().expect(422).json();
    assert_eq!(refused["errors"].as_array().unwrap().len(), 3, "{refused}");

    let asked = commands.post("/v1/audit/exports", &json!({})).await.unwrap().expect(202);
    system.projections.kill().await;
    system.projections.start();
    let id = asked.json()["id"].as_str().unwrap().to_owned();
    let mut operation = Value::Null;
    let ended = within(PATIENCE, async || {
        operation = queries
            .get_when_there(&format!("/v1/operations/{id}?min_position={}", asked.number("position")))
            .await
            .json();
        !operation["end_time"].is_null()
    });
    assert!(ended.await && operation["state"] == "done", "{operation}");
    assert_eq!(operation["progress"]["done"], operation["progress"]["total"]);

    let file =
        queries.get(operation["response"]["content"].as_str().unwrap()).await.unwrap().expect(200).text;
    let keys = queries.get("/.well-known/seal-keys.json").await.unwrap().expect(200).json();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("export.ndjson");
    std::fs::write(&path, &file).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/verify_export.py");
    let key = keys["keys"][0]["x"].as_str().unwrap();
    let output = Command::new("python3").arg(script).arg(&path).args(["--key", key]).output().unwrap();
    let words = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success() && words.starts_with("proved: "), "{words}");
    let last = &operation["response"]["to"];
    let lines: Vec<Value> = file.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let events = lines.iter().filter(|line| line["specversion"] == "1.0").count();
    assert_eq!(json!(events), *last, "every position once");
    assert!(lines.iter().any(|line| line["type"] == "operation.requested.v1"), "asking for it is an event");
    system.end().await;
}

#[test]
fn bad_settings_of_a_replay_are_one_line() {
    let data = tempfile::tempdir().unwrap();
    for (arguments, words) in [
        (["--speed", "0"], "expected a number above 0"),
        (["--from", "yesterday"], "a position, or a time"),
        (["--task", "x"], "expected a key such as T-12"),
    ] {
        let (code, said) =
            fails(taskledger().arg("replay").args(arguments).arg("--data-dir").arg(data.path()));
        assert!(code == 64 && said.contains(words), "{said}");
    }
}
