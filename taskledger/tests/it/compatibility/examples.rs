//! Changes made by hand, with what must be said of them; most often nothing.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{asyncapi, openapi, promises, proto};

/// One route that takes and gives, and a schema that it gives and that leads to itself.
fn document() -> Value {
    json!({
        "paths": {"/v1/tasks": {"post": {
            "operationId": "create",
            "parameters": [
                {"in": "query", "name": "sort", "required": false, "schema": {"type": "string", "enum": ["key", "due"]}},
            ],
            "requestBody": {"required": true, "content": {"application/json": {
                "schema": {"$ref": "#/components/schemas/New"},
            }}},
            "responses": {"201": {
                "headers": {"ETag": {"schema": {"type": "string"}}},
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Task"}}},
            }},
        }}},
        "components": {"schemas": {
            "New": {
                "type": "object", "required": ["title"], "properties": {
                    "title": {"type": "string", "minLength": 1, "maxLength": 200},
                    "note": {"type": ["string", "null"]},
                    "due": {"oneOf": [{"type": "null"}, {"$ref": "#/components/schemas/Due"}]},
                    "labels": {"type": "array", "items": {"type": "string"}},
                },
            },
            "Due": {"anyOf": [
                {"type": "object", "required": ["date"], "properties": {"date": {"type": "string", "format": "date"}}},
                {"type": "object", "required": ["at"], "properties": {"at": {"type": "string"}, "zone": {"type": "string"}}},
            ]},
            "Task": {
                "type": "object", "required": ["id", "state"], "properties": {
                    "id": {"type": "string", "format": "uuid"},
                    "state": {"type": "string", "enum": ["open", "done"]},
                    "parent": {"oneOf": [{"type": "null"}, {"$ref": "#/components/schemas/Task"}]},
                    "parts": {"type": "array", "items": {"$ref": "#/components/schemas/Task"}},
                },
            },
        }},
    })
}

const OPERATION: &str = "/paths/~1v1~1tasks/post";
const NEW: &str = "/components/schemas/New";
const TASK: &str = "/components/schemas/Task";
const DUE: &str = "/components/schemas/Due";

/// Puts `value` there, or takes away what is there if it is null.
fn with(mut document: Value, pointer: &str, value: Value) -> Value {
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let name = name.replace("~1", "/");
    match document.pointer_mut(parent).unwrap_or_else(|| panic!("{parent}")) {
        Value::Object(members) if value.is_null() => drop(members.remove(&name)),
        Value::Object(members) => drop(members.insert(name, value)),
        Value::Array(items) => match name.parse::<usize>() {
            Ok(index) if value.is_null() => drop(items.remove(index)),
            Ok(index) => items[index] = value,
            Err(_) => items.push(value),
        },
        other => panic!("{other}"),
    }
    document
}

fn said(change: (&str, &str, Value)) -> Vec<String> {
    let (root, pointer, value) = change;
    openapi::breaks(&document(), &with(document(), &format!("{root}{pointer}"), value))
}

#[test]
fn nothing_is_said_where_nothing_has_changed() {
    assert_eq!(openapi::breaks(&document(), &document()), Vec::<String>::new());
}

