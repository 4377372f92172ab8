//! What does not answer as it should is disabled.

use axum::http::StatusCode;
use domain::webhook::{WebhookDisabled, WebhookEvent, values::DisabledReason};
use serde_json::{Value, json};

use super::*;

async fn asked(commands: &Receiver) -> (String, Value) {
    let asked = async {
        loop {
            if let Some(got) = commands.got().first() {
                return (got.path.clone(), serde_json::from_slice(&got.body).unwrap());
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(DEADLINE, asked).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn gone_is_gone_until_somebody_resumes_it() {
    let (world, receiver) = (World::new().await, Receiver::start([StatusCode::GONE]).await);
    let commands = Receiver::start([StatusCode::OK]).await;
    let mut hook = world.hook(definition(receiver.url())).await;
    let (task, _) = world.new_task("0").await;
    let _sending = world.hooks_asking(commands.url());
    let path = format!("/v1/webhooks/{}/disable", hook.id);
    assert_eq!(asked(&commands).await, (path, json!({"reason": "gone"})));
    world.deliveries_are("failed", 1).await;
    let disabled = WebhookDisabled { reason: DisabledReason::Gone };
    world.on_hook(&mut hook, WebhookEvent::Disabled(disabled)).await;
    let position = world.retitled(task, 1, 1).await;
    world.decided(position).await;
    assert_eq!(receiver.got().len(), 1);
    world.resume(&mut hook).await;
    world.hooks_delivered(2).await;
    assert_eq!(titles(&receiver), ["0", "0", "1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn five_days_without_success_are_enough() {
    let bad = [StatusCode::BAD_GATEWAY, StatusCode::BAD_GATEWAY, StatusCode::OK, StatusCode::BAD_GATEWAY];
    let (world, receiver) = (World::new().await, Receiver::start(bad).await);
    let commands = Receiver::start([StatusCode::OK]).await;
    let hook = world.hook(definition(receiver.url())).await;
    world.new_task("0").await;
    let _sending = world.hooks_asking(commands.url());
    world.deliveries_are("failed", 1).await;
    let days = "UPDATE delivery.webhooks SET failing_since = failing_since - interval '5 days'";
    world.run(days).await;
    world.retries_are_due().await;
    let path = format!("/v1/webhooks/{}/disable", hook.id);
    assert_eq!(asked(&commands).await, (path, json!({"reason": "failing"})));
    // One success, and all is well.
    world.deliveries_are("failed", 1).await;
    world.retries_are_due().await;
    world.hooks_delivered(1).await;
    world.new_task("1").await;
    world.deliveries_are("failed", 1).await;
    let young =
        "SELECT count(*) FROM delivery.webhooks WHERE failing_since > clock_timestamp() - interval '1 day'";
    assert_eq!((world.number(young).await, commands.got().len()), (1, 1));
}
