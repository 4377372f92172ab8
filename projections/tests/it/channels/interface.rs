//! A core system that takes changes, refuses them, and breaks.

use axum::{
    http::StatusCode,
    response::{Html, IntoResponse, Response},
};
use chrono::Utc;
use projections::{channels::interface::Interface, deliveries::Outcome};
use uuid::Uuid;

use super::receiver::{Receiver, client};

const FAILED: Outcome = Outcome::Failed { retry_after: None };

fn said(body: impl Into<String>) -> Response {
    ([("content-type", "application/json")], body.into()).into_response()
}

fn interface(core: &Receiver) -> Interface {
    Interface::new(&core.url().join("interface/").unwrap(), Some("t0ken"), client())
}

#[tokio::test]
async fn a_change_is_told_with_its_key() {
    let core = Receiver::start([
        said(r#"{"success":true,"code":"OK","message":"","retryable":false}"#),
        said(r#"{"success":false,"code":"DAY_CLOSED","message":"later","retryable":true}"#),
        said(r#"{"success":false,"code":"NO_CUSTOMER","message":"no such customer","retryable":false}"#),
    ])
    .await;
    let (interface, event, envelope) = (interface(&core), Uuid::now_v7(), br#"{"specversion":"1.0"}"#);
    let mut seen = Vec::new();
    for _ in 0..3 {
        let attempted = interface.send(event, envelope, Utc::now()).await.unwrap();
        seen.push((attempted.outcome, attempted.code));
    }
    let refused = Outcome::Rejected { reason: "no such customer".to_owned() };
    let expected = [(Outcome::Delivered, "OK"), (FAILED, "DAY_CLOSED"), (refused, "NO_CUSTOMER")]
        .map(|(a, b)| (a, Some(b.to_owned())));
    assert_eq!(seen, expected);
    for got in core.got() {
        assert_eq!((got.header("idempotency-key"), &*got.body), (&*event.to_string(), envelope.as_slice()));
        assert_eq!((got.header("authorization"), &*got.path), ("Bearer t0ken", "/interface/events"));
        assert_eq!(got.header("content-type"), "application/cloudevents+json");
    }
}

#[tokio::test]
async fn a_core_system_in_trouble_is_left_alone() {
    let huge = format!(r#"{{"success":true,"message":"{}"}}"#, "x".repeat(1 << 20));
    let xml = r#"<!DOCTYPE l [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]><l>&b;</l>"#;
    let core = Receiver::start([
        Html("<h1>Please log in</h1>").into_response(),
        said(huge),
        said(xml),
        said(r#"{"error":{"code":"ORA-00942"}}"#),
        (StatusCode::BAD_GATEWAY, r#"{"success":true}"#).into_response(),
    ])
    .await;
    let interface = interface(&core);
    for code in ["not_as_agreed", "too_large", "not_as_agreed", "not_as_agreed", "502"] {
        let attempted = interface.send(Uuid::now_v7(), b"{}", Utc::now()).await.unwrap();
        assert_eq!((attempted.outcome, attempted.code.as_deref()), (FAILED, Some(code)));
    }
    assert!(interface.send(Uuid::now_v7(), b"{}", Utc::now()).await.is_err());
    assert_eq!(core.got().len(), 5, "it is not called");
}
