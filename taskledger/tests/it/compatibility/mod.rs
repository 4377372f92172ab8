//! What was released stays: documents may grow, and nothing in them may go or narrow.
//!
//! `docs/baseline` holds the documents as they were released. `UPDATE_BASELINE=1` puts what is new into it, and refuses where
//! something would break.

mod asyncapi;
mod examples;
mod openapi;
mod proto;
mod schema;
mod shape;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use prost::Message;
use prost_types::FileDescriptorSet;
use serde_json::Value;

fn docs() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs")
}

fn read(path: &Path) -> Option<Value> {
    let text = fs::read_to_string(path).ok()?;
    Some(serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
}

/// A document as it was released, which may be never, and as it is.
fn versions(name: &str) -> (Value, Value) {
    let now = read(&docs().join(name)).unwrap_or_else(|| panic!("docs/{name} is not there"));
    (read(&docs().join("baseline").join(name)).unwrap_or_default(), now)
}

fn schemas(folder: &Path) -> BTreeMap<String, Value> {
    let files = fs::read_dir(folder).into_iter().flatten().map(|file| file.expect("a file").path());
    let schema = |path: PathBuf| Some((path.file_stem()?.to_str()?.to_owned(), read(&path)?));
    files.filter_map(schema).collect()
}

/// What the gRPC API promises, as it was released and as it is.
fn promises() -> (String, BTreeSet<String>) {
    let before = fs::read_to_string(docs().join("baseline/proto.txt")).unwrap_or_default();
    let files = FileDescriptorSet::decode(::proto::DESCRIPTORS).expect("descriptors");
    (before, proto::promises(&files))
}

/// Puts what is there now into the baseline.
fn release(names: &[&str]) {
    let baseline = docs().join("baseline");
    fs::create_dir_all(baseline.join("schemas")).expect("docs/baseline can be made");
    let schemas = schemas(&docs().join("schemas")).into_keys().map(|name| format!("schemas/{name}.json"));
    for name in names.iter().map(|name| (*name).to_owned()).chain(schemas) {
        fs::copy(docs().join(&name), baseline.join(&name)).expect("docs/baseline can be written");
    }
    let lines: String = promises().1.into_iter().map(|line| line + "\n").collect();
    fs::write(baseline.join("proto.txt"), lines).expect("docs/baseline can be written");
}

#[test]
fn nothing_that_was_released_is_gone_or_narrower() {
    let (before, now) = versions("openapi.json");
    let mut found = openapi::breaks(&before, &now);
    let (before, now) = versions("asyncapi.json");
    found.extend(asyncapi::breaks(&before, &now));
    let [before, now] = ["baseline/schemas", "schemas"].map(|folder| schemas(&docs().join(folder)));
    found.extend(asyncapi::schema_breaks(&before, &now));
    let (before, now) = promises();
    found.extend(proto::breaks(&before, &now));
    assert!(found.is_empty(), "clients of docs/baseline would break:\n{}", found.join("\n"));
    if std::env::var_os("UPDATE_BASELINE").is_some() {
        release(&["openapi.json", "asyncapi.json"]);
    }
    let released = versions("openapi.json").0["paths"].as_object().map_or(0, serde_json::Map::len);
    assert!(released > 40, "there is no baseline: run this test with UPDATE_BASELINE=1");
}
