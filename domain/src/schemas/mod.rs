//! What integrators may rely on in the `data` of an event: a JSON Schema of each type, made from the Rust types.
//!
//! The services are built without this: they serve what a test has written to `docs/schemas`.

mod texts;

use schemars::{JsonSchema, Schema, generate::SchemaSettings, transform::RecursiveTransform};
use serde_json::{Map, Value, json};

use crate::{
    announcement::AnnouncementEvent, inbox::InboxEvent, notification_rule::NotificationRuleEvent,
    operation::OperationEvent, task::TaskEvent, upcasters::current_version, user::UserEvent,
    webhook::WebhookEvent,
};

const DEFINITIONS: &str = "$defs";
const REFERENCE: &str = "#/$defs/";

/// The payload of every event as it is written today, by `task.assigned.v1`, in the order of the catalogue.
///
/// What `parse` checks is left out: the log keeps what earlier rules let through.
pub fn events() -> Vec<(String, Value)> {
    let families = [
        of::<TaskEvent>(),
        of::<UserEvent>(),
        of::<OperationEvent>(),
        of::<NotificationRuleEvent>(),
        of::<WebhookEvent>(),
        of::<AnnouncementEvent>(),
        of::<InboxEvent>(),
    ];
    families.into_iter().flatten().collect()
}

/// Each variant of an enum of events.
fn of<E: JsonSchema>() -> Vec<(String, Value)> {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    let settings = settings.with_transform(RecursiveTransform(constants_become_an_enum));
    let family = settings.into_generator().into_root_schema_for::<E>().to_value();
    let definitions = family[DEFINITIONS].as_object().cloned().unwrap_or_default();
    let variants = family["oneOf"].as_array().into_iter().flatten();
    variants.flat_map(|variant| of_variant(variant, &definitions)).collect()
}

fn of_variant(variant: &Value, definitions: &Map<String, Value>) -> Option<(String, Value)> {
    let (event_type, payload) = variant["properties"].as_object()?.iter().next()?;
    let name = format!("{event_type}.v{}", current_version(event_type)?);
    let payload = match payload["$ref"].as_str() {
        Some(reference) => &definitions[reference.strip_prefix(REFERENCE)?],
        None => payload,
    };
    let mut schema = payload.as_object()?.clone();
    let mut used = Map::new();
    collect(payload, definitions, &mut used);
    if !used.is_empty() {
        schema.insert(DEFINITIONS.to_owned(), Value::Object(used));
    }
    schema.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
    schema.insert("$id".to_owned(), json!(format!("urn:taskledger:event:{name}")));
    schema.insert("title".to_owned(), json!(name));
    schema.insert("description".to_owned(), variant["description"].clone());
    Some((name, Value::Object(schema)))
}

/// The definitions that a schema leads to.
fn collect(schema: &Value, definitions: &Map<String, Value>, used: &mut Map<String, Value>) {
    match schema {
        Value::Object(members) => {
            let reference = members.get("$ref").and_then(Value::as_str);
            if let Some(name) = reference.and_then(|reference| reference.strip_prefix(REFERENCE))
                && !used.contains_key(name)
            {
                used.insert(name.to_owned(), definitions[name].clone());
                collect(&definitions[name], definitions, used);
            }
            members.values().for_each(|member| collect(member, definitions, used));
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, definitions, used)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Words one by one with what each means become a plain list, which more tools understand.
fn constants_become_an_enum(schema: &mut Schema) {
    let words = schema.get("oneOf").and_then(Value::as_array).and_then(|variants| {
        let words = variants.iter().map(|variant| variant.get("const").cloned());
        words.collect::<Option<Vec<_>>>()
    });
    if let Some(words) = words {
        schema.remove("oneOf");
        schema.insert("type".to_owned(), json!("string"));
        schema.insert("enum".to_owned(), Value::Array(words));
    }
}
