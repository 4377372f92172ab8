//! What commands on webhooks answer. Nothing secret: replies are kept.

use std::collections::BTreeMap;

use domain::webhook::{ReplayRequested, Webhook, WebhookEvent, values::Signature};
use serde_json::{Value, json};

use crate::{
    commands::{RecordDone, Reply},
    http::records::answer,
};

/// In place of the value of a header.
const HIDDEN: &str = "***";

/// The webhook as it stands.
pub(super) fn webhook(done: &RecordDone<Webhook>) -> Reply {
    let webhook = &done.record;
    let mut body = json!({
        "owner": webhook.owner,
        "state": webhook.state,
        "disabled_reason": webhook.disabled_reason,
        "start": webhook.start,
        "signature": webhook.signature,
        "create_time": webhook.create_time,
        "update_time": webhook.update_time,
    });
    if let (Some(body), Value::Object(said)) = (body.as_object_mut(), json!(webhook.definition)) {
        body.extend(said);
        let names = webhook.definition.iter().flat_map(|definition| definition.headers.keys());
        let headers: BTreeMap<_, _> = names.map(|name| (name.as_str(), HIDDEN)).collect();
        body.insert("headers".into(), json!(headers));
    }
    answer(done, "webhooks", body)
}

/// How the calls of the webhook of this answer are signed.
pub(super) fn signature(reply: &Reply) -> Signature {
    let body: Value = serde_json::from_str(&reply.body).unwrap_or_default();
    body["signature"].as_str().and_then(|word| word.parse().ok()).unwrap_or_default()
}

/// That it is gone.
pub(super) fn deleted(done: &RecordDone<Webhook>) -> Reply {
    answer(done, "webhooks", json!({}))
}

/// The name of the test that will be sent.
pub(super) fn testing(done: &RecordDone<Webhook>) -> Reply {
    let test = done.events.iter().find_map(|event| match event {
        WebhookEvent::TestRequested(test) => Some(json!({"test": test.test})),
        _ => None,
    });
    Reply { status: 202, ..answer(done, "webhooks", test) }
}

/// The operation that sends again.
pub(super) fn replaying(done: &RecordDone<Webhook>, asked: &ReplayRequested) -> Reply {
    let id = asked.replay;
    let body = json!({
        "id": id, "name": format!("operations/{id}"), "kind": "replay_webhook",
        "subject": format!("webhooks/{}", done.id), "state": "pending",
    });
    let location = Some(format!("/v1/operations/{id}"));
    Reply { status: 202, body: body.to_string(), etag: None, location }
}
