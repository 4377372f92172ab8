//! Endpoints of webhooks, registered as an integrator does it.

use chrono::{TimeDelta, Utc};
use serde_json::{Value, json};

use crate::{Failure, receivers::Http, system::System};

/// What a system is told so that it calls receivers on this machine.
pub(super) fn allowed() -> (&'static str, String) {
    ("OUTBOUND_ALLOW", "127.0.0.1:1024-65535".to_owned())
}

/// So many endpoints of one program; each gets every new task.
pub(super) async fn register(system: &System, receiver: &Http, endpoints: u64) -> Result<(), Failure> {
    let scopes = json!(["webhooks:manage", "events:read", "tasks:read"]);
    let account = json!({"name": "bench", "scopes": scopes});
    let account = system.command("/v1/service-accounts", None, &account).await?;
    let key = json!({"name": "bench", "service_account": account["id"], "scopes": scopes,
        "expire_time": Utc::now() + TimeDelta::days(1)});
    let key = system.command("/v1/api-keys", None, &key).await?;
    for endpoint in 0..endpoints {
        let url = format!("http://{}/{endpoint}", receiver.address);
        let hook = json!({"url": url, "event_types": ["task.created"]});
        system.command("/v1/webhooks", Some(text(&key, "key")?), &hook).await?;
    }
    Ok(())
}

/// A member that is a text.
pub(super) fn text<'a>(answer: &'a Value, member: &str) -> Result<&'a str, Failure> {
    answer[member].as_str().ok_or_else(|| Failure::Answer(answer.to_string()))
}
