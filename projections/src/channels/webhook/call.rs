//! One event on its way to one endpoint.

use std::time::Duration;

use chrono::{DateTime, Utc};
use service::outbound::{
    Answer, Client, StatusCode, Url,
    header::{CONTENT_TYPE, HeaderName},
};
use uuid::Uuid;

use super::{headers::OwnHeaders, sign::Secrets};
use crate::deliveries::{Attempted, Outcome};

const ID: HeaderName = HeaderName::from_static("webhook-id");
const TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
const SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");
const REPLAY: HeaderName = HeaderName::from_static("webhook-replay");

/// Where webhooks go and what they carry.
#[derive(Clone, Debug)]
pub struct Target {
    /// Checked when the endpoint was registered, and again at each call.
    pub url: Url,
    /// The endpoint's own headers, which may hold credentials.
    pub headers: OwnHeaders,
    /// What they are signed with.
    pub secrets: Secrets,
}

/// One message. Each attempt carries the same id and a signature of its own time.
#[derive(Clone, Copy, Debug)]
pub struct Hook<'a> {
    /// That of the event.
    pub id: Uuid,
    /// The bytes of the envelope.
    pub body: &'a [u8],
    /// The operation that sends it again.
    pub replay: Option<Uuid>,
}

/// What one call has come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Called {
    /// For the delivery.
    pub attempted: Attempted,
    /// The endpoint says that it is gone for good: it is to be disabled.
    pub gone: bool,
}

impl Target {
    /// Calls the endpoint once; `client` must reach outside only.
    pub async fn call(&self, client: &Client, hook: Hook<'_>, now: DateTime<Utc>) -> Called {
        let mut request = client
            .post(self.url.clone())
            .headers(self.headers.to_map())
            .header(CONTENT_TYPE, "application/cloudevents+json")
            .header(ID, hook.id.to_string())
            .header(TIMESTAMP, now.timestamp())
            .header(SIGNATURE, self.secrets.sign(hook.id, now, hook.body));
        if let Some(operation) = hook.replay {
            request = request.header(REPLAY, operation.to_string());
        }
        match client.send(request.body(hook.body.to_vec())).await {
            Ok(answer) => judge(&answer, now),
            Err(error) => Called { attempted: Attempted::unanswered(&error), gone: false },
        }
    }
}

/// 2xx has it; anything else is tried again, and only who asks for a pause with a status that means one gets it.
fn judge(answer: &Answer, now: DateTime<Utc>) -> Called {
    let outcome = if answer.status.is_success() {
        Outcome::Delivered
    } else {
        Outcome::Failed { retry_after: pause(answer, now) }
    };
    let attempted = Attempted::answered(outcome, answer.status.as_str(), answer);
    Called { attempted, gone: answer.status == StatusCode::GONE }
}

fn pause(answer: &Answer, now: DateTime<Utc>) -> Option<Duration> {
    matches!(answer.status.as_u16(), 429 | 502..=504).then(|| answer.retry_after(now)).flatten()
}

#[cfg(test)]
mod tests {
    use service::outbound::header::{HeaderMap, RETRY_AFTER};

    use super::*;

    fn called(status: u16) -> Called {
        let headers = HeaderMap::from_iter([(RETRY_AFTER, "7".parse().unwrap())]);
        let status = StatusCode::from_u16(status).unwrap();
        judge(&Answer { status, headers, body: b"said".to_vec() }, Utc::now())
    }

    #[test]
    fn only_2xx_is_success_and_only_410_is_gone() {
        let seven = Some(Duration::from_secs(7));
        for status in 200..600 {
            let Called { attempted, gone } = called(status);
            let expected = match status {
                200..=299 => Outcome::Delivered,
                429 | 502 | 503 | 504 => Outcome::Failed { retry_after: seven },
                _ => Outcome::Failed { retry_after: None },
            };
            assert_eq!((attempted.outcome, gone), (expected, status == 410), "{status}");
            assert_eq!(
                (attempted.code.as_deref(), attempted.response.as_deref()),
                (Some(&*status.to_string()), Some("said"))
            );
        }
    }
}
