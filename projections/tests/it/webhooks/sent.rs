//! What is sent.

use axum::http::StatusCode;
use base64::{Engine, engine::general_purpose::STANDARD};
use domain::{
    event::EventPattern,
    task::values::{Label, Visibility},
    webhook::{
        SecretRotated, TestRequested, WebhookDefinition, WebhookEvent,
        values::{HeaderName, PayloadMode},
    },
};
use event_store::envelope::{Envelope, encode};
use serde_json::{Value, json};
use standardwebhooks::Webhook;

use super::*;

fn library(secret: SecretId) -> Webhook {
    Webhook::new(&secrets().text(secret.0)).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_with_the_published_library_gets_events_as_they_were_published() {
    let world = World::new().await;
    let receiver = Receiver::start([StatusCode::SERVICE_UNAVAILABLE]).await;
    let owner = world.integrator().await;
    let credential = world.sealer.seal(owner.0, "Bearer s3cret").await.unwrap();
    let headers = BTreeMap::from([(HeaderName::parse("authorization").unwrap(), credential)]);
    let hook =
        world.hook_of(owner, WebhookDefinition { headers, ..definition(receiver.url()) }, Start::Now).await;
    let (_, position) = world.new_task("울타리").await;
    let _sending = world.hooks();
    world.deliveries_are("failed", 1).await;
    world.retries_are_due().await;
    world.hooks_delivered(1).await;

    let event = world.log.event_at(position).await.unwrap().unwrap();
    let got = receiver.got();
    assert_eq!(got.len(), 2);
    for one in &got {
        library(hook.secret).verify(&one.body, &one.headers).unwrap();
        assert_eq!(one.header("webhook-id"), event.id.0.to_string());
        assert_eq!(one.body, encode(&event).unwrap());
        assert_eq!(one.header("content-type"), "application/cloudevents+json");
        assert_eq!((one.header("authorization"), one.header("webhook-replay")), ("Bearer s3cret", ""));
    }
    let seen = "SELECT string_agg(concat_ws(' ', code, request_excerpt), ' ') FROM delivery.attempts";
    let seen = world.text(seen).await.unwrap();
    assert!(seen.starts_with("503 ") && seen.contains("authorization: ***"), "{seen}");
    assert!(!seen.contains("s3cret"));
}

#[tokio::test(flavor = "multi_thread")]
async fn types_filters_and_modes_are_the_endpoints() {
    let world = World::new().await;
    let none: [StatusCode; 0] = [];
    let (all, thin, few, rest) = tokio::join!(
        Receiver::start(none),
        Receiver::start(none),
        Receiver::start(none),
        Receiver::start(none)
    );
    world.hook(definition(all.url())).await;
    world.hook(WebhookDefinition { mode: PayloadMode::Thin, ..definition(thin.url()) }).await;
    let urgent = filter("label : roof AND NOT type = task.created");
    world.hook(WebhookDefinition { filter: urgent, ..definition(few.url()) }).await;
    let started = vec![EventPattern::parse("task.started").unwrap()];
    world.hook(WebhookDefinition { event_types: started, ..definition(rest.url()) }).await;

    let roof = Created {
        labels: vec![Label::parse("roof").unwrap()],
        ..created("r", UserId(Uuid::now_v7()), Visibility::Team)
    };
    let (with, (without, _)) = (Uuid::now_v7(), world.new_task("w").await);
    world.task(with, 0, &TaskEvent::Created(roof)).await;
    world.retitled(with, 1, 1).await;
    let position = world.retitled(without, 1, 1).await;
    let _sending = world.hooks();
    world.decided(position).await;
    world.hooks_delivered(9).await;
    assert_eq!((all.got().len(), titles(&few), rest.got().len()), (4, vec!["1".to_owned()], 0));
    for got in thin.got() {
        let body: Value = serde_json::from_slice(&got.body).unwrap();
        assert_eq!((body.get("data"), body["id"].as_str()), (None, Some(got.header("webhook-id"))));
        assert!(body["sequence"].is_string() && body["subject"].is_string(), "{body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn for_a_day_both_secrets_sign() {
    let (world, receiver) = (World::new().await, Receiver::start([StatusCode::OK]).await);
    let mut hook = world.hook(definition(receiver.url())).await;
    let (first, second) = (hook.secret, SecretId(Uuid::now_v7()));
    let both_until = now().plus(chrono::TimeDelta::hours(24));
    world
        .on_hook(
            &mut hook,
            WebhookEvent::SecretRotated(SecretRotated { from: first, to: second, both_until }),
        )
        .await;
    world.new_task("one").await;
    let _sending = world.hooks();
    world.hooks_delivered(1).await;
    world.run("UPDATE delivery.webhooks SET both_until = clock_timestamp() - interval '1 second'").await;
    world.new_task("two").await;
    world.hooks_delivered(2).await;
    let verified =
        |got: &Got| [first, second].map(|one| library(one).verify(&got.body, &got.headers).is_ok());
    let all: Vec<_> = receiver.got().iter().map(verified).collect();
    assert_eq!(all, [[true, true], [false, true]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_sign_too_and_receivers_know_their_public_half() {
    let (world, receiver) = (World::new().await, Receiver::start([StatusCode::OK]).await);
    let (owner, secret) = (world.integrator().await, SecretId(Uuid::now_v7()));
    let mut hook = Hook { id: Uuid::now_v7(), owner, secret, version: 0 };
    let (definition, signature) = (definition(receiver.url()), Signature::V1a);
    let created = WebhookCreated { owner, definition, start: Start::Now, secret, signature };
    world.on_hook(&mut hook, WebhookEvent::Created(created)).await;
    world.new_task("one").await;
    let _sending = world.hooks();
    world.hooks_delivered(1).await;
    let got = &receiver.got()[0];
    let [id, time, signature] =
        ["id", "timestamp", "signature"].map(|name| got.header(&format!("webhook-{name}")));
    let content = [format!("{id}.{time}.").as_bytes(), &got.body].concat();
    let decoded = |text: &str, prefix| STANDARD.decode(text.strip_prefix(prefix).unwrap()).unwrap();
    let public = decoded(&secrets().public_key(secret.0), "whpk_");
    let public = ring::signature::UnparsedPublicKey::new(&ring::signature::ED25519, public);
    public.verify(&content, &decoded(signature, "v1a,")).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_goes_out_once_whatever_the_endpoint_is_like() {
    let (world, receiver) = (World::new().await, Receiver::start([StatusCode::BAD_GATEWAY]).await);
    let mut hook = world.hook(definition(receiver.url())).await;
    world.pause(&mut hook).await;
    let tests = [Uuid::now_v7(), Uuid::now_v7()];
    let _sending = world.hooks();
    for test in tests {
        world.on_hook(&mut hook, WebhookEvent::TestRequested(TestRequested { test })).await;
        world
            .becomes_true(
                "SELECT count(*) = $2 FROM delivery.deliveries WHERE channel = $1 AND end_time IS NOT NULL",
                "webhook",
                if test == tests[0] { 1 } else { 2 },
            )
            .await;
    }
    assert_eq!(world.hook_states().await, "rejected the test was not taken, delivered");
    for (got, test) in receiver.got().iter().zip(tests) {
        library(hook.secret).verify(&got.body, &got.headers).unwrap();
        let body: Value = serde_json::from_slice(&got.body).unwrap();
        assert_eq!((&body["id"], &body["type"]), (&json!(test), &json!("webhook.test.v1")));
        assert_eq!((&body["subject"], got.header("webhook-id")), (&json!(hook.id), &*test.to_string()));
        assert!(Envelope::decode(got.body.clone()).is_err(), "a test is no event");
    }
    assert_eq!(world.number("SELECT count(*) FROM delivery.webhooks WHERE failing_since IS NULL").await, 1);
}
