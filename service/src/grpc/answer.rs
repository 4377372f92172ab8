//! From the HTTP answer to a message, or to a status.

use axum::{
    body::Body,
    http::{HeaderMap, HeaderName, header},
    response::Response,
};
use http_body_util::BodyExt;
use prost::Message;
use prost_reflect::{DeserializeOptions, DynamicMessage, MessageDescriptor};
use serde_json::{Map, Value};
use tonic::{Status, metadata::MetadataMap};

use super::{frame, status::of_document};

/// Headers that are metadata too.
const TOLD: [HeaderName; 9] = [
    header::ETAG,
    header::RETRY_AFTER,
    HeaderName::from_static("position"),
    HeaderName::from_static("idempotent-replayed"),
    HeaderName::from_static("stale"),
    HeaderName::from_static("ratelimit"),
    HeaderName::from_static("ratelimit-policy"),
    HeaderName::from_static("x-request-id"),
    header::CONTENT_LANGUAGE,
];

/// The answer as clients of gRPC get it.
pub(super) async fn translate(answer: Response, output: &MessageDescriptor) -> Response {
    let (parts, body) = answer.into_parts();
    let told = told(&parts.headers);
    let translated = match read(body).await {
        Err(status) => Err(status),
        Ok(document) if parts.status.is_success() => {
            message(document, &parts.headers, output).and_then(|message| frame::write(&message))
        }
        Ok(document) => {
            let locale = parts.headers.get(header::CONTENT_LANGUAGE).and_then(|value| value.to_str().ok());
            Err(of_document(parts.status, &document, &parts.headers, locale.unwrap_or("en")))
        }
    };
    match translated {
        Ok(mut response) => {
            response.headers_mut().extend(told);
            response
        }
        Err(mut status) => {
            *status.metadata_mut() = MetadataMap::from_headers(told);
            status.into_http()
        }
    }
}

fn told(headers: &HeaderMap) -> HeaderMap {
    let mut told = HeaderMap::new();
    for name in TOLD {
        for value in headers.get_all(&name) {
            told.append(name.clone(), value.clone());
        }
    }
    told
}

/// The document; null if there is none.
async fn read(body: Body) -> Result<Value, Status> {
    let bytes = body.collect().await.map_err(|error| internal(&error))?.to_bytes();
    if bytes.is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_slice(&bytes).map_err(|error| internal(&error))
}

/// What the message does not know is left out; what HTTP says in headers only, it may know.
fn message(document: Value, headers: &HeaderMap, output: &MessageDescriptor) -> Result<Vec<u8>, Status> {
    let mut members = match document {
        Value::Object(members) => members,
        _ => Map::new(),
    };
    if let Some(position) = headers.get("position").and_then(|value| value.to_str().ok()) {
        members.entry("position").or_insert_with(|| position.into());
    }
    let options = DeserializeOptions::new().deny_unknown_fields(false);
    let message = DynamicMessage::deserialize_with_options(output.clone(), Value::Object(members), &options);
    message.map(|message| message.encode_to_vec()).map_err(|error| internal(&error))
}

fn internal(error: &dyn std::error::Error) -> Status {
    tracing::error!(%error, "an answer cannot be told over gRPC");
    Status::internal("something went wrong on our side")
}
