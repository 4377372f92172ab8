//! Two processes of the read side on one database: one of them has the group.

use std::collections::BTreeSet;

use tonic::Code;

use super::{Book, Member, group, tasks};
use crate::system::{PATIENCE, System, within};

#[tokio::test(flavor = "multi_thread")]
async fn one_process_at_a_time_has_a_group() {
    let mut system = System::start().await;
    let (writer, first) = group(&system).await;
    let mut other = system.second_read_api().await;
    let second = first.at(&other.url);
    let mut book = Book::open(&system).await;
    tasks(&writer, 2, 1).await;
    let mut ann = Member::get_in(&first, "billing", 10).await;
    let out: Vec<_> = ann.events(2).await.into_iter().collect();
    ann.ack([out[0]]).await;
    book.has_finished(&BTreeSet::from([out[0]])).await;
    let third = ann.event().await;

    // Who comes to the other one waits for a while, and is told why it was in vain.
    let Err(refused) = Member::join(&second, "billing", 10).await else { panic!("both have it") };
    assert_eq!(refused.code(), Code::FailedPrecondition, "{refused:?}");

    // One that stands still is taken for dead, and says nothing more once it goes on.
    system.read_api.signal("STOP");
    let mut bob = Member::get_in(&second, "billing", 10).await;
    assert_eq!(bob.events(2).await, BTreeSet::from([out[1], third]));
    ann.ack([out[1], third]).await;
    system.read_api.signal("CONT");
    // It has lost the group; or it has heard nothing of revocations for so long that it trusts nobody.
    let end = ann.end().await;
    assert!(matches!(end.code(), Code::Aborted | Code::Unavailable), "{end:?}");
    let position = "SELECT position FROM event_store.consumer_groups";
    let written: i64 = sqlx::query_scalar(position).fetch_one(&mut book.0).await.unwrap();
    assert!(written < out[1], "one that has lost the group has written down that it stands at {written}");
    bob.ack([out[1]]).await;
    let fourth = bob.event().await;
    bob.ack([third, fourth]).await;
    book.has_finished(&BTreeSet::from([out[1], third, fourth])).await;

    // Who lets go leaves the group to the other one at once, and the rest with it.
    drop(bob);
    let mut ann = Member::get_in(&first, "billing", 10).await;
    tasks(&writer, 1, 0).await;
    let expected = book.events().await.into_values().flatten().max().unwrap();
    assert_eq!(ann.event().await, expected);
    drop(ann);
    let let_go = async || {
        let sql = "SELECT expires_at < clock_timestamp() FROM event_store.consumer_groups";
        sqlx::query_scalar(sql).fetch_one(&mut book.0).await.unwrap()
    };
    assert!(within(PATIENCE, let_go).await);
    assert!(other.end().await.success(), "{}", other.words());
    system.end().await;
}
