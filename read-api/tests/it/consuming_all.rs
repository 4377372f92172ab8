//! When a consumer is told that there is nothing more.

use proto::v1::consume_response::Message;
use serde_json::json;
use uuid::Uuid;

use crate::{
    consuming::{becomes, group},
    events::{Log, created, progress},
    grpc::Member,
};

/// The events that come before it is said that there are no more.
async fn before_the_end(member: &mut Member) -> Vec<i64> {
    let mut positions = Vec::new();
    loop {
        match member.next().await.unwrap() {
            Message::Delivery(delivery) => positions.push(delivery.event.unwrap().position),
            Message::CaughtUp(_) => return positions,
            _ => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_an_answer_is_handed_out_before_the_end_is_told() {
    let log = Log::new().await;
    log.two_tasks().await;
    let token = group(&log, json!({})).await;
    let mut member = Member::join(&log.world, &token, "billing", 100).await;
    assert_eq!(member.events(2).await, [(1, 1), (3, 1)]);
    // All four were read, of each task the second is held back.
    becomes(&log.world, &token, |group| group["in_flight"] == 2).await;
    member.ack(&[1, 3]).await;
    assert_eq!(before_the_end(&mut member).await, [2, 4]);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_later_is_told_when_what_was_there_then_is_out() {
    let log = Log::new().await;
    let (open, _) = log.two_tasks().await;
    let token = group(&log, json!({})).await;
    let mut first = Member::join(&log.world, &token, "billing", 1).await;
    for position in [1, 2, 3, 4] {
        assert_eq!(first.event().await, (position, 1));
        first.ack(&[position]).await;
    }
    assert!(before_the_end(&mut first).await.is_empty());
    log.write(open, 2, &[progress(5, 6), progress(6, 7)]).await;
    assert_eq!(first.event().await, (5, 1));
    let mut second = Member::join(&log.world, &token, "billing", 1).await;
    assert!(matches!(second.next().await.unwrap(), Message::Started(_)));
    let last = log.write(Uuid::now_v7(), 0, &[created(log.ann, "team", "low")]).await;
    let Message::Delivery(delivery) = second.next().await.unwrap() else { panic!("one waits for an answer") };
    assert_eq!(delivery.event.unwrap().position, last);
    first.ack(&[5]).await;
    assert_eq!(first.event().await, (6, 1));
    assert!(before_the_end(&mut second).await.is_empty());
}