#[test]
fn what_was_taken_away_or_narrowed_is_named() {
    let again = json!({"in": "query", "name": "again", "required": true, "schema": {"type": "string"}});
    for (root, pointer, value, expected) in [
        ("", "/paths/~1v1~1tasks", json!(null), "POST /v1/tasks: is gone"),
        (OPERATION, "/operationId", json!("make"), "operationId: is not \"create\" any more"),
        (OPERATION, "/security", json!([{"token": []}]), "security: asks for a token now"),
        (OPERATION, "/parameters/0", json!(null), "query sort: is gone"),
        (OPERATION, "/parameters/0/required", json!(true), "query sort: must be there now"),
        (OPERATION, "/parameters/-", again, "query again: must be there now"),
        (OPERATION, "/parameters/0/schema/enum", json!(["key"]), "query sort: \"due\" is not taken any more"),
        (OPERATION, "/requestBody", json!(null), "body: application/json is gone"),
        (OPERATION, "/responses/201", json!(null), "201: is gone"),
        (OPERATION, "/responses/201/content", json!({}), "201: application/json is gone"),
        (OPERATION, "/responses/201/headers/ETag", json!(null), "201 header ETag: is gone"),
        (NEW, "/properties/note", json!(null), "body.note: is gone"),
        (NEW, "/required/-", json!("note"), "body.note: must be there now"),
        (NEW, "/properties/title/maxLength", json!(100), "body.title: maxLength is 100 now"),
        (NEW, "/properties/title/minLength", json!(2), "body.title: minLength is 2 now"),
        (NEW, "/properties/title/pattern", json!("^a"), "body.title: pattern is \"^a\" now"),
        (NEW, "/properties/title/type", json!("integer"), "body.title: string is not taken any more"),
        (NEW, "/properties/note/type", json!("string"), "body.note: null is not taken any more"),
        (NEW, "/properties/labels/maxItems", json!(5), "body.labels: maxItems is 5 now"),
        (NEW, "/properties/labels/items/format", json!("uuid"), "body.labels[]: format is \"uuid\" now"),
        (NEW, "/properties/due/oneOf/0", json!(null), "body.due: null is not taken any more"),
        (DUE, "/anyOf/1/properties/zone", json!(null), "body.due.zone: is gone"),
        (DUE, "/anyOf/1/required/-", json!("zone"), "body.due.zone: must be there now"),
        (TASK, "/properties/id", json!(null), "201.id: is gone"),
        (TASK, "/required/1", json!(null), "201.state: may be absent now"),
        (TASK, "/properties/id/type", json!("integer"), "201.id: may be integer now"),
        (TASK, "/properties/id/type", json!(["string", "null"]), "201.id: may be null now"),
        (TASK, "/properties/id/format", json!(null), "201.id: format is not \"uuid\" any more"),
        (TASK, "/properties/parts/items", json!({"type": "string"}), "201.parts[]: may be string now"),
    ] {
        let found = said((root, pointer, value));
        assert!(found.iter().any(|what| what.ends_with(expected)), "{root}{pointer}: {found:?}");
    }
}

#[test]
fn what_was_added_or_widened_is_not() {
    let more = json!({"type": "string"});
    let optional = json!({"in": "query", "name": "q", "required": false, "schema": {"type": "string"}});
    for change in [
        ("", "/paths/~1v1~1more", json!({"get": {"operationId": "more", "responses": {"200": {}}}})),
        (OPERATION, "/parameters/-", optional),
        (OPERATION, "/parameters/0/schema/enum/-", json!("title")),
        (OPERATION, "/requestBody/required", json!(false)),
        (OPERATION, "/responses/409", json!({})),
        (NEW, "/properties/more", more.clone()),
        (NEW, "/required/0", json!(null)),
        (NEW, "/properties/title/maxLength", json!(300)),
        (NEW, "/properties/title/minLength", json!(null)),
        (NEW, "/properties/title/type", json!(["string", "null"])),
        (NEW, "/properties/title/description", json!("what it is called")),
        (DUE, "/anyOf/-", json!({"type": "string"})),
        (TASK, "/properties/more", more),
        (TASK, "/properties/state/enum/-", json!("lost")),
        (TASK, "/properties/parent/oneOf/0", json!(null)),
        (TASK, "/required/-", json!("parts")),
    ] {
        let place = change.1;
        assert_eq!(said(change), Vec::<String>::new(), "{place}");
    }
}

fn events() -> Value {
    json!({
        "servers": {"nats": {"protocol": "nats"}},
        "channels": {"tasks": {"address": "events.task", "messages": {"a.v1": {"$ref": "#/components/messages/a.v1"}}}},
        "operations": {"pull": {"action": "send", "channel": {"$ref": "#/channels/tasks"}, "bindings": {"http": {
            "query": {"type": "object", "properties": {"after": {"type": "integer"}}},
        }}}},
        "components": {
            "messages": {"a.v1": {"contentType": "x", "payload": {"allOf": [
                {"$ref": "#/components/schemas/Event"},
                {"properties": {"type": {"const": "a.v1"}, "data": {"$ref": "schemas/a.v1.json"}}},
            ]}}},
            "schemas": {"Event": {"type": "object", "required": ["id"], "properties": {
                "id": {"type": "string"}, "type": {"type": "string"}, "data": {"type": "object"},
            }}},
        },
    })
}

