//! The document says what the readers of bodies read.

use std::collections::BTreeSet;

use domain::policy::Role;
use serde_json::{Value, json};

use crate::{
    api::World,
    policy::{Sample, routes},
};

#[tokio::test]
async fn schemas_and_readers_know_the_same_members() {
    let world = World::new().await;
    let api = world.api().await;
    let everything = [Role::Member, Role::Manager, Role::Admin, Role::Operator];
    let root = api.person("root", &everything).await;
    let target = api.member("target").await;
    let sample = Sample::new(&api, &root, target.id, "team").await;
    let assign = json!({"assignees": [root.id]});
    api.post(&format!("/v1/tasks/{}/assign", sample.task), Some(&root), assign).await.expect(200);
    let schemas = serde_json::to_value(command_api::openapi()).unwrap()["components"]["schemas"].clone();
    for route in routes() {
        let Some(schema) = route.body.as_ref().map(|name| &schemas[name.as_str()]) else { continue };
        let name = format!("{} {}", route.method, route.path);
        let person = route.action.map(|_| &root);
        let refused = route.send(&api, &sample, person, json!({"no such member": 1})).await;
        let missing: BTreeSet<_> = pointers(&refused.json, "REQUIRED");
        let required = schema["required"].as_array().cloned().unwrap_or_default();
        let required: BTreeSet<_> =
            required.iter().map(|name| format!("/{}", name.as_str().unwrap())).collect();
        assert_eq!(missing, required, "{name}: {}", refused.text);
        assert_eq!(pointers(&refused.json, "UNKNOWN_FIELD").len(), 1, "{name}: {}", refused.text);
        for member in schema["properties"].as_object().into_iter().flatten().map(|(name, _)| name) {
            let refused = route.send(&api, &sample, person, json!({member: [[]]})).await.expect(422);
            let unknown = pointers(&refused.json, "UNKNOWN_FIELD");
            assert!(unknown.is_empty(), "{name} does not know {member}: {}", refused.text);
        }
    }
}

fn pointers(problem: &Value, code: &str) -> BTreeSet<String> {
    let errors = problem["errors"].as_array().into_iter().flatten();
    let of_code = errors.filter(|error| error["code"] == code);
    of_code.map(|error| error["pointer"].as_str().unwrap_or_default().to_owned()).collect()
}
