//! What streams of events say beside events, over HTTP and gRPC: how far was looked, and why it is over.

use chrono::Utc;
use proto::v1::{Interest, SubscribeRequest, subscribe_response::Message};
use serde_json::{Value, json};
use service::auth::testing::Minter;
use tonic::Code;
use tonic_types::StatusExt;
use uuid::Uuid;

use crate::{
    events::{Log, Stream, progress},
    grpc::Subscriber,
};

/// One who listens both ways.
struct Both {
    stream: Stream,
    subscriber: Subscriber,
}

impl Both {
    async fn open(log: &Log, token: &str, kind: &str) -> Self {
        let interest = Some(Interest { types: vec![kind.to_owned()], ..Interest::default() });
        let asked = SubscribeRequest { after: Some(0), epoch: None, interest };
        Self {
            stream: log.listen(token, &format!("?after=0&types={kind}"), None).await,
            subscriber: Subscriber::open(&log.world, token, asked).await,
        }
    }

    async fn catch_up(&mut self) {
        while self.stream.next().await.1 != "caught_up" {}
        self.subscriber.caught_up().await;
    }

    /// Nothing but how far was looked comes until it is so far.
    async fn reach(&mut self, position: i64) {
        loop {
            let (id, name, data) = self.stream.next().await;
            assert_eq!((&*name, &data["after"]), ("checkpoint", &json!(id)));
            if id == position {
                break;
            }
        }
        loop {
            let Message::Checkpoint(place) = self.subscriber.next().await.unwrap() else {
                panic!("no checkpoint")
            };
            if place.after == position {
                break;
            }
        }
    }

    /// The end, and the place that it names over gRPC.
    async fn closed_with(mut self, code: &str) -> i64 {
        let problem = loop {
            match self.stream.next().await {
                (_, name, problem) if name == "closed" => break problem,
                (_, name, data) => assert_eq!(name, "checkpoint", "{data}"),
            }
        };
        assert_eq!(problem["code"], code, "{problem}");
        let status = self.subscriber.end().await;
        let info = status.get_details_error_info().unwrap();
        assert_eq!((status.code(), &*info.reason), (Code::Unauthenticated, code), "{status:?}");
        assert!(info.metadata.contains_key("epoch"), "{info:?}");
        info.metadata["after"].parse().unwrap()
    }
}

/// A token of a session that can be ended, and that session.
fn token(log: &Log, user: Uuid, change: impl FnOnce(&mut Value)) -> (String, Value) {
    let mut claims = Minter::claims(user);
    change(&mut claims);
    (log.world.minter.sign(&log.world.minter.header(), &claims), claims["sid"].clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn how_far_was_looked_is_told_when_nothing_is_taken() {
    let log = Log::new().await;
    let (open, _) = log.two_tasks().await;
    let mut both = Both::open(&log, &log.member(), "task.deleted").await;
    both.catch_up().await;
    // One by itself, and many in a row.
    let last = log.write(open, 2, &[progress(5, 6)]).await;
    both.reach(last).await;
    let mut last = last;
    for written in 3..103 {
        last = log.write(open, written, &[progress(5, 6)]).await;
    }
    both.reach(last).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_of_events_end_with_the_rights_of_their_reader() {
    let log = Log::new().await;
    log.two_tasks().await;
    let (ann, bob, carol) = (Uuid::now_v7(), Uuid::now_v7(), Uuid::now_v7());
    // A token is believed for half a minute longer than it says.
    let (carols, _) = token(&log, carol, |claims| claims["exp"] = json!(Utc::now().timestamp() - 15));
    let mut outlives = Both::open(&log, &carols, "task.*").await;
    let (anns, session) = token(&log, ann, |_| ());
    let mut leaves = Both::open(&log, &anns, "task.*").await;
    let (bobs, _) = token(&log, bob, |_| ());
    let mut changes = Both::open(&log, &bobs, "task.*").await;
    for both in [&mut outlives, &mut leaves, &mut changes] {
        both.catch_up().await;
    }
    let ended = "INSERT INTO event_store.sessions (id, user_id, auth_time, methods, ip, ended_at) \
         VALUES ($1::uuid, $2, now(), '{pwd}', '', clock_timestamp())";
    sqlx::query(ended).bind(session.as_str()).bind(ann).execute(&log.world.pool).await.unwrap();
    assert_eq!(leaves.closed_with("TOKEN_INVALID").await, 4);
    log.change_rights(bob).await;
    assert!(changes.closed_with("TOKEN_STALE").await >= 4);
    assert!(outlives.closed_with("TOKEN_EXPIRED").await >= 4);
}
