//! What stands in a call.

use domain::{time::Timestamp, webhook::values::PayloadMode};
use event_store::envelope::Envelope;
use serde_json::json;
use uuid::Uuid;

/// The event as it was published, or what it is about without data.
pub(super) fn of_event(event: &Envelope, mode: PayloadMode) -> Vec<u8> {
    match mode {
        PayloadMode::Full => event.bytes.to_vec(),
        PayloadMode::Thin => event.without_data().to_vec(),
    }
}

/// Like an event, but none: it has no place in the log.
pub(super) fn of_test(test: Uuid, endpoint: Uuid, time: Timestamp) -> Vec<u8> {
    let body = json!({
        "specversion": "1.0",
        "id": test,
        "source": "/taskledger/webhooks",
        "type": "webhook.test.v1",
        "subject": endpoint,
        "time": time,
        "datacontenttype": "application/json",
        "data": {},
    });
    body.to_string().into_bytes()
}
