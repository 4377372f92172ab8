//! AsyncAPI 3, made from the schemas of events and from what the routes say of envelopes.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::{committed, schema_names};

const EVENT: &str = "#/components/schemas/Event";

pub(super) fn document() -> Value {
    let openapi = serde_json::to_value(read_api::openapi()).expect("the document is JSON");
    let names = schema_names();
    let messages = names.iter().map(|name| (name.clone(), message(name))).chain(more_messages());
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Taskledger: events",
            "version": "1",
            "description": "Every change is an event, a CloudEvent 1.0, the same bytes on every way. `docs/integrators.md` \
                walks through the ways, `docs/events.md` and `docs/webhooks.md` say what each promises.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/cloudevents+json",
        "servers": servers(),
        "channels": channels(&names),
        "operations": operations(&openapi, &names),
        "components": {
            "messages": messages.collect::<Map<_, _>>(),
            "schemas": schemas(&openapi),
            "correlationIds": {"intent": {
                "description": "Groups what one intent has set off",
                "location": "$message.payload#/correlationid",
            }},
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "An access token, or an API key with `events:read`"},
                "nats": {"type": "userPassword", "description": "Whatever the operator of the NATS server asks for"},
            },
        },
    })
}

fn servers() -> Value {
    let host =
        |default: &str, description: &str| json!({"host": {"default": default, "description": description}});
    json!({
        "api": {
            "host": "{host}", "protocol": "http", "variables": host("localhost:8080", "The host of `PUBLIC_URL`"),
            "security": [{"$ref": "#/components/securitySchemes/token"}],
        },
        "nats": {
            "host": "{host}", "protocol": "nats", "variables": host("localhost:4222", "The host of `NATS_URL`"),
            "description": "For trusted programs: everything is in it, whoever may see it.",
            "security": [{"$ref": "#/components/securitySchemes/nats"}],
        },
    })
}

/// `task` with the types of its events and versions.
fn families(names: &BTreeSet<String>) -> BTreeMap<&str, Vec<&String>> {
    let mut families: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for name in names {
        let (family, _) = name.split_once('.').expect("task.assigned.v1");
        families.entry(family).or_default().push(name);
    }
    families
}

fn references<'a>(names: impl IntoIterator<Item = &'a String>) -> Map<String, Value> {
    let reference = |name: &String| json!({"$ref": format!("#/components/messages/{name}")});
    names.into_iter().map(|name| (name.clone(), reference(name))).collect()
}

fn channels(names: &BTreeSet<String>) -> Value {
    let controls = ["caught_up", "checkpoint", "closed"].map(str::to_owned);
    let calls = ["thin", "test"].map(str::to_owned);
    let api = json!([{"$ref": "#/servers/api"}]);
    let mut channels = json!({
        "pull": {
            "address": "/v1/events", "servers": api, "messages": references([&"page".to_owned()]),
            "description": "Page after page; with `Prefer: wait=20` the answer comes when there is something.",
        },
        "stream": {
            "address": "/v1/events/stream", "servers": api, "messages": references(names.iter().chain(&controls)),
            "description": "Server-sent events. `event:` is `event` or the name of a message without version; `id:` is the \
                position, taken back as `Last-Event-ID`.",
        },
        "webhooks": {
            "address": null, "servers": [], "messages": references(names.iter().chain(&calls)),
            "description": "A POST to the webhook's `url`, signed as Standard Webhooks has it. Any 2xx takes it.",
        },
    });
    for (family, names) in families(names) {
        channels[format!("nats.{family}")] = nats_channel(family, &names);
    }
    channels
}

fn nats_channel(family: &str, names: &[&String]) -> Value {
    let event = |name: &&String| {
        let (event_type, _) = name.rsplit_once(".v").expect("task.assigned.v1");
        event_type.split_once('.').expect("task.assigned").1.to_owned()
    };
    let events: BTreeSet<_> = names.iter().map(event).collect();
    json!({
        "address": format!("events.{family}.{{event}}.{{id}}"),
        "servers": [{"$ref": "#/servers/nats"}],
        "description": "A subject of the JetStream stream `EVENTS`, in which the sequence of a message is its position.",
        "parameters": {
            "event": {"description": "What happened", "enum": events},
            "id": {"description": "To whom or what", "location": "$message.payload#/subject"},
        },
        "messages": references(names.iter().copied()),
    })
}

