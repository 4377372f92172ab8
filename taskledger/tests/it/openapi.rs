//! The contract as one committed document: `UPDATE_OPENAPI=1` writes it anew, and the change shows in review.

use std::{collections::BTreeSet, fs, path::PathBuf};

use domain::policy::Action;
use serde_json::Value;

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/openapi.json")
}

fn document() -> Value {
    let document = read_api::merged([command_api::openapi(), read_api::openapi()]);
    serde_json::to_value(document).expect("the document is JSON")
}

fn operations(document: &Value) -> Vec<(String, &Value)> {
    let paths = document["paths"].as_object().expect("paths");
    let operations = paths.iter().flat_map(|(path, item)| {
        let methods = item.as_object().expect("methods").iter();
        methods.map(move |(method, operation)| (format!("{method} {path}"), operation))
    });
    operations.filter(|(_, operation)| operation["responses"].is_object()).collect()
}

#[test]
fn the_committed_document_is_what_the_routes_say() {
    let text = serde_json::to_string_pretty(&document()).expect("the document is JSON") + "\n";
    if std::env::var_os("UPDATE_OPENAPI").is_some() {
        fs::write(path(), &text).expect("docs/openapi.json can be written");
    }
    let committed = fs::read_to_string(path()).unwrap_or_default();
    assert!(committed == text, "docs/openapi.json is out of date: run this test with UPDATE_OPENAPI=1");
}

#[test]
fn a_name_means_the_same_in_both_services() {
    let schemas = |document: utoipa::openapi::OpenApi| {
        let document = serde_json::to_value(document).expect("the document is JSON");
        document["components"]["schemas"].as_object().cloned().unwrap_or_default()
    };
    let (commands, queries) = (schemas(command_api::openapi()), schemas(read_api::openapi()));
    for (name, schema) in &commands {
        assert!(queries.get(name).is_none_or(|other| other == schema), "{name} has two meanings");
    }
}

#[test]
fn every_operation_names_its_policy_and_itself() {
    let document = document();
    let mut names = BTreeSet::new();
    for (place, operation) in operations(&document) {
        let policy = operation["x-policy"].as_str().unwrap_or_else(|| panic!("{place} has no x-policy"));
        assert!(policy == "public" || policy.parse::<Action>().is_ok(), "{place}: {policy}");
        assert_eq!(policy == "public", operation["security"].is_null(), "{place}");
        let name = operation["operationId"].as_str().unwrap_or_else(|| panic!("{place} has no name"));
        assert!(names.insert(name.to_owned()), "{place}: {name} is taken");
    }
    assert!(names.len() > 40, "both services are in it");
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
    let document = document();
    let mut found = Vec::new();
    references(&document, &mut found);
    for reference in found {
        let pointer = reference.strip_prefix('#').unwrap_or_else(|| panic!("{reference} is elsewhere"));
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
}
