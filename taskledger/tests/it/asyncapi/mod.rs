//! The ways on which events leave, as one committed document: `UPDATE_ASYNCAPI=1` writes it anew.

mod document;

use std::{collections::BTreeSet, fs, path::PathBuf};

use serde_json::Value;

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
