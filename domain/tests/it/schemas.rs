//! The schemas of events as committed documents: `UPDATE_SCHEMAS=1` writes them anew, and the change shows in review.

use std::{collections::BTreeSet, fs, path::PathBuf};

use domain::{
    schemas,
    upcasters::{current_version, known_types},
};
use serde_json::Value;

use crate::contract::stored_files;

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/schemas").join(format!("{name}.json"))
}

fn committed(name: &str) -> Value {
    let text = fs::read_to_string(path(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    serde_json::from_str(&text).unwrap()
}

/// Files of versions that nobody writes any more stay as they are.
#[test]
fn the_committed_schemas_are_what_the_types_say() {
    for (name, schema) in schemas::events() {
        if std::env::var_os("UPDATE_SCHEMAS").is_some() {
            fs::write(path(&name), serde_json::to_string_pretty(&schema).unwrap() + "\n").unwrap();
        }
        let current = path(&name).exists() && committed(&name) == schema;
        assert!(current, "docs/schemas/{name}.json is out of date: run this test with UPDATE_SCHEMAS=1");
    }
}

#[test]
fn every_type_has_a_schema_in_each_version_that_was_ever_stored() {
    let today = known_types().map(|name| format!("{name}.v{}", current_version(name).unwrap()));
    let (names, _): (Vec<_>, Vec<_>) = schemas::events().into_iter().unzip();
    assert_eq!(names, today.collect::<Vec<_>>());
    let stored = stored_files().into_iter().map(|(name, version, _)| format!("{name}.v{version}"));
    let files = fs::read_dir(path("x").parent().unwrap()).unwrap();
    let files = files.map(|file| file.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned());
    assert_eq!(files.collect::<BTreeSet<_>>(), stored.collect::<BTreeSet<_>>());
}

#[test]
fn a_schema_bears_the_name_that_envelopes_give_it() {
    for (event_type, version, _) in stored_files() {
        let name = format!("{event_type}.v{version}");
        assert_eq!(committed(&name)["$id"], format!("urn:taskledger:event:{name}"));
        assert!(committed(&name)["description"].is_string(), "{name}");
    }
}

#[test]
fn personal_texts_are_sealed_by_their_schema_too() {
    let registered = committed("user.registered.v1");
    assert_eq!(registered["properties"]["email"]["$ref"], "#/$defs/Sealed");
    assert!(registered["$defs"]["Sealed"]["pattern"].as_str().unwrap().starts_with(r"^s1\."));
}
