//! Push messages against a server that checks everything.

use std::{collections::BTreeMap, time::Duration};

use axum::response::IntoResponse;
use chrono::TimeDelta;
use futures_util::future::join_all;
use projections::{
    channels::push::{Note, Pushed},
    deliveries::Outcome,
};
use uuid::Uuid;

use super::google::{Running, refusal};

const FAILED: Outcome = Outcome::Failed { retry_after: None };

fn note() -> Note {
    let data = BTreeMap::from([("kind".to_owned(), "assigned".to_owned())]);
    Note { id: Uuid::nil(), title: "Assigned to you".to_owned(), body: "울타리 ".repeat(2_000), data }
}

fn delivered(pushed: &Pushed) -> bool {
    pushed.attempted.outcome == Outcome::Delivered
}

#[tokio::test]
async fn many_notes_need_one_token() {
    let google = Running::start().await;
    let (push, note, now) = (google.push(), note(), google.now());
    let devices: Vec<_> = (0..20).map(|n| format!("device-{n}")).collect();
    let all = join_all(devices.iter().map(|device| push.send(device, &note, now))).await;
    assert!(all.iter().all(delivered), "{all:?}");
    let inner = google.inner();
    assert_eq!((inner.granted, inner.messages.len()), (1, 20));
    let message = &inner.messages[0];
    assert_eq!(message["notification"]["title"], "Assigned to you");
    assert_eq!(message["data"]["kind"], "assigned");
}

#[tokio::test]
async fn a_token_is_replaced_before_it_ends() {
    let google = Running::start().await;
    let (push, note, start) = (google.push(), note(), google.now());
    assert!(delivered(&push.send("d", &note, start).await));
    let at = |minutes| start + TimeDelta::minutes(minutes);
    assert!(delivered(&push.send("d", &note, at(54)).await));
    assert_eq!(google.inner().granted, 1);

    google.inner().grants = false;
    google.inner().now = at(56);
    assert!(delivered(&push.send("d", &note, at(56)).await), "the old one lasts");
    google.inner().grants = true;
    google.inner().now = at(57);
    assert!(delivered(&push.send("d", &note, at(57)).await));
    assert_eq!(google.counted(|inner| (inner.granted, inner.asked)), (2, 3));
}

#[tokio::test]
async fn a_token_that_is_refused_is_replaced_once() {
    let google = Running::start().await;
    let (push, note, now) = (google.push(), note(), google.now());
    assert!(delivered(&push.send("d", &note, now).await));
    google.inner().tokens.clear();
    assert!(delivered(&push.send("d", &note, now).await));
    assert_eq!(google.counted(|inner| (inner.granted, inner.posts)), (2, 3));

    google.inner().believes = false;
    let pushed = push.send("d", &note, now).await;
    assert_eq!(
        (pushed.attempted.outcome, pushed.attempted.code.as_deref()),
        (FAILED, Some("UNAUTHENTICATED"))
    );
    assert_eq!(google.counted(|inner| (inner.granted, inner.posts)), (3, 5));
}

#[tokio::test]
async fn without_a_token_nothing_is_sent_and_nobody_asks_all_the_time() {
    let google = Running::start().await;
    let (stranger, note, now) = (google.push_as("somebody@else"), note(), google.now());
    for seconds in [0, 1, 4] {
        let pushed = stranger.send("d", &note, now + TimeDelta::seconds(seconds)).await;
        assert_eq!((pushed.attempted.outcome, pushed.attempted.code.as_deref()), (FAILED, Some("no_token")));
        assert!(!pushed.unregistered);
    }
    assert_eq!(google.counted(|inner| (inner.asked, inner.posts)), (1, 0));
    stranger.send("d", &note, now + TimeDelta::seconds(6)).await;
    assert_eq!(google.inner().asked, 2);
}

#[tokio::test]
async fn what_google_says_is_heeded() {
    let google = Running::start().await;
    let (push, note, now) = (google.push(), note(), google.now());
    google.inner().answers.extend([
        refusal(404, "NOT_FOUND", Some("UNREGISTERED")),
        ([("retry-after", "17")], refusal(429, "RESOURCE_EXHAUSTED", Some("QUOTA_EXCEEDED"))).into_response(),
        ([("retry-after", "3")], refusal(503, "UNAVAILABLE", Some("UNAVAILABLE"))).into_response(),
        refusal(400, "INVALID_ARGUMENT", Some("INVALID_ARGUMENT")),
    ]);
    let mut seen = Vec::new();
    for _ in 0..4 {
        let pushed = push.send("d", &note, now).await;
        seen.push((pushed.attempted.code, pushed.unregistered, pushed.attempted.outcome));
    }
    assert!(
        matches!(&seen[0], (code, true, Outcome::Rejected { .. }) if code.as_deref() == Some("UNREGISTERED"))
    );
    let after = |seconds| Outcome::Failed { retry_after: Some(Duration::from_secs(seconds)) };
    assert_eq!(seen[1], (Some("QUOTA_EXCEEDED".to_owned()), false, after(17)));
    assert_eq!(seen[2], (Some("UNAVAILABLE".to_owned()), false, after(3)));
    assert!(matches!(&seen[3], (_, false, Outcome::Rejected { .. })));
}
