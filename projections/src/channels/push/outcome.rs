//! What an answer of Firebase Cloud Messaging means.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use service::outbound::{Answer, StatusCode};

use super::message::TooLarge;
use crate::deliveries::{Attempted, Outcome};

/// What Google asks for when it names no pause itself.
const QUOTA_PAUSE: Duration = Duration::from_secs(60);
const FCM_ERROR: &str = "type.googleapis.com/google.firebase.fcm.v1.FcmError";

/// What one note has come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pushed {
    /// For the delivery.
    pub attempted: Attempted,
    /// The app is gone from the device: its token is to be removed.
    pub unregistered: bool,
}

#[derive(Deserialize)]
struct Sent {
    name: String,
}

#[derive(Deserialize)]
struct Refused {
    error: Problem,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Problem {
    status: String,
    details: Vec<Detail>,
}

#[derive(Deserialize)]
struct Detail {
    #[serde(rename = "@type", default)]
    kind: String,
    #[serde(rename = "errorCode")]
    code: Option<String>,
}

impl Problem {
    /// Messaging's own code where there is one, else that of all Google APIs.
    fn code(self) -> Option<String> {
        let own =
            self.details.into_iter().filter(|detail| detail.kind == FCM_ERROR).find_map(|detail| detail.code);
        own.or(Some(self.status)).filter(|code| !code.is_empty())
    }
}

impl Pushed {
    pub(super) fn answered(answer: &Answer, now: DateTime<Utc>) -> Self {
        let code = match answer.status {
            StatusCode::OK => return sent(answer),
            _ => answer.json::<Refused>().ok().and_then(|refused| refused.error.code()),
        };
        let code = code.unwrap_or_else(|| answer.status.as_str().to_owned());
        let unregistered = answer.status == StatusCode::NOT_FOUND && code == "UNREGISTERED";
        let outcome = match answer.status.as_u16() {
            404 if unregistered => Outcome::Rejected { reason: "the app is gone from the device".to_owned() },
            400 | 413 => Outcome::Rejected { reason: "the message was refused".to_owned() },
            403 if code == "SENDER_ID_MISMATCH" => {
                Outcome::Rejected { reason: "the device belongs to another sender".to_owned() }
            }
            429 => Outcome::Failed { retry_after: Some(answer.retry_after(now).unwrap_or(QUOTA_PAUSE)) },
            500.. => Outcome::Failed { retry_after: answer.retry_after(now) },
            // Trouble with the account or the project: an operator mends it, and the note is still wanted.
            _ => Outcome::Failed { retry_after: None },
        };
        Self { attempted: Attempted::answered(outcome, code, answer), unregistered }
    }

    pub(super) fn too_large(error: &TooLarge) -> Self {
        let outcome = Outcome::Rejected { reason: error.to_string() };
        Attempted { code: Some("too_large".to_owned()), ..Attempted::new(outcome) }.into()
    }
}

/// A page of something in between is no success.
fn sent(answer: &Answer) -> Pushed {
    let named = answer.json::<Sent>().is_ok_and(|sent| !sent.name.is_empty());
    let (outcome, code) =
        if named { (Outcome::Delivered, "200") } else { (Outcome::Failed { retry_after: None }, "no_name") };
    Attempted::answered(outcome, code, answer).into()
}

impl From<Attempted> for Pushed {
    fn from(attempted: Attempted) -> Self {
        Self { attempted, unregistered: false }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use service::outbound::header::{HeaderMap, RETRY_AFTER};

    use super::*;

    fn answered(status: u16, body: &str, retry_after: Option<&str>) -> Pushed {
        let headers = retry_after.map(|text| (RETRY_AFTER, text.parse().unwrap()));
        let (status, headers) = (StatusCode::from_u16(status).unwrap(), HeaderMap::from_iter(headers));
        Pushed::answered(&Answer { status, headers, body: body.as_bytes().to_vec() }, Utc::now())
    }

    fn error(status: &str, code: &str) -> String {
        let details: Value = json!([
            {"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": []},
            {"@type": FCM_ERROR, "errorCode": code},
        ]);
        json!({"error": {"code": 0, "message": "…", "status": status, "details": details}}).to_string()
    }

    #[test]
    fn a_token_is_removed_on_unregistered_and_only_then() {
        let gone = answered(404, &error("NOT_FOUND", "UNREGISTERED"), None);
        assert!(gone.unregistered && matches!(gone.attempted.outcome, Outcome::Rejected { .. }));
        for (status, body) in [
            (404, error("NOT_FOUND", "")),
            (404, "<html>UNREGISTERED</html>".to_owned()),
            (404, json!({"error": {"status": "UNREGISTERED_PROJECT"}}).to_string()),
            (400, error("INVALID_ARGUMENT", "UNREGISTERED")),
            (400, error("INVALID_ARGUMENT", "INVALID_ARGUMENT")),
            (403, error("PERMISSION_DENIED", "SENDER_ID_MISMATCH")),
            (410, error("GONE", "UNREGISTERED")),
            (200, error("OK", "UNREGISTERED")),
            (503, error("UNAVAILABLE", "UNAVAILABLE")),
        ] {
            assert!(!answered(status, &body, None).unregistered, "{status} {body}");
        }
    }

    #[test]
    fn answers_are_told_apart() {
        let failed = |secs: Option<u64>| Outcome::Failed { retry_after: secs.map(Duration::from_secs) };
        let outcome = |status, body: &str, after| answered(status, body, after).attempted.outcome;
        assert_eq!(outcome(200, r#"{"name":"projects/p/messages/1"}"#, None), Outcome::Delivered);
        for odd in ["", "<html>", "{}", r#"{"name":""}"#] {
            assert_eq!(outcome(200, odd, None), failed(None), "{odd}");
        }
        assert_eq!(outcome(429, &error("RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED"), Some("9")), failed(Some(9)));
        assert_eq!(outcome(429, "", None), failed(Some(60)));
        assert_eq!(outcome(503, &error("UNAVAILABLE", "UNAVAILABLE"), Some("30")), failed(Some(30)));
        assert_eq!(outcome(500, "", None), failed(None));
        assert_eq!(outcome(403, &error("PERMISSION_DENIED", ""), None), failed(None));
        assert_eq!(outcome(302, "", None), failed(None));
        let refused = answered(400, &error("INVALID_ARGUMENT", "INVALID_ARGUMENT"), None).attempted;
        assert_eq!(refused.code.as_deref(), Some("INVALID_ARGUMENT"));
        assert!(matches!(refused.outcome, Outcome::Rejected { .. }));
    }
}
