//! Events over gRPC: the same ones, from the same places, as over any other way.

use chrono::{DateTime, SecondsFormat};
use domain::{
    event::Metadata,
    ids::{EventId, UserId},
};
use proto::v1::{Event, Interest, SubscribeRequest};
use serde_json::{Value, json};
use tonic::Code;
use uuid::Uuid;

use crate::{
    events::{Log, positions, progress},
    grpc::Subscriber,
    log::metadata,
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
    let published: Vec<_> = events.iter().map(as_published).collect();
    assert_eq!(json!(published), pulled["items"]);
    let place = subscriber.caught_up().await;
    assert_eq!((place.after, json!(place.epoch)), (4, pulled["epoch"].clone()));
    log.write(hidden, 2, &[progress(5, 6)]).await;
    let last = log.write(open, 2, &[progress(5, 6)]).await;
    assert_eq!(subscriber.events(1).await[0].position, last);
}

/// The CloudEvent that a message stands for: what is not set is not there.
fn as_published(event: &Event) -> Value {
    assert_eq!(event.position, event.sequence.parse::<i64>().unwrap());
    let time = |time: Option<prost_types::Timestamp>| {
        let time = time.unwrap();
        let time = DateTime::from_timestamp(time.seconds, time.nanos.cast_unsigned()).unwrap();
        time.to_rfc3339_opts(SecondsFormat::Micros, true)
    };
    let mut published = json!({
        "specversion": event.specversion, "id": event.id, "source": event.source, "type": event.r#type,
        "subject": event.subject, "time": time(event.time), "dataschema": event.dataschema,
        "datacontenttype": event.datacontenttype, "sequence": event.sequence, "partitionkey": event.partitionkey,
        "aggregateversion": event.aggregateversion, "recordedtime": time(event.recordedtime),
        "requestid": event.requestid, "correlationid": event.correlationid, "causationid": event.causationid,
        "traceparent": event.traceparent, "authtype": event.authtype, "authid": event.authid,
        "onbehalfof": event.onbehalfof, "data": serde_json::from_str::<Value>(&event.data).unwrap(),
    });
    published.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    published
}

#[tokio::test(flavor = "multi_thread")]
async fn every_attribute_comes_over_grpc_too() {
    let log = Log::new().await;
    let (open, _) = log.two_tasks().await;
    let circumstances = Metadata {
        on_behalf_of: Some(UserId(Uuid::now_v7())),
        causation_id: Some(EventId(Uuid::now_v7())),
        traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".into()),
        // Long before the log took it.
        occurred_at: DateTime::from_timestamp(1_600_000_000, 123_456_000).unwrap().into(),
        ..metadata(log.ann)
    };
    let last = log.write_with(&circumstances, open, 2, &[progress(5, 6)]).await;
    let token = log.member();
    let published = log.world.get(&token, &format!("/v1/events/{last}")).await.body;
    for (name, value) in [
        ("onbehalfof", json!(circumstances.on_behalf_of)),
        ("causationid", json!(circumstances.causation_id)),
        ("traceparent", json!(circumstances.traceparent)),
        ("time", json!("2020-09-13T12:26:40.123456Z")),
    ] {
        assert_eq!(published[name], value, "{name}");
    }
    let mut subscriber = Subscriber::open(&log.world, &token, from(last - 1)).await;
    assert_eq!(as_published(&subscriber.events(1).await[0]), published);
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
