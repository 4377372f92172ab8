//! Notes on devices: one delivery each, through a server that checks everything.

use std::{collections::BTreeSet, sync::Arc};

use axum::{http::StatusCode, response::IntoResponse};
use chrono::{TimeDelta, Utc};
use domain::{
    event::Change,
    ids::DeviceId,
    notification::{ClockTime, QuietHours},
    task::{AssigneeEntry, values::Visibility},
    user::{DeviceRegistered, DeviceRemoved, Platform, Removal},
};
use projections::{
    channels::{
        Sight,
        push::{Devices, Parts},
    },
    commands::{CommandArgs, Commands},
};
use serde_json::{Value, json};
use service::secrets::SecretKey;

use super::*;
use crate::channels::{
    google::{Running, refusal},
    receiver::{Got, Receiver},
};

/// Its clock is ahead, so that assertions of the next minutes are good.
async fn google() -> Running {
    let google = Running::start().await;
    google.inner().now += TimeDelta::minutes(30);
    google
}

async fn nobody() -> Receiver {
    Receiver::start([StatusCode::NOT_FOUND; 0]).await
}

fn to_devices(google: &Running) -> Vec<String> {
    let text = |message: &Value| message["token"].as_str().unwrap().to_owned();
    google.inner().messages.iter().map(text).collect()
}

impl World {
    /// A member's events from the fourth on.
    async fn has_devices(&self, user: UserId, tokens: &[&str]) -> Vec<DeviceId> {
        let mut devices = Vec::new();
        for (expected, token) in (3..).zip(tokens) {
            let device = DeviceId(Uuid::now_v7());
            let token = self.seal(user.0, token).await;
            let new = DeviceRegistered { device, platform: Platform::Android, token };
            self.happens(user.0, expected, &[UserEvent::DeviceRegistered(new)]).await;
            devices.push(device);
        }
        devices
    }

    async fn loses(&self, user: UserId, expected: i64, device: DeviceId) -> i64 {
        let removed = DeviceRemoved { device, why: Removal::Unregistered };
        self.happens(user.0, expected, &[UserEvent::DeviceRemoved(removed)]).await
    }

    fn decide_on_pushes(&self) -> Sending {
        self.react_by(&["push"], LEASE, || Utc::now().into())
    }

    fn push(&self, google: &Running, commands: &Receiver) -> Sending {
        let args = CommandArgs { command_api_url: Some(commands.url().as_str().parse().unwrap()) };
        let url = "http://localhost:8080".parse().unwrap();
        let parts = Parts {
            push: google.push(),
            sealer: self.opener(),
            sight: Sight::new(&self.delivery(), &self.log),
            log: self.log.clone(),
            commands: Commands::new(&args, &url, &SecretKey::from_bytes([9; 32])).unwrap(),
        };
        self.carry(Arc::new(Devices::new(parts)))
    }

    /// Deliveries to somebody's devices: `delivered`.
    async fn pushed(&self, user: UserId) -> Vec<String> {
        let sql = "SELECT concat_ws(' ', state, reason) FROM delivery.deliveries
            WHERE channel = 'push' AND split_part(recipient, '/', 1) = $1 ORDER BY position, recipient";
        sqlx::query_scalar(sql).bind(user.to_string()).fetch_all(&self.owner).await.unwrap()
    }

