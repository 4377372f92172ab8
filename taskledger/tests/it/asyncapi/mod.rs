//! The ways on which events leave, as one committed document: `UPDATE_ASYNCAPI=1` writes it anew.
//!
//! `meta-schema.json` is the schema of AsyncAPI 3.0.0 from `@asyncapi/specs` 6.11.1 on npm (Apache-2.0), without its descriptions
//! and examples.

mod document;

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};
use servers::testing::{Checker, checker};

use document::document;

fn docs() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs")
}

/// What stands in `docs`.
pub(crate) fn committed(name: &str) -> Value {
    let text = fs::read_to_string(docs().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The names of the schemas in `docs/schemas`: `task.assigned.v1`.
pub(crate) fn schema_names() -> BTreeSet<String> {
    let files = fs::read_dir(docs().join("schemas")).expect("docs/schemas");
    let paths = files.map(|file| file.expect("a file").path());
    paths.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect()
}

#[test]
fn the_committed_document_is_what_types_and_routes_say() {
    let document = document();
    if std::env::var_os("UPDATE_ASYNCAPI").is_some() {
        let text = serde_json::to_string_pretty(&document).expect("the document is JSON") + "\n";
        fs::write(docs().join("asyncapi.json"), text).expect("docs/asyncapi.json can be written");
    }
    let current = committed("asyncapi.json") == document;
    assert!(current, "docs/asyncapi.json is out of date: run this test with UPDATE_ASYNCAPI=1");
}

#[test]
fn every_event_has_a_message_on_nats_on_the_stream_and_for_webhooks() {
    let document = committed("asyncapi.json");
    for name in schema_names() {
        let message = format!("#/components/messages/{name}");
        let (family, _) = name.split_once('.').unwrap();
        for channel in [&format!("nats.{family}"), "stream", "webhooks"] {
            assert_eq!(document["channels"][channel]["messages"][&name]["$ref"], message, "{channel}");
        }
        let payload = &document["components"]["messages"][&name]["payload"]["allOf"][1]["properties"];
        assert_eq!(payload["data"]["$ref"], format!("schemas/{name}.json"));
        assert_eq!(payload["dataschema"]["const"], committed(&format!("schemas/{name}.json"))["$id"]);
    }
}

/// What the schema of AsyncAPI says is wrong with a document; empty if nothing is.
async fn judge(checker: &Checker, document: &Value) -> String {
    let schema: Value = serde_json::from_str(include_str!("meta-schema.json")).expect("it is JSON");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/asyncapi/check.py");
    let output = checker.run(&script, json!({"schema": schema, "document": document}).to_string()).await;
    let found = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(complaint.is_empty() && output.status.success() == found.is_empty(), "{found}{complaint}");
    found
}

#[tokio::test]
async fn the_document_is_what_asyncapi_calls_one() {
    let (checker, document) = (checker().await, committed("asyncapi.json"));
    assert_eq!(judge(&checker, &document).await, "");
    let operation = document["operations"].as_object().unwrap().keys().next().unwrap();
    for (pointer, wrong) in [
        ("/asyncapi".to_owned(), json!("2.6.0")),
        ("/info/version".to_owned(), json!(1)),
        ("/channels/stream/address".to_owned(), json!({})),
        ("/channels/stream/messages".to_owned(), json!([])),
        (format!("/operations/{operation}/action"), json!("shout")),
    ] {
        let mut bad = document.clone();
        *bad.pointer_mut(&pointer).unwrap_or_else(|| panic!("{pointer}")) = wrong;
        assert_ne!(judge(&checker, &bad).await, "", "{pointer}");
    }
}

#[test]
fn every_reference_leads_somewhere() {
    fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
        match value {
            Value::Object(members) => {
                found.extend(members.get("$ref").and_then(Value::as_str));
                members.values().for_each(|member| references(member, found));
            }
            Value::Array(items) => items.iter().for_each(|item| references(item, found)),
            _ => {}
        }
    }
    let document = committed("asyncapi.json");
    let mut found = Vec::new();
    references(&document, &mut found);
    for reference in found {
        match reference.strip_prefix('#') {
            Some(pointer) => assert!(document.pointer(pointer).is_some(), "{reference}"),
            None => assert!(docs().join(reference).is_file(), "{reference}"),
        }
    }
}
