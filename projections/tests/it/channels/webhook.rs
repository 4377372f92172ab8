//! Webhooks as integrators get them.

use axum::http::StatusCode;
use chrono::{TimeDelta, Utc};
use projections::{
    channels::webhook::{Hook, OwnHeaders, Secrets, Target, WebhookSecret},
    deliveries::Outcome,
};
use standardwebhooks::Webhook;
use uuid::Uuid;

use super::receiver::{Receiver, client};

const BODY: &[u8] = r#"{"id":"1","type":"task.created.v1","data":{"title":"울타리"}}"#.as_bytes();

fn target(receiver: &Receiver, secrets: Secrets) -> Target {
    let headers = OwnHeaders::parse([("authorization", "Bearer theirs")]).unwrap();
    Target { url: receiver.url().join("hook?a=1").unwrap(), headers, secrets }
}

#[tokio::test]
async fn a_receiver_with_the_published_library_believes_every_attempt() {
    let receiver = Receiver::start([StatusCode::INTERNAL_SERVER_ERROR, StatusCode::ACCEPTED]).await;
    let secret = WebhookSecret::generate();
    let target = target(&receiver, Secrets::new(secret.clone()));
    let (id, now, operation) = (Uuid::now_v7(), Utc::now(), Uuid::now_v7());
    let first = target.call(&client(), Hook { id, body: BODY, replay: None }, now).await;
    let later = now + TimeDelta::seconds(5);
    let second = target.call(&client(), Hook { id, body: BODY, replay: Some(operation) }, later).await;
    assert_eq!(first.attempted.outcome, Outcome::Failed { retry_after: None });
    assert_eq!(
        (second.attempted.outcome, second.attempted.code.as_deref()),
        (Outcome::Delivered, Some("202"))
    );

    let got = receiver.got();
    let library = Webhook::new(&secret.expose()).unwrap();
    for one in &got {
        library.verify(&one.body, &one.headers).unwrap();
        assert_eq!((one.header("webhook-id"), &*one.body), (&*id.to_string(), BODY));
        assert_eq!(one.header("content-type"), "application/cloudevents+json");
        assert_eq!((one.header("authorization"), &*one.path), ("Bearer theirs", "/hook"));
    }
    assert_ne!(got[0].header("webhook-signature"), got[1].header("webhook-signature"));
    assert_eq!(got[0].header("webhook-replay"), "");
    assert_eq!(got[1].header("webhook-replay"), operation.to_string());
}

#[tokio::test]
async fn a_receiver_can_ask_for_a_pause_or_for_the_end() {
    let busy = [("retry-after", "90")];
    let receiver = Receiver::start([(StatusCode::SERVICE_UNAVAILABLE, busy), (StatusCode::GONE, busy)]).await;
    let target = target(&receiver, Secrets::new(WebhookSecret::generate()));
    let hook = Hook { id: Uuid::now_v7(), body: BODY, replay: None };
    let paused = target.call(&client(), hook, Utc::now()).await;
    let ninety = Some(std::time::Duration::from_secs(90));
    assert_eq!((paused.attempted.outcome, paused.gone), (Outcome::Failed { retry_after: ninety }, false));
    assert!(target.call(&client(), hook, Utc::now()).await.gone);
}
