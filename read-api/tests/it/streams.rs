//! Streams of server-sent events: what they tell, and what ends them.

use std::pin::pin;

use axum::{
    body::{Body, BodyDataStream},
    http::{Request, StatusCode},
    response::Response,
};
use futures_util::StreamExt;
use serde_json::{Value, json};
use service::auth::testing::Minter;
use tokio::time::timeout;
use uuid::Uuid;

use crate::{
    operations::{comes_to, ends, under_way},
    world::{DEADLINE, World},
};

/// The events of a stream, comments left out.
pub(crate) struct Events {
    body: BodyDataStream,
    text: String,
}

impl Events {
    pub(crate) fn of(response: Response) -> Self {
        assert_eq!(response.status(), StatusCode::OK);
        Self { body: response.into_body().into_data_stream(), text: String::new() }
    }

    /// The next one: its name and its data. None at the end.
    async fn next(&mut self) -> Option<(String, Value)> {
        let (id, name, data) = self.next_at().await?;
        assert_eq!(id, None, "{name}");
        Some((name, data))
    }

    /// The same with its id.
    pub(crate) async fn next_at(&mut self) -> Option<(Option<i64>, String, Value)> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let event = read(event);
                self.text = rest.to_owned();
                if event.is_some() {
                    return event;
                }
            } else {
                let chunk = timeout(DEADLINE, self.body.next()).await.expect("something comes")?.unwrap();
                self.text += std::str::from_utf8(&chunk).unwrap();
            }
        }
    }

    /// Only the end is still to come, with this code.
    pub(crate) async fn closed_with(mut self, code: &str) {
        let (name, problem) = self.next().await.unwrap();
        assert_eq!((&*name, &problem["code"]), ("closed", &json!(code)), "{problem}");
        assert!(problem["detail"].is_string() && problem["request_id"].is_string(), "{problem}");
        assert_eq!(self.next().await, None);
    }
}

fn read(event: &str) -> Option<(Option<i64>, String, Value)> {
    let mut fields = event.lines().filter_map(|line| line.split_once(": ")).peekable();
    let id = fields.next_if(|field| field.0 == "id").map(|field| field.1.parse().unwrap());
    let (name, data) = (fields.next()?, fields.next()?);
    assert_eq!((name.0, data.0), ("event", "data"), "{event}");
    Some((id, name.1.to_owned(), serde_json::from_str(data.1).unwrap()))
}

