//! Events over gRPC: the same ones, from the same places, as over any other way.

use proto::v1::{Interest, SubscribeRequest};
use serde_json::{Value, json};
use tonic::Code;
use uuid::Uuid;

use crate::{
    events::{Log, positions, progress},
    grpc::Subscriber,
};

fn from(after: i64) -> SubscribeRequest {
    SubscribeRequest { after: Some(after), ..SubscribeRequest::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscriber_gets_what_is_published_and_goes_on() {
    let log = Log::new().await;
    let (open, hidden) = log.two_tasks().await;
    let token = log.member();
    let mut subscriber = Subscriber::open(&log.world, &token, from(0)).await;
    let events = subscriber.events(2).await;
    let pulled = log.world.get(&token, "/v1/events").await.body;
    for (event, published) in events.iter().zip(pulled["items"].as_array().unwrap()) {
        assert_eq!(&json!(event.sequence), &published["sequence"]);
        assert_eq!((&json!(event.id), &json!(event.r#type)), (&published["id"], &published["type"]));
        assert_eq!(
            (&json!(event.subject), &json!(event.authid)),
            (&published["subject"], &published["authid"])
        );
        assert_eq!(serde_json::from_str::<Value>(&event.data).unwrap(), published["data"]);
        assert_eq!(event.position, event.sequence.parse::<i64>().unwrap());
    }
    let place = subscriber.caught_up().await;
    assert_eq!((place.after, json!(place.epoch)), (4, pulled["epoch"].clone()));
    log.write(hidden, 2, &[progress(5, 6)]).await;
    let last = log.write(open, 2, &[progress(5, 6)]).await;
    assert_eq!(subscriber.events(1).await[0].position, last);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_is_a_place_on_every_way() {
    let log = Log::new().await;
    let (open, _) = log.two_tasks().await;
    let token = log.member();
    let mut over_http = log.listen(&token, "?after=0", None).await;
    let seen = over_http.ids(1).await[0];
    let mut subscriber = Subscriber::open(&log.world, &token, from(seen)).await;
    assert_eq!(subscriber.events(1).await[0].position, 2);
    let place = subscriber.caught_up().await;
    let last = log.write(open, 2, &[progress(5, 6), progress(6, 7)]).await;
    let pulled =
        log.world.get(&token, &format!("/v1/events?after={}&epoch={}", place.after, place.epoch)).await;
    assert_eq!(positions(&pulled.body), [last - 1, last]);
    let mut again = log.listen(&token, "", Some(place.after)).await;
    assert_eq!(again.ids(2).await, [last - 1, last]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_for_is_what_comes() {
    let log = Log::new().await;
    let (_, hidden) = log.two_tasks().await;
    let token = log.world.token(log.ann, &["member"]);
    for (interest, expected) in [
        (Interest { types: vec!["task.created".into()], ..Interest::default() }, vec![1, 3]),
        (Interest { aggregate: Some(hidden.to_string()), ..Interest::default() }, vec![3, 4]),
        (Interest { filter: Some("priority = urgent".into()), ..Interest::default() }, vec![1, 2]),
        (Interest { actor: Some("me".into()), ..Interest::default() }, vec![1, 2, 3, 4]),
    ] {
        let asked = SubscribeRequest { interest: Some(interest), ..from(0) };
        let mut subscriber = Subscriber::open(&log.world, &token, asked).await;
        let events = subscriber.events(expected.len()).await;
        assert_eq!(events.iter().map(|event| event.position).collect::<Vec<_>>(), expected);
        subscriber.caught_up().await;
    }
    let other_log = SubscribeRequest { epoch: Some(Uuid::now_v7().to_string()), ..from(1) };
    let bad =
        Interest { types: vec!["task.unheard_of".into()], filter: Some("x".into()), ..Interest::default() };
    let bad = SubscribeRequest { interest: Some(bad), ..from(0) };
    for (asked, code) in
        [(from(5), Code::OutOfRange), (other_log, Code::OutOfRange), (bad, Code::InvalidArgument)]
    {
        let mut subscriber = Subscriber::open(&log.world, &token, asked).await;
        let status = subscriber.end().await;
        assert_eq!(status.code(), code, "{status:?}");
    }
}
