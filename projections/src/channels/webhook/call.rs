//! One event on its way to one endpoint.

use std::time::Duration;

use chrono::{DateTime, Utc};
use service::outbound::{
    Answer, Client, StatusCode, Url,
    header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue},
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
        let headers = self.headers(hook, now);
        let shown = shown(&headers);
        let request = client.post(self.url.clone()).headers(headers).body(hook.body.to_vec());
        let mut called = match client.send(request).await {
            Ok(answer) => judge(&answer, now),
            Err(error) => Called { attempted: Attempted::unanswered(&error), gone: false },
        };
        called.attempted.request = Some(shown);
        called
    }

    fn headers(&self, hook: Hook<'_>, now: DateTime<Utc>) -> HeaderMap {
        let mut headers = self.headers.to_map();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(event_store::envelope::CONTENT_TYPE));
        let signature = self.secrets.sign(hook.id, now, hook.body);
        let replay = hook.replay.map(|replay| (REPLAY, replay.to_string()));
        let ours =
            [(ID, hook.id.to_string()), (TIMESTAMP, now.timestamp().to_string()), (SIGNATURE, signature)];
        for (name, value) in ours.into_iter().chain(replay) {
            // Ids, digits and base64 are headers.
            headers.extend(HeaderValue::try_from(value).ok().map(|value| (name, value)));
        }
        headers
    }
}

/// The headers for people to read, without the values that are the endpoint's own.
fn shown(headers: &HeaderMap) -> String {
    let line = |(name, value): (&HeaderName, &HeaderValue)| {
        let value = value.to_str().ok().filter(|_| !value.is_sensitive());
        format!("{name}: {}", value.unwrap_or("***"))
    };
    headers.iter().map(line).collect::<Vec<_>>().join("\n")
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
    use service::outbound::header::RETRY_AFTER;

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