async fn open(world: &World, token: &str, id: Uuid) -> Response {
    let request = Request::get(format!("/v1/operations/{id}")).header("accept", "text/event-stream");
    let request = request.header("authorization", format!("Bearer {token}"));
    world.open(request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn an_operation_is_told_to_its_end() {
    let world = World::new().await;
    let token = world.token(Uuid::now_v7(), &["operator"]);
    let id = under_way(&world).await;
    let path = format!("/v1/operations/{id}");
    let response = open(&world, &token, id).await;
    let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(header("content-type"), "text/event-stream");
    assert_eq!((&*header("cache-control"), &*header("x-accel-buffering")), ("no-store", "no"));
    assert_eq!((&*header("vary"), &*header("position")), ("Accept", "0"));
    let mut events = Events::of(response);
    let begun = world.get(&token, &path).await.body;
    assert_eq!(events.next().await, Some(("progress".to_owned(), begun)));
    comes_to(&world, id, 7).await;
    let (name, operation) = events.next().await.unwrap();
    assert_eq!((&*name, &operation["progress"]), ("progress", &json!({"done": 7, "total": 10})));
    ends(&world, id).await;
    let ended = world.get(&token, &path).await.body;
    assert_eq!(ended["state"], "done");
    assert_eq!(events.next().await, Some(("ended".to_owned(), ended.clone())));
    assert_eq!(events.next().await, None);
    // Whoever comes later is told at once.
    let mut again = Events::of(open(&world, &token, id).await);
    assert_eq!(again.next().await, Some(("ended".to_owned(), ended)));
    assert_eq!(again.next().await, None);
}

#[tokio::test]
async fn what_is_no_more_is_told_no_more() {
    let world = World::new().await;
    let id = under_way(&world).await;
    let mut events = Events::of(open(&world, &world.token(Uuid::now_v7(), &["operator"]), id).await);
    assert!(events.next().await.is_some());
    sqlx::query("DELETE FROM read_model.operations").execute(&world.pool).await.unwrap();
    events.closed_with("NOT_FOUND").await;
}

#[tokio::test]
async fn a_stream_ends_with_the_rights_of_its_reader() {
    let world = World::new().await;
    let (ann, bob) = (Uuid::now_v7(), Uuid::now_v7());
    let mut claims = Minter::claims(ann);
    claims["roles"] = json!(["operator"]);
    let anns = world.minter.sign(&world.minter.header(), &claims);
    let bobs = world.token(bob, &["operator"]);
    let carols = world.token(Uuid::now_v7(), &["operator"]);
    let id = under_way(&world).await;
    let mut streams = Vec::new();
    for token in [&anns, &bobs, &carols] {
        let mut events = Events::of(open(&world, token, id).await);
        assert_eq!(events.next().await.unwrap().0, "progress");
        streams.push(events);
    }
    let [anns, bobs, mut carols] = streams.try_into().unwrap_or_else(|_| panic!("three"));
    // Her session ends, and what he may do changes.
    let session = "INSERT INTO event_store.sessions (id, user_id, auth_time, methods, ip, ended_at) \
         VALUES ($1::uuid, $2, now(), '{pwd}', '', clock_timestamp())";
    let session = sqlx::query(session).bind(claims["sid"].as_str()).bind(ann);
    session.execute(&world.pool).await.unwrap();
    let events = "INSERT INTO event_store.events (position, sequence, recorded_at, event_id, aggregate_type, \
         aggregate_id, event_type, event_version, payload, metadata) \
         SELECT p, p, clock_timestamp(), gen_random_uuid(), 'user', $1, 'user.role_granted', '1', \
         '{\"role\": \"member\"}', '{}' FROM generate_series(1, 2) p";
    sqlx::query(events).bind(bob.to_string()).execute(&world.pool).await.unwrap();
    anns.closed_with("TOKEN_INVALID").await;
    bobs.closed_with("TOKEN_STALE").await;
    // Nobody else notices.
    ends(&world, id).await;
    assert_eq!(carols.next().await.unwrap().0, "ended");
}

#[tokio::test]
async fn a_service_that_ends_closes_its_streams() {
    let world = World::new().await;
    let id = under_way(&world).await;
    let mut events = Events::of(open(&world, &world.token(Uuid::now_v7(), &["operator"]), id).await);
    assert!(events.next().await.is_some());
    world.surroundings.shutdown.begin();
    events.closed_with("UNAVAILABLE").await;
    assert!(world.surroundings.shutdown.wait().await);
}

#[tokio::test]
async fn a_client_has_eight_streams_at_a_time() {
    let world = World::limited("read=600/min").await;
    let (ann, bob) = (Uuid::now_v7(), world.token(Uuid::now_v7(), &["operator"]));
    let token = world.token(ann, &["operator"]);
    let id = under_way(&world).await;
    let limit = |response: &Response| {
        let values = response.headers().get_all("ratelimit").into_iter();
        let mut values = values.map(|value| value.to_str().unwrap().to_owned());
        values.find(|value| value.starts_with("\"streams\"")).unwrap()
    };
    let mut open_ones = Vec::new();
    for left in (0..8).rev() {
        let response = open(&world, &token, id).await;
        assert_eq!((response.status().as_u16(), limit(&response)), (200, format!("\"streams\";r={left}")));
        open_ones.push(response);
    }
    // Another session of the same person has the same eight; plain requests are free.
    let refused = open(&world, &world.token(ann, &["operator"]), id).await;
    assert_eq!((refused.status().as_u16(), limit(&refused)), (429, "\"streams\";r=0".to_owned()));
    assert_eq!(refused.headers()["retry-after"], "5");
    let mut policy = refused.headers().get_all("ratelimit-policy").into_iter();
    assert!(policy.any(|value| value == "\"streams\";q=8;qu=\"concurrent-requests\""));
    assert_eq!(world.get(&token, &format!("/v1/operations/{id}")).await.status, StatusCode::OK);
    assert_eq!(open(&world, &bob, id).await.status(), StatusCode::OK);
    // What was not allowed at all takes none.
    let nowhere = open(&world, &bob, Uuid::now_v7()).await;
    assert_eq!(
        (nowhere.status(), nowhere.headers().get_all("ratelimit").iter().count()),
        (StatusCode::NOT_FOUND, 1)
    );
    // One that is read to its end is over, and so is one that nobody reads any more.
    drop(open_ones.pop());
    assert_eq!(open(&world, &token, id).await.status(), StatusCode::OK);
    ends(&world, id).await;
    for response in open_ones.drain(..) {
        let mut events = Events::of(response);
        while events.next().await.is_some() {}
    }
    let all: Vec<_> =
        pin!(futures_util::stream::iter(0..8).then(|_| open(&world, &token, id))).collect().await;
    assert!(all.iter().all(|response| response.status() == StatusCode::OK));
}