#[test]
fn ways_and_messages_stay() {
    assert_eq!(asyncapi::breaks(&events(), &events()), Vec::<String>::new());
    let payload = "/components/messages/a.v1/payload/allOf/1/properties";
    for (pointer, value, expected) in [
        ("/servers/nats", json!(null), "server nats: is gone"),
        ("/channels/tasks", json!(null), "channel tasks: is gone"),
        ("/channels/tasks/address", json!("task"), "channel tasks: address is not \"events.task\" any more"),
        ("/channels/tasks/messages/a.v1", json!(null), "channel tasks: message a.v1 is gone"),
        ("/operations/pull", json!(null), "operation pull: is gone"),
        (
            "/operations/pull/bindings/http/query/properties/after",
            json!(null),
            "operation pull query.after: is gone",
        ),
        ("/components/messages/a.v1", json!(null), "message a.v1: is gone"),
        (
            "/components/messages/a.v1/contentType",
            json!("y"),
            "message a.v1: contentType is not \"x\" any more",
        ),
        ("/components/schemas/Event/properties/id", json!(null), "message a.v1.id: is gone"),
        ("/components/schemas/Event/required", json!([]), "message a.v1.id: may be absent now"),
        (&format!("{payload}/type/const"), json!("b.v1"), "message a.v1.type: is not \"a.v1\" any more"),
        (
            &format!("{payload}/data"),
            json!(null),
            "message a.v1.data: $ref is not \"schemas/a.v1.json\" any more",
        ),
    ] {
        let found = asyncapi::breaks(&events(), &with(events(), pointer, value));
        assert!(found.iter().any(|what| what == expected), "{pointer}: {found:?}");
    }
}

#[test]
fn events_keep_their_members() {
    let schema = |required: Value, of: Value| json!({"type": "object", "required": required, "properties": {"to": of}});
    let old = schema(json!(["to"]), json!({"type": "string", "enum": ["a", "b"]}));
    for (new, expected) in [
        (Some(old.clone()), None),
        (Some(schema(json!(["to"]), json!({"type": "string", "enum": ["a", "b", "c"]}))), None),
        (Some(schema(json!([]), json!({"type": "string"}))), Some("a.v1.to: may be absent now")),
        (Some(schema(json!(["to"]), json!({"type": "integer"}))), Some("a.v1.to: may be integer now")),
        (Some(json!({"type": "object", "required": ["to"]})), Some("a.v1.to: is gone")),
        (None, Some("a.v1: is gone")),
    ] {
        let of = |schema: Option<Value>| schema.map(|schema| ("a.v1".to_owned(), schema));
        let [old, new] = [Some(old.clone()), new].map(|one| BTreeMap::from_iter(of(one)));
        assert_eq!(asyncapi::schema_breaks(&old, &new), Vec::from_iter(expected.map(str::to_owned)));
    }
}

#[test]
fn fields_values_and_methods_stay_what_they_are() {
    let (_, now) = promises();
    let text = |lines: &std::collections::BTreeSet<String>| {
        lines.iter().map(|line| format!("{line}\n")).collect::<String>()
    };
    assert_eq!(proto::breaks(&text(&now), &now), Vec::<String>::new());
    for promise in [
        "message taskledger.v1.Task",
        "taskledger.v1.Task.labels = ",
        "taskledger.v1.Events/Subscribe: taskledger.v1.SubscribeRequest returns stream ",
        "taskledger.v1.Tasks/Create",
    ] {
        let line = now
            .iter()
            .find(|line| line.starts_with(promise))
            .unwrap_or_else(|| panic!("{promise}: {now:#?}"));
        let mut less = now.clone();
        less.remove(line);
        assert_eq!(proto::breaks(&text(&now), &less), [format!("{line}: is gone, or is not so any more")]);
        assert_eq!(proto::breaks(&text(&less), &now), Vec::<String>::new());
    }
    let field = now.iter().find(|line| line.starts_with("taskledger.v1.Task.labels = ")).unwrap();
    assert!(field.ends_with(": repeated string"), "{field}");
}
