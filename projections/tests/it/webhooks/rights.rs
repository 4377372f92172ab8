//! Nobody gets what its owner may not see.

use axum::http::StatusCode;
use domain::{
    event::EventPattern,
    task::{AssigneeEntry, values::Visibility},
    user::RoleEntry,
    webhook::WebhookDefinition,
};

use super::*;

const NONE: [StatusCode; 0] = [];

#[tokio::test(flavor = "multi_thread")]
async fn private_tasks_of_others_and_what_happens_to_users_stay_with_them() {
    let (world, receiver) = (World::new().await, Receiver::start(NONE).await);
    let everything = vec![EventPattern::parse("*").unwrap()];
    let hook = world.hook(WebhookDefinition { event_types: everything, ..definition(receiver.url()) }).await;
    let other = UserId(Uuid::now_v7());
    let (theirs, ours) = (Uuid::now_v7(), Uuid::now_v7());
    world.task(theirs, 0, &TaskEvent::Created(created("theirs", other, Visibility::Private))).await;
    world.task(ours, 0, &TaskEvent::Created(created("ours", hook.owner, Visibility::Private))).await;
    world.retitled(theirs, 1, 1).await;
    world.integrator().await;
    let entry = AssigneeEntry { assignee: hook.owner };
    world.task(theirs, 2, &TaskEvent::Assigned(entry)).await;
    world.retitled(theirs, 3, 1).await;
    world.task(theirs, 4, &TaskEvent::Unassigned(entry)).await;
    let position = world.retitled(theirs, 5, 1).await;
    let _sending = world.hooks();
    world.decided(position).await;
    world.becomes_true(ENDED, "webhook", 0).await;
    // Decided as of then, and looked at again when it is sent: theirs is not ours any more.
    assert_eq!(titles(&receiver), ["ours"]);
    let skipped = "skipped the owner may not see it any more";
    assert_eq!(world.hook_states().await, format!("delivered, {skipped}, {skipped}"));
}

const ENDED: &str = "SELECT count(*) = $2 FROM delivery.deliveries WHERE channel = $1 AND end_time IS NULL";

#[tokio::test(flavor = "multi_thread")]
async fn rights_lost_meanwhile_count() {
    let (world, receiver) = (World::new().await, Receiver::start([StatusCode::BAD_GATEWAY]).await);
    let hook = world.hook(definition(receiver.url())).await;
    let (task, _) = world.new_task("once").await;
    let _sending = world.hooks();
    world.deliveries_are("failed", 1).await;
    world.user(hook.owner.0, 1, UserEvent::RoleRevoked(RoleEntry { role: Role::Member })).await;
    // Who the owner is is believed for a second.
    world.becomes_true("SELECT pg_sleep(1.1) IS NOT NULL AND $1 = '' AND $2 = 0", "", 0).await;
    world.retries_are_due().await;
    world.becomes_true(ENDED, "webhook", 0).await;
    let position = world.retitled(task, 1, 1).await;
    world.decided(position).await;
    assert_eq!(world.hook_states().await, "skipped the owner may not see it any more");
    assert_eq!(receiver.got().len(), 1);
}
