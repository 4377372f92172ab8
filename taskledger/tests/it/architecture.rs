//! Who may depend on whom, read from what cargo knows.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

/// Every crate of the workspace with the crates of the workspace that its code may use.
const ARROWS: &[(&str, &[&str])] = &[
    ("bench", &["servers"]),
    ("command-api", &["domain", "event-store", "service"]),
    ("domain", &[]),
    ("event-store", &["domain"]),
    ("projections", &["domain", "event-store", "service"]),
    ("proto", &[]),
    ("read-api", &["domain", "event-store", "proto", "service"]),
    ("servers", &[]),
    ("service", &["proto"]),
    (
        "taskledger",
        &["command-api", "domain", "event-store", "projections", "read-api", "servers", "service"],
    ),
];

/// A dependency of one of our crates on another.
#[derive(Debug)]
struct Arrow {
    from: String,
    to: String,
    features: Vec<String>,
    for_tests: bool,
}

fn arrows() -> (BTreeSet<String>, Vec<Arrow>) {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo writes JSON");
    let packages = metadata["packages"].as_array().expect("packages");
    let names: BTreeSet<_> = packages.iter().map(|package| text(&package["name"])).collect();
    let arrows = packages.iter().flat_map(|package| {
        let dependencies = package["dependencies"].as_array().expect("dependencies");
        let ours = dependencies.iter().filter(|dependency| names.contains(&text(&dependency["name"])));
        ours.map(|dependency| Arrow {
            from: text(&package["name"]),
            to: text(&dependency["name"]),
            features: dependency["features"].as_array().expect("features").iter().map(text).collect(),
            for_tests: dependency["kind"] == "dev",
        })
    });
    let arrows = arrows.collect();
    (names, arrows)
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

#[test]
fn crates_depend_on_each_other_as_the_design_says() {
    let (names, arrows) = arrows();
    let allowed: BTreeMap<_, _> = ARROWS.iter().copied().collect();
    let unknown: Vec<_> = names.iter().filter(|name| !allowed.contains_key(name.as_str())).collect();
    assert!(unknown.is_empty(), "say on whom {unknown:?} may depend");
    for arrow in arrows.iter().filter(|arrow| !arrow.for_tests) {
        assert!(allowed[arrow.from.as_str()].contains(&arrow.to.as_str()), "{arrow:?}");
    }
    assert!(arrows.iter().filter(|arrow| !arrow.for_tests).count() > 15, "cargo has told us of them");
}

#[test]
fn tests_too_see_no_other_service() {
    let services = ["command-api", "projections", "read-api"];
    for arrow in arrows().1 {
        let product = arrow.from == "taskledger";
        assert!(product || !services.contains(&arrow.to.as_str()), "{arrow:?}");
    }
}

#[test]
fn only_the_command_api_appends() {
    let (_, arrows) = arrows();
    let appending = arrows.iter().filter(|arrow| {
        arrow.to == "event-store" && !arrow.for_tests && arrow.features.iter().any(|name| name == "append")
    });
    assert_eq!(appending.map(|arrow| arrow.from.as_str()).collect::<Vec<_>>(), ["command-api"]);
}

#[test]
fn what_is_made_for_tests_stays_in_tests() {
    let (_, arrows) = arrows();
    let testing: Vec<_> =
        arrows.iter().filter(|arrow| arrow.features.iter().any(|name| name == "testing")).collect();
    assert!(testing.iter().all(|arrow| arrow.for_tests), "{testing:?}");
    assert!(testing.iter().any(|arrow| arrow.to == "servers"));
}