    async fn decided_on(&self, position: i64) {
        let sql = "SELECT position >= $2 FROM delivery.checkpoints WHERE consumer = $1";
        self.becomes_true(sql, "notices", position).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_device_has_its_note_in_the_language_of_its_person() {
    let (world, google, commands) = (World::new().await, google().await, nobody().await);
    let (ann, kim) = (world.member("Ann", "en").await, world.member("김하늘", "ko").await);
    world.has_devices(kim, &["t0ken-1", "t0ken-2"]).await;
    let task = world.has_task(ann, created(ann, &[kim])).await;
    let _telling = world.decide_on_pushes().and(world.push(&google, &commands));
    world.deliveries_are("delivered", 2).await;
    let devices: BTreeSet<_> = to_devices(&google).into_iter().collect();
    assert_eq!(devices, BTreeSet::from(["t0ken-1".to_owned(), "t0ken-2".to_owned()]));
    let message = google.inner().messages[0].clone();
    let note = &message["notification"];
    assert_eq!(note["title"], "[T-12] Mend the roof");
    let body = note["body"].as_str().unwrap();
    assert!(body.starts_with("Ann 님이 할 일을 만들어 회원님에게 배정했습니다."), "{body}");
    let data = &message["data"];
    assert_eq!((&data["task_id"], &data["task_key"]), (&json!(task.id.to_string()), &json!("T-12")));
    assert_eq!((&data["type"], &data["category"]), (&json!("task.created"), &json!("assignment")));
    for table in ["deliveries", "attempts"] {
        let sql = format!("SELECT count(*) FROM delivery.{table} AS t WHERE t::text ~ 't0ken|김하늘|ya29'");
        assert_eq!(world.number(&sql).await, 0, "{table}");
    }
    assert_eq!(commands.got().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_failed_is_sent_again_when_google_says_so_and_nothing_else_is() {
    let (world, google, commands) = (World::new().await, google().await, nobody().await);
    let (ann, bob) = (world.member("Ann", "en").await, world.member("Bob", "en").await);
    world.has_devices(bob, &["one", "two"]).await;
    let busy = refusal(503, "UNAVAILABLE", Some("UNAVAILABLE"));
    google.inner().answers.push_back(([("retry-after", "600")], busy).into_response());
    world.has_task(ann, created(ann, &[bob])).await;
    let _telling = world.decide_on_pushes().and(world.push(&google, &commands));
    world.deliveries_are("failed", 1).await;
    world.deliveries_are("delivered", 1).await;
    let heeded = "SELECT count(*) FROM delivery.deliveries
        WHERE state = 'failed' AND due_at >= create_time + interval '600 seconds'";
    assert_eq!(world.number(heeded).await, 1);
    let quota = refusal(429, "RESOURCE_EXHAUSTED", Some("QUOTA_EXCEEDED"));
    google.inner().answers.push_back(([("retry-after", "900")], quota).into_response());
    world.retries_are_due().await;
    let again = "SELECT count(*) = $2 FROM delivery.attempts WHERE code = $1";
    world.becomes_true(again, "QUOTA_EXCEEDED", 1).await;
    world.deliveries_are("failed", 1).await;
    let heeded = "SELECT count(*) FROM delivery.attempts
        WHERE code = 'QUOTA_EXCEEDED' AND next_at >= started_at + interval '900 seconds'";
    assert_eq!(world.number(heeded).await, 1);
    world.retries_are_due().await;
    world.deliveries_are("delivered", 2).await;
    let sent = to_devices(&google);
    let to = |device: &str| sent.iter().filter(|one| *one == device).count();
    assert_eq!((to("one") + to("two"), to("one") * to("two")), (4, 3), "{sent:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_without_the_app_is_removed_and_told_nothing_more() {
    let (world, google) = (World::new().await, google().await);
    let commands = Receiver::start([StatusCode::SERVICE_UNAVAILABLE]).await;
    let (ann, bob) = (world.member("Ann", "en").await, world.member("Bob", "en").await);
    let device = world.has_devices(bob, &["gone"]).await[0];
    let gone = || refusal(404, "NOT_FOUND", Some("UNREGISTERED"));
    google.inner().answers.extend([gone(), gone()]);
    let mut task = world.has_task(ann, created(ann, &[bob])).await;
    let _telling = world.decide_on_pushes().and(world.push(&google, &commands));
    // Nobody takes the command at first: the delivery is not through.
    world.deliveries_are("failed", 1).await;
    world.retries_are_due().await;
    world.deliveries_are("rejected", 1).await;
    let got = commands.got();
    let path = format!("/v1/users/{bob}/devices/{device}");
    assert!(got.len() == 2 && got.iter().all(|one| one.path == path), "{got:?}");
    let id = world.text("SELECT id::text FROM delivery.deliveries").await.unwrap();
    let event = world.text("SELECT event_id::text FROM delivery.deliveries").await.unwrap();
    let asked = |one: &Got| (one.header("idempotency-key").to_owned(), one.header("causation-id").to_owned());
    assert!(got.iter().map(asked).all(|asked| asked == (format!("\"{id}\""), event.clone())), "{got:?}");
    world.loses(bob, 4, device).await;
    let position = world.act(&mut task, ann, commented(ann, "@bob")).await;
    world.told(position).await;
    assert_eq!(world.pushed(bob).await, ["rejected the app is gone from the device"]);
    assert_eq!(to_devices(&google).len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_but_unregistered_removes_a_device() {
    let (world, google, commands) = (World::new().await, google().await, nobody().await);
    let (ann, bob) = (world.member("Ann", "en").await, world.member("Bob", "en").await);
    world.has_devices(bob, &["phone"]).await;
    google.inner().answers.extend([
        refusal(400, "INVALID_ARGUMENT", Some("INVALID_ARGUMENT")),
        refusal(404, "NOT_FOUND", None),
        refusal(403, "PERMISSION_DENIED", Some("SENDER_ID_MISMATCH")),
    ]);
    let mut task = world.has_task(ann, created(ann, &[bob])).await;
    let _telling = world.decide_on_pushes().and(world.push(&google, &commands));
    world.deliveries_are("rejected", 1).await;
    world.act(&mut task, ann, commented(ann, "@bob")).await;
    world.deliveries_are("failed", 1).await;
    world.retries_are_due().await;
    world.deliveries_are("rejected", 2).await;
    assert_eq!((google.inner().messages.len(), commands.got().len()), (3, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn notes_wait_for_the_end_of_quiet_hours() {
    let world = World::new().await;
    let (ann, bob) = (world.member("Ann", "en").await, world.member("Bob", "en").await);
    world.has_devices(bob, &["phone"]).await;
    let time = |text| ClockTime::parse(text).unwrap();
    let quiet = Some(QuietHours { from: time("22:00"), to: time("07:30") });
    let to = Preferences { quiet_hours: quiet, ..Preferences::default() };
    let change = UserEvent::NotificationPreferencesChanged(Change { from: Preferences::default(), to });
    world.happens(bob.0, 4, &[change]).await;
    let mut task = world.has_task(ann, created(ann, &[bob])).await;
    let position = world.act(&mut task, ann, commented(ann, "@bob")).await;
    let _deciding = world.react_by(&["push"], LEASE, || "2099-01-05T23:00:00Z".parse().unwrap());
    world.decided_on(position).await;
    let due = "SELECT string_agg(to_char(due_at AT TIME ZONE 'UTC', 'MM-DD HH24:MI'), ', ') FROM delivery.deliveries
        WHERE channel = 'push' AND state = 'pending'";
    assert_eq!(world.text(due).await.as_deref(), Some("01-06 07:30, 01-06 07:30"));
}

#[tokio::test(flavor = "multi_thread")]
async fn devices_and_sight_are_looked_at_again_before_anything_is_sent() {
    let (world, google, commands) = (World::new().await, google().await, nobody().await);
    let (ann, bob, kim) =
        (world.member("Ann", "en").await, world.member("Bob", "en").await, world.member("Kim", "ko").await);
    world.has_devices(bob, &["bob's"]).await;
    let kims = world.has_devices(kim, &["kim's"]).await[0];
    let private = Created { visibility: Visibility::Private, ..created(ann, &[bob, kim]) };
    let mut task = world.has_task(ann, private).await;
    let deciding = world.decide_on_pushes();
    let position = world.act(&mut task, ann, TaskEvent::Unassigned(AssigneeEntry { assignee: bob })).await;
    world.decided_on(position).await;
    let position = world.loses(kim, 4, kims).await;
    world.decided_on(position).await;
    let _sending = deciding.and(world.push(&google, &commands));
    world.told(position).await;
    assert_eq!(world.pushed(bob).await, ["skipped the person does not see the task"]);
    assert_eq!(world.pushed(kim).await, ["skipped the person has no such device any more"]);
    assert_eq!(google.inner().posts, 0);
}
