//! From a message to the HTTP request that it is.

use axum::http::{HeaderValue, Method as Verb};
use percent_encoding::utf8_percent_encode;
use prost_reflect::{DynamicMessage, SerializeOptions};
use serde_json::{Map, Number, Value};

use super::{
    mask,
    methods::Method,
    rule::ENCODED,
    unreadable::{invalid_field, invalid_message},
};
use crate::problem::Problem;

/// Fields that HTTP has as headers.
const KEY: &str = "request_id";
const ETAG: &str = "etag";
/// Larger numbers are not exact as floats.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// What goes into the HTTP request beside what the metadata say.
#[derive(Debug, PartialEq)]
pub(super) struct Call {
    pub(super) verb: Verb,
    /// Path and query.
    pub(super) target: String,
    pub(super) body: Option<Value>,
    /// `Idempotency-Key`
    pub(super) key: Option<HeaderValue>,
    /// `If-Match`
    pub(super) if_match: Option<HeaderValue>,
}

impl Call {
    pub(super) fn new(method: &Method, message: &DynamicMessage) -> Result<Self, Problem> {
        let rule = method.rule();
        let mut members = members(message)?;
        let key = header(KEY, &take(&mut members, KEY))?;
        let if_match = header(ETAG, &quoted(take(&mut members, ETAG)))?;
        let path = rule.path(|name| take(&mut members, name));
        let path = path.map_err(|name| invalid_field(&name, "REQUIRED", "is required"))?;
        members.remove(mask::UPDATE_MASK);
        if *rule.verb() == Verb::PATCH {
            members = mask::apply(members, &mask::paths(message), method.input()).map_err(|path| {
                invalid_field(mask::UPDATE_MASK, "UNKNOWN_FIELD", &format!("names no field: {path}"))
            })?;
        }
        let query = if rule.has_body() { String::new() } else { query(&members) };
        Ok(Self {
            verb: rule.verb().clone(),
            target: format!("{path}{query}"),
            body: rule.has_body().then_some(Value::Object(members)),
            key,
            if_match,
        })
    }
}

/// The fields that are set, as JSON under their own names.
fn members(message: &DynamicMessage) -> Result<Map<String, Value>, Problem> {
    let options = SerializeOptions::new().stringify_64_bit_integers(false).use_proto_field_name(true);
    let value = message.serialize_with_options(serde_json::value::Serializer, &options);
    match value.map_err(|error| invalid_message(&error.to_string()))? {
        Value::Object(members) => Ok(members.into_iter().map(|(name, value)| (name, whole(value))).collect()),
        _ => Ok(Map::new()),
    }
}

/// `google.protobuf.Value` knows floats only: whole ones become integers.
fn whole(value: Value) -> Value {
    match value {
        Value::Number(number) => Value::Number(number.as_f64().and_then(integer).unwrap_or(number)),
        Value::Array(items) => items.into_iter().map(whole).collect(),
        Value::Object(members) => members.into_iter().map(|(name, value)| (name, whole(value))).collect(),
        other => other,
    }
}

#[expect(clippy::cast_possible_truncation, reason = "it is whole and small enough")]
fn integer(float: f64) -> Option<Number> {
    (float.fract() == 0.0 && float.abs() < EXACT).then(|| Number::from(float as i64))
}

/// Takes a field out, as text; empty if it is not set.
fn take(members: &mut Map<String, Value>, name: &str) -> String {
    members.remove(name).map(text).unwrap_or_default()
}

fn text(value: Value) -> String {
    match value {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

/// A version that was read is an entity tag without its quotes.
fn quoted(etag: String) -> String {
    let complete = etag.is_empty() || etag == "*" || etag.contains('"');
    if complete { etag } else { format!("\"{etag}\"") }
}

fn header(field: &str, text: &str) -> Result<Option<HeaderValue>, Problem> {
    if text.is_empty() {
        return Ok(None);
    }
    let value = HeaderValue::from_str(text);
    value.map(Some).map_err(|_| invalid_field(field, "CONTROL_CHARACTER", "must be visible ASCII characters"))
}

/// The fields as parameters; of lists each entry is one.
fn query(members: &Map<String, Value>) -> String {
    let pairs = members.iter().flat_map(|(name, value)| match value {
        Value::Array(items) => items.iter().map(|item| (name, item)).collect(),
        value => vec![(name, value)],
    });
    let pairs: Vec<_> = pairs
        .map(|(name, value)| {
            let text = text(value.clone());
            format!("{name}={}", utf8_percent_encode(&text, ENCODED))
        })
        .collect();
    if pairs.is_empty() { String::new() } else { format!("?{}", pairs.join("&")) }
}

#[cfg(test)]
mod tests;
