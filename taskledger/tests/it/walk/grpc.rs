//! Whoever is refused over HTTP is refused over gRPC, with the same words.

use std::collections::HashMap;

use bytes::Bytes;
use prost::Message;
use prost_reflect::{DeserializeOptions, DynamicMessage};
use serde_json::{Map, Value};
use service::grpc::{Method, methods};
use tonic::Code;
use tonic_types::StatusExt;

use super::routes::Route;
use crate::{
    client::{Answer, Client},
    grpc::{Caller, Told, framed},
    system::{PATIENCE, within},
};

/// The methods that are routes.
pub(super) struct Grpc {
    caller: Caller,
    methods: HashMap<String, Method>,
}

impl Grpc {
    pub(super) async fn new(url: &str) -> Self {
        let named = |method: Method| (format!("{} {}", method.verb(), method.template()), method);
        Self { caller: Caller::connect(url).await, methods: methods().map(named).collect() }
    }

    /// Asks what was refused over HTTP again, if it can be asked.
    pub(super) async fn refuses(
        &self,
        client: &Client,
        route: &Route,
        path: &str,
        body: Option<&Value>,
        headers: &[(&str, &str)],
        refused: &Answer,
    ) {
        let Some(method) = self.methods.get(&route.name) else { return };
        let message = framed(0, &message(method, route, path, body, headers));
        let told = self.ask(method, client, message).await;
        let expected = match refused.status {
            401 => Code::Unauthenticated,
            403 => Code::PermissionDenied,
            _ => Code::NotFound,
        };
        let status = told.status();
        let details = status.get_error_details();
        let reason = details.error_info().map(|info| info.reason.clone()).unwrap_or_default();
        assert_eq!((status.code(), reason), (expected, refused.code()), "{}: {status:?}", method.path());
    }

    /// Until it does not ask to come back.
    async fn ask(&self, method: &Method, client: &Client, message: Bytes) -> Told {
        let token = format!("Bearer {}", client.token());
        let metadata: &[_] =
            if client.token().is_empty() { &[] } else { &[("authorization", token.as_str())] };
        let mut last = None;
        let answered = within(PATIENCE, async || {
            last = Some(self.caller.send(method.path(), message.clone(), metadata).await);
            last.as_ref().is_some_and(|told| told.code() != Code::Unavailable)
        });
        assert!(answered.await, "{} is not answered: {last:?}", method.path());
        last.expect("there is an answer")
    }
}

/// The request as the message that says the same.
fn message(
    method: &Method,
    route: &Route,
    path: &str,
    body: Option<&Value>,
    headers: &[(&str, &str)],
) -> Vec<u8> {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let mut members: Map<String, Value> = body.and_then(Value::as_object).cloned().unwrap_or_default();
    let variables = route.path.split('/').zip(path.split('/')).filter_map(|(name, value)| {
        Some((name.strip_prefix('{')?.trim_end_matches('}').to_owned(), value.to_owned()))
    });
    let parameters = query.split('&').filter_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        Some((name.to_owned(), value.to_owned()))
    });
    let told = headers.iter().map(|(name, value)| (field(name).to_owned(), (*value).to_owned()));
    members.extend(variables.chain(parameters).chain(told).map(|(name, value)| (name, Value::from(value))));
    let options = DeserializeOptions::new().deny_unknown_fields(false);
    let message =
        DynamicMessage::deserialize_with_options(method.input().clone(), Value::Object(members), &options);
    message.unwrap_or_else(|error| panic!("{}: {error}", method.path())).encode_to_vec()
}

fn field(header: &str) -> &str {
    match header {
        "if-match" => "etag",
        "idempotency-key" => "request_id",
        other => other,
    }
}
