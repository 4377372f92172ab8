//! What an answer of the core system means.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use service::outbound::{Answer, CallError};

use crate::deliveries::{Attempted, Outcome};

/// Longer words of the core system are cut here (characters).
const MAX_WORDS: usize = 500;

/// The agreed shape. Everything else is trouble on the way, whatever its status.
#[derive(Deserialize)]
struct Said {
    success: bool,
    #[serde(default)]
    code: Option<String>,
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    retryable: Option<bool>,
}

/// What a call has come to, before the breaker and the ledger make something of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It has the change.
    Taken(Attempted),
    /// It is there, and does not take the change, now or ever.
    Answered(Attempted),
    /// It is not there, or does not speak as agreed.
    Trouble(Attempted),
}

impl Verdict {
    pub(super) fn of(answer: Result<Answer, CallError>, now: DateTime<Utc>) -> Self {
        match answer {
            Err(error) => Self::Trouble(Attempted::unanswered(&error)),
            Ok(answer) if answer.status.is_success() => said(&answer),
            Ok(answer) => {
                let outcome = Outcome::Failed { retry_after: answer.retry_after(now) };
                Self::Trouble(Attempted::answered(outcome, answer.status.as_str(), &answer))
            }
        }
    }

    pub(super) fn into_attempted(self) -> Attempted {
        match self {
            Self::Taken(attempted) | Self::Answered(attempted) | Self::Trouble(attempted) => attempted,
        }
    }
}

fn said(answer: &Answer) -> Verdict {
    let failed = Outcome::Failed { retry_after: None };
    let Ok(said) = answer.json::<Said>() else {
        return Verdict::Trouble(Attempted::answered(failed, "not_as_agreed", answer));
    };
    let code = said.code.filter(|code| !code.is_empty()).map(|code| words(&code));
    let code = code.unwrap_or_else(|| answer.status.as_str().to_owned());
    match (said.success, said.retryable) {
        (true, _) => Verdict::Taken(Attempted::answered(Outcome::Delivered, code, answer)),
        (false, Some(true)) => Verdict::Answered(Attempted::answered(failed, code, answer)),
        (false, Some(false)) => {
            let reason = words(&said.message.unwrap_or_default());
            Verdict::Answered(Attempted::answered(Outcome::Rejected { reason }, code, answer))
        }
        // Not to say whether a change may be sent again is no answer.
        (false, None) => Verdict::Trouble(Attempted::answered(failed, "not_as_agreed", answer)),
    }
}

fn words(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(MAX_WORDS).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use service::outbound::{
        StatusCode,
        header::{HeaderMap, RETRY_AFTER},
    };

    use super::*;

    fn answer(status: u16, body: &str) -> Answer {
        let headers = HeaderMap::from_iter([(RETRY_AFTER, "5".parse().unwrap())]);
        Answer { status: StatusCode::from_u16(status).unwrap(), headers, body: body.as_bytes().to_vec() }
    }

    fn verdict(status: u16, body: &str) -> Verdict {
        Verdict::of(Ok(answer(status, body)), Utc::now())
    }

    const FAILED: Outcome = Outcome::Failed { retry_after: None };

    #[test]
    fn the_agreed_answers_are_understood() {
        let Verdict::Taken(taken) =
            verdict(200, r#"{"success":true,"code":"OK","message":"","retryable":false}"#)
        else {
            panic!()
        };
        assert_eq!((taken.outcome, taken.code.as_deref()), (Outcome::Delivered, Some("OK")));
        let Verdict::Answered(later) =
            verdict(200, r#"{"success":false,"code":"CLOSED","message":"end of day","retryable":true}"#)
        else {
            panic!()
        };
        assert_eq!((later.outcome, later.code.as_deref()), (FAILED, Some("CLOSED")));
        let Verdict::Answered(never) = verdict(
            200,
            r#"{"success":false,"code":"NO_CUSTOMER","message":"no such\ncustomer","retryable":false}"#,
        ) else {
            panic!()
        };
        let reason = "no suchcustomer".to_owned();
        assert_eq!(
            (never.outcome, never.code.as_deref()),
            (Outcome::Rejected { reason }, Some("NO_CUSTOMER"))
        );
    }

    /// The document is what core systems are built from: what it shows must mean what it says.
    #[test]
    fn the_documented_answers_mean_what_the_document_says() {
        let document: serde_json::Value =
            serde_json::from_str(include_str!("../../../../docs/interface-api.json")).unwrap();
        let ok = &document["paths"]["/events"]["post"]["responses"]["200"]["content"]["application/json"];
        let verdict = |name: &str| verdict(200, &ok["examples"][name]["value"].to_string());
        assert!(matches!(verdict("taken"), Verdict::Taken(_)));
        assert!(matches!(verdict("later"), Verdict::Answered(attempted) if attempted.outcome == FAILED));
        let never = verdict("never");
        assert!(matches!(never, Verdict::Answered(Attempted { outcome: Outcome::Rejected { .. }, .. })));
    }

    #[test]
    fn anything_else_is_trouble_and_comes_again() {
        let nested = format!("{}{}", "[".repeat(5_000), "]".repeat(5_000));
        let entities =
            r#"<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><l>&b;</l>"#;
        for body in [
            "",
            "OK",
            "null",
            "true",
            "[]",
            "{}",
            "<html><body>Error 500</body></html>",
            entities,
            &nested,
            r#"{"error":"ORA-00942"}"#,
            r#"{"success":"true"}"#,
            r#"{"success":1}"#,
            r#"{"success":false}"#,
            r#"{"success":false,"code":"X","message":"x"}"#,
            r#"{"success":true,"success":false,"retryable":false}"#,
            r#"{"success":true"#,
            r#"{"success":true} {"success":false}"#,
            "\u{feff}{\"success\":true}",
        ] {
            let Verdict::Trouble(attempted) = verdict(200, body) else { panic!("{body}") };
            assert_eq!(
                (attempted.outcome, attempted.code.as_deref()),
                (FAILED, Some("not_as_agreed")),
                "{body}"
            );
        }
    }

    #[test]
    fn an_http_error_is_trouble_whatever_it_says() {
        let seconds = Some(Duration::from_secs(5));
        for status in [301, 400, 401, 404, 409, 422, 429, 500, 503] {
            let Verdict::Trouble(attempted) = verdict(status, r#"{"success":true}"#) else {
                panic!("{status}")
            };
            assert_eq!(attempted.outcome, Outcome::Failed { retry_after: seconds });
            assert_eq!(attempted.code, Some(status.to_string()));
        }
        for error in [CallError::Timeout, CallError::TooLarge, CallError::CutOff, CallError::NotHttp] {
            let code = error.code();
            let Verdict::Trouble(attempted) = Verdict::of(Err(error), Utc::now()) else { panic!("{code}") };
            assert_eq!((attempted.outcome, attempted.code.as_deref()), (FAILED, Some(code)));
        }
    }
}