fn operations(openapi: &Value, names: &BTreeSet<String>) -> Value {
    let send = |channel: &str, summary: &str| {
        json!({
            "action": "send", "channel": {"$ref": format!("#/channels/{channel}")}, "summary": summary,
        })
    };
    let get = |path: &str| {
        json!({"http": {
            "method": "GET", "query": query(&openapi["paths"][path]["get"]), "bindingVersion": "0.3.0",
        }})
    };
    let mut operations = json!({
        "pull_events": send("pull", "Answers with the events behind a position"),
        "stream_events": send("stream", "Sends events as they happen, to those who may see them"),
        "call_webhook": send("webhooks", "Calls an integrator's endpoint with each event that it wants"),
    });
    operations["pull_events"]["bindings"] = get("/v1/events");
    operations["stream_events"]["bindings"] = get("/v1/events/stream");
    operations["call_webhook"]["bindings"] = json!({"http": {"method": "POST", "bindingVersion": "0.3.0"}});
    for family in families(names).keys() {
        operations[format!("publish_{family}_events")] =
            send(&format!("nats.{family}"), "Publishes each event once, in the order of the log");
    }
    operations
}

/// The parameters of a query as the members of an object.
fn query(operation: &Value) -> Value {
    let parameters = operation["parameters"].as_array().expect("parameters").iter();
    let member = |parameter: &Value| {
        let mut schema = parameter["schema"].clone();
        schema["description"] = parameter["description"].clone();
        (parameter["name"].as_str().expect("a name").to_owned(), schema)
    };
    let members: Map<_, _> = parameters.filter(|parameter| parameter["in"] == "query").map(member).collect();
    json!({"type": "object", "properties": members, "additionalProperties": false})
}

fn message(name: &str) -> Value {
    let schema = committed(&format!("schemas/{name}.json"));
    json!({
        "name": name,
        "title": name,
        "summary": schema["description"],
        "contentType": "application/cloudevents+json",
        "correlationId": {"$ref": "#/components/correlationIds/intent"},
        "headers": {"$ref": "#/components/schemas/Headers"},
        "payload": {"allOf": [{"$ref": EVENT}, {"type": "object", "properties": {
            "type": {"const": name},
            "dataschema": {"const": schema["$id"]},
            "data": {"$ref": format!("schemas/{name}.json")},
        }}]},
    })
}

/// What is sent beside events.
fn more_messages() -> impl Iterator<Item = (String, Value)> {
    let json = "application/json";
    let cloud_event = "application/cloudevents+json";
    let all = [
        ("page", "Events that were asked for, and where to go on", json, "EventPage"),
        ("caught_up", "There is nothing more for now", json, "Place"),
        ("checkpoint", "Looked at up to there without finding anything", json, "Place"),
        ("closed", "The end, and why; go on from the last `id`", "application/problem+json", "Problem"),
        ("thin", "An event without `data`, for webhooks with `\"mode\": \"thin\"`", cloud_event, "ThinEvent"),
        (
            "test",
            "Like an event, but none: its type is `webhook.test.v1`, it has no place in the log",
            cloud_event,
            "TestEvent",
        ),
    ];
    all.into_iter().map(move |(name, summary, content_type, schema)| {
        let payload = json!({"$ref": format!("#/components/schemas/{schema}")});
        let mut message =
            json!({"name": name, "title": name, "summary": summary, "contentType": content_type, "payload": payload});
        if content_type == cloud_event {
            message["headers"] = json!({"$ref": "#/components/schemas/Headers"});
        }
        (name.to_owned(), message)
    })
}

/// Those of the routes, and what follows from them.
fn schemas(openapi: &Value) -> Value {
    let known = &openapi["components"]["schemas"];
    let problems = serde_json::to_value(read_api::merged([])).expect("the document is JSON");
    let event = &known["Event"];
    json!({
        "Event": event,
        "ThinEvent": only(event, |name| name != "data"),
        "TestEvent": only(event, |name| {
            ["specversion", "id", "source", "type", "subject", "time", "datacontenttype", "data"].contains(&name)
        }),
        "EventPage": known["EventPage"],
        "Place": only(&known["EventPage"], |name| ["after", "epoch"].contains(&name)),
        "Problem": problems["components"]["schemas"]["Problem"],
        "ProblemEntry": problems["components"]["schemas"]["ProblemEntry"],
        "Headers": headers(),
    })
}

/// An object with some of its members.
fn only(schema: &Value, wanted: impl Fn(&str) -> bool) -> Value {
    let mut schema = schema.clone();
    schema.as_object_mut().expect("an object").remove("description");
    schema["properties"].as_object_mut().expect("members").retain(|name, _| wanted(name));
    let required = schema["required"].as_array_mut().expect("members");
    required.retain(|name| name.as_str().is_some_and(&wanted));
    schema
}

fn headers() -> Value {
    let header = |description: &str| json!({"type": "string", "description": description});
    json!({
        "type": "object",
        "description": "Those of NATS and of webhooks; streams have none.",
        "properties": {
            "Nats-Msg-Id": header("NATS: the event's id"),
            "webhook-id": header("Webhooks: the event's id; the same whenever it is sent"),
            "webhook-timestamp": header("Webhooks: when it was sent, in seconds since 1970"),
            "webhook-signature": header("Webhooks: `v1,` and HMAC-SHA256, or `v1a,` and Ed25519; two for a day after the secret was rotated"),
            "webhook-replay": header("Webhooks: the replay, if it is sent again"),
        },
    })
}
