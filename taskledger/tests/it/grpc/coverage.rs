//! The .proto files against the routes: each method is a route, and knows what the route takes and answers.

use std::collections::{BTreeMap, BTreeSet};

use prost_reflect::{DescriptorPool, MessageDescriptor};
use serde_json::Value;
use service::grpc::{Method, methods};

/// What gRPC has otherwise: in metadata, or not at all.
const HEADERS_AS_FIELDS: [&str; 3] = ["request_id", "etag", "update_mask"];
/// Cookies are for browsers.
const NOT_OVER_GRPC: [&str; 1] = ["refresh_cookie"];

fn document() -> Value {
    let document = read_api::merged([command_api::openapi(), read_api::openapi()]);
    serde_json::to_value(document).expect("the document is JSON")
}

fn operation<'a>(document: &'a Value, method: &Method) -> Option<&'a Value> {
    let operation = &document["paths"][method.template()][method.verb().as_str().to_lowercase()];
    operation.is_object().then_some(operation)
}

/// The methods with the operations that they are.
fn served(document: &Value) -> impl Iterator<Item = (Method, &Value)> {
    methods().filter_map(|method| operation(document, &method).map(|operation| (method, operation)))
}

#[test]
fn every_unary_method_is_a_route_with_a_policy() {
    let document = document();
    let known: BTreeMap<_, _> = methods().map(|method| (method.path().to_owned(), method)).collect();
    let pool = DescriptorPool::decode(proto::DESCRIPTORS).unwrap();
    let unary = pool.services().flat_map(|service| service.methods().collect::<Vec<_>>());
    for method in unary.filter(|method| !method.is_client_streaming() && !method.is_server_streaming()) {
        let path = format!("/{}/{}", method.parent_service().full_name(), method.name());
        let method = known.get(&path).unwrap_or_else(|| panic!("{path} does not say which route it is"));
        let operation = operation(&document, method);
        let operation = operation.unwrap_or_else(|| panic!("{path} is no route: {}", method.template()));
        assert!(operation["x-policy"].is_string(), "{path}");
    }
    assert!(known.len() > 60, "all services are in it");
}

#[test]
fn each_service_lives_in_one_crate() {
    let pool = DescriptorPool::decode(proto::DESCRIPTORS).unwrap();
    let all: BTreeSet<_> = pool.services().map(|service| service.full_name().to_owned()).collect();
    let offered: Vec<_> =
        command_api::GRPC.iter().chain(&read_api::GRPC).map(|name| (*name).to_owned()).collect();
    assert_eq!(offered.len(), all.len());
    assert_eq!(offered.into_iter().collect::<BTreeSet<_>>(), all);
}

#[test]
fn requests_have_what_their_routes_take() {
    let document = document();
    let mut wrong = Vec::new();
    for (method, operation) in served(&document) {
        let mut taken: BTreeSet<String> = operation["parameters"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|parameter| parameter["in"] != "header")
            .map(|parameter| parameter["name"].as_str().unwrap().to_owned())
            .collect();
        let body =
            operation["requestBody"]["content"].as_object().and_then(|content| content.values().next());
        taken.extend(body.into_iter().flat_map(|body| members(&document, &body["schema"])));
        taken.retain(|name| !NOT_OVER_GRPC.contains(&name.as_str()));
        let fields: BTreeSet<_> = method.input().fields().map(|field| field.name().to_owned()).collect();
        let fields: BTreeSet<_> =
            fields.into_iter().filter(|name| !HEADERS_AS_FIELDS.contains(&name.as_str())).collect();
        let differ = taken.symmetric_difference(&fields);
        wrong.extend(differ.map(|name| format!("{}: {name}", method.path())));
    }
    assert_eq!(wrong, [""; 0], "either the route or the message lacks it");
}

#[test]
fn replies_lose_nothing() {
    let document = document();
    let mut lost = Vec::new();
    for (method, operation) in served(&document) {
        let responses = operation["responses"].as_object().unwrap().iter();
        for (_, response) in responses.filter(|(status, _)| status.starts_with('2')) {
            let Some(content) = response["content"].as_object() else { continue };
            let schema = &content.values().next().unwrap()["schema"];
            lost_in(&document, schema, method.output(), method.path(), &mut lost);
        }
    }
    assert_eq!(lost, [""; 0], "the message has no such field");
}

/// The members of the schema that are no fields, and so on inwards.
fn lost_in(
    document: &Value,
    schema: &Value,
    message: &MessageDescriptor,
    place: &str,
    lost: &mut Vec<String>,
) {
    for (name, member) in properties(document, schema) {
        let Some(field) = message.get_field_by_name(&name) else {
            lost.push(format!("{place}: {}.{name}", message.full_name()));
            continue;
        };
        let inner =
            field.kind().as_message().filter(|inner| inner.package_name() == "taskledger.v1").cloned();
        if let Some(inner) = inner.filter(|inner| !inner.is_map_entry()) {
            let member = if member["items"].is_object() { &member["items"] } else { &member };
            lost_in(document, member, &inner, &format!("{place} {name}"), lost);
        }
    }
}

fn members(document: &Value, schema: &Value) -> Vec<String> {
    properties(document, schema).into_iter().map(|(name, _)| name).collect()
}

/// The members of a schema, whatever it is put together of.
fn properties(document: &Value, schema: &Value) -> Vec<(String, Value)> {
    if let Some(reference) = schema["$ref"].as_str() {
        let pointer = reference.strip_prefix('#').expect("a schema of this document");
        return properties(document, document.pointer(pointer).expect("a schema"));
    }
    let parts =
        ["oneOf", "allOf", "anyOf"].iter().flat_map(|kind| schema[*kind].as_array().into_iter().flatten());
    let inner = parts.flat_map(|part| properties(document, part));
    let own = schema["properties"].as_object().into_iter().flatten();
    inner.chain(own.map(|(name, member)| (name.clone(), member.clone()))).collect()
}
