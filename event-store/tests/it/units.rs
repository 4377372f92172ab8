//! What becomes of units, alone and together.

use event_store::{AppendError, Appender, ClaimAction, Class, Outcome, Snapshot, StreamAppend};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::store::{
    Store, answered, appended, claiming, config, event, guarded, one, receipt, stream, task, unit,
};

#[tokio::test]
async fn positions_are_dense_and_sequences_run_per_aggregate() {
    let store = Store::new().await;
    let (a, b) = (task(), task());
    assert_eq!(store.append(unit(vec![stream(a, 0, 2), stream(b, 0, 1)])).await, appended(3));
    assert_eq!(store.append(one(a, 2)).await, appended(4));
    assert_eq!(store.everything().await, [(1, a.id, 1), (2, a.id, 2), (3, b.id, 1), (4, a.id, 3)]);
}

#[tokio::test]
async fn a_wrong_expectation_is_a_conflict_and_writes_nothing() {
    let store = Store::new().await;
    let (a, b) = (task(), task());
    store.append(one(a, 0)).await;
    for expected in [0, 2] {
        let outcome = store.append(unit(vec![stream(b, 0, 1), stream(a, expected, 1)])).await;
        assert_eq!(outcome, Outcome::Conflict { aggregate: a });
    }
    assert_eq!(store.log.head().await.unwrap(), 1);
}

#[tokio::test]
async fn two_units_on_one_aggregate_in_one_batch_see_each_other() {
    let store = Store::new().await;
    let a = task();
    let outcomes = store.append_all(vec![one(task(), 0), one(a, 0), one(a, 1), one(a, 1), one(a, 2)]).await;
    let expected = [
        Ok(appended(1)),
        Ok(appended(2)),
        Ok(appended(3)),
        Ok(Outcome::Conflict { aggregate: a }),
        Ok(appended(4)),
    ];
    assert_eq!(outcomes, expected);
}

#[tokio::test]
async fn one_refused_unit_fails_alone() {
    let store = Store::new().await;
    let mut broken = one(task(), 0);
    broken.streams[0].events = vec![event("{not json")];
    let mut zero = one(task(), 0);
    zero.streams[0].events[0].event_type = "nul\0".into();
    let (before, after) = (one(task(), 0), one(task(), 0));
    let outcomes = store.append_all(vec![one(task(), 0), before, broken, zero, after]).await;
    assert_eq!(outcomes[0], Ok(appended(1)));
    assert_eq!(outcomes[1], Ok(appended(2)));
    assert!(matches!(outcomes[2], Err(AppendError::Malformed(_))), "{:?}", outcomes[2]);
    assert!(matches!(outcomes[3], Err(AppendError::Malformed(_))), "{:?}", outcomes[3]);
    assert_eq!(outcomes[4], Ok(appended(3)));
}

#[tokio::test]
async fn what_contradicts_itself_or_is_too_large_is_not_sent() {
    let store = Store::new().await;
    let a = task();
    let twice = unit(vec![stream(a, 0, 1), stream(a, 1, 1)]);
    assert!(matches!(store.appender.append(twice).await, Err(AppendError::Malformed(_))));
    let mut large = one(task(), 0);
    large.streams[0].events[0].payload = format!("\"{}\"", "x".repeat(512 * 1024));
    assert_eq!(store.appender.append(large).await, Err(AppendError::TooLarge));
    let half = format!("\"{}\"", "x".repeat(500 * 1024));
    let many = StreamAppend { events: vec![event(&half); 20], ..stream(task(), 0, 0) };
    assert_eq!(store.appender.append(unit(vec![many])).await, Err(AppendError::TooLarge));
    assert_eq!(store.log.head().await.unwrap(), 0);
}

#[tokio::test]
async fn a_unit_without_events_is_answered_with_where_its_aggregate_stands() {
    let store = Store::new().await;
    let (a, b) = (task(), task());
    store.append(unit(vec![stream(a, 0, 2)])).await;
    store.append(one(b, 0)).await;
    assert_eq!(store.append(unit(vec![stream(a, 2, 0)])).await, appended(2));
    assert_eq!(store.append(unit(vec![])).await, appended(3), "the head");
    assert_eq!(store.append(unit(vec![stream(a, 1, 0)])).await, Outcome::Conflict { aggregate: a });
}

#[tokio::test]
async fn a_guard_that_moved_refuses_the_unit() {
    let store = Store::new().await;
    let (a, b) = (task(), task());
    store.append(one(a, 0)).await;
    assert_eq!(store.append(guarded(one(b, 0), a, 1)).await, appended(2));
    assert_eq!(store.append(guarded(one(b, 1), a, 0)).await, Outcome::GuardFailed { aggregate: a });
    assert_eq!(store.append(guarded(one(b, 1), task(), 0)).await, appended(3), "still absent");
}

#[tokio::test]
async fn of_units_that_guard_each_other_one_wins() {
    let store = Store::new().await;
    let (a, b) = (task(), task());
    store.append_all(vec![one(a, 0), one(b, 0)]).await;
    for round in 1..=20 {
        let (left, right) = (guarded(one(a, round), b, 1), guarded(one(a, round), b, 1));
        let outcomes = store.append_all(vec![left, right]).await;
        let won = outcomes.iter().filter(|outcome| matches!(outcome, Ok(Outcome::Appended { .. }))).count();
        assert_eq!(won, 1);
    }
    let outcomes = store.append_all(vec![guarded(one(a, 21), b, 1), guarded(one(b, 1), a, 21)]).await;
    assert_eq!(outcomes[1], Ok(Outcome::GuardFailed { aggregate: a }));
}

#[tokio::test]
async fn a_claim_has_one_owner_until_it_is_released() {
    let store = Store::new().await;
    let (me, you) = (Uuid::now_v7(), Uuid::now_v7());
    let claim = |owner, action| claiming(one(task(), 0), "value", owner, action);
    let taken = Outcome::Taken { scope: "test".into(), owner: me };
    assert_eq!(store.append(claim(me, ClaimAction::Take)).await, appended(1));
    assert_eq!(store.append(claim(you, ClaimAction::Take)).await, taken);
    assert_eq!(store.append(claim(me, ClaimAction::Take)).await, appended(2), "mine already");
    assert_eq!(store.append(claim(you, ClaimAction::Release)).await, appended(3), "not his: no change");
    assert_eq!(store.log.find_claim("test", "value").await.unwrap(), Some(me));
    let batch = vec![
        one(task(), 0),
        claim(you, ClaimAction::Take),
        claim(me, ClaimAction::Release),
        claim(you, ClaimAction::Take),
        claim(me, ClaimAction::Take),
    ];
    let outcomes = store.append_all(batch).await;
    assert_eq!(outcomes[1], Ok(taken));
    assert_eq!(outcomes[3], Ok(appended(6)));
    assert_eq!(outcomes[4], Ok(Outcome::Taken { scope: "test".into(), owner: you }));
    assert_eq!(store.log.find_claim("test", "value").await.unwrap(), Some(you));
    store.append(claim(you, ClaimAction::Release)).await;
    assert_eq!(store.log.find_claim("test", "value").await.unwrap(), None);
}

#[tokio::test]
async fn a_key_takes_effect_once_and_is_answered_the_same() {
    let store = Store::new().await;
    let a = task();
    let first = answered(one(a, 0), "key");
    let twin = answered(one(task(), 0), "key");
    let outcomes = store.append_all(vec![one(task(), 0), first.clone(), twin]).await;
    assert_eq!(outcomes[1], Ok(appended(2)));
    let Ok(Outcome::Replayed(replayed)) = &outcomes[2] else { panic!("{:?}", outcomes[2]) };
    assert_eq!(Some(&replayed.receipt), first.receipt.as_ref());
    assert_eq!((replayed.unit, replayed.position), (first.id, 2));
    let found = store.log.find_receipt("user:1", "key", Class::Day).await.unwrap();
    assert_eq!(found.as_ref(), Some(replayed.as_ref()));
    // A conflict behind a used key is a replay: the retry finds its aggregate moved by itself.
    assert_eq!(store.append(answered(one(a, 0), "key")).await, Outcome::Replayed(replayed.clone()));
    assert_eq!(store.append(first).await, appended(2), "the same unit, sent again");
    assert_eq!(store.log.head().await.unwrap(), 2);
    assert_eq!(store.log.find_receipt("user:2", "key", Class::Day).await.unwrap(), None);
    assert_eq!(store.log.find_receipt("user:1", "key", Class::Quarter).await.unwrap(), None);
}

#[tokio::test]
async fn a_receipt_is_in_force_for_its_class() {
    let store = Store::new().await;
    let mut owner = store.owner().await;
    for (class, days, table) in [(Class::Day, 1, "receipts_day"), (Class::Quarter, 90, "receipts_quarter")] {
        let mut first = one(task(), 0);
        first.receipt = Some(receipt("old", class));
        store.append(first).await;
        let sql = format!(
            "UPDATE event_store.{table} SET recorded_at = recorded_at - interval '{days} days' + interval '1 minute'"
        );
        sqlx::query(&sql).execute(&mut owner).await.unwrap();
        assert!(store.log.find_receipt("user:1", "old", class).await.unwrap().is_some());
        let sql = format!("UPDATE event_store.{table} SET recorded_at = recorded_at - interval '2 minutes'");
        sqlx::query(&sql).execute(&mut owner).await.unwrap();
        assert!(store.log.find_receipt("user:1", "old", class).await.unwrap().is_none());
    }
}

#[tokio::test]
async fn a_missing_partition_is_made_when_a_receipt_needs_it() {
    let store = Store::new().await;
    let drop = "DO $$ DECLARE t record; BEGIN FOR t IN SELECT inhrelid::regclass AS name FROM pg_inherits \
         WHERE inhparent = 'event_store.receipts_day'::regclass LOOP EXECUTE format('DROP TABLE %s', t.name); \
         END LOOP; END $$";
    sqlx::query(drop).execute(&mut store.owner().await).await.unwrap();
    assert_eq!(store.append(answered(one(task(), 0), "key")).await, appended(1));
    assert!(store.log.find_receipt("user:1", "key", Class::Day).await.unwrap().is_some());
}

#[tokio::test]
async fn expired_partitions_are_dropped() {
    let store = Store::new().await;
    let mut owner = store.owner().await;
    let old = "CREATE TABLE event_store.receipts_day_20200101 PARTITION OF event_store.receipts_day \
         FOR VALUES FROM ('2020-01-01') TO ('2020-01-02')";
    sqlx::query(old).execute(&mut owner).await.unwrap();
    sqlx::query("SELECT event_store.maintain_receipts()").execute(store.pool()).await.unwrap();
    let left: Option<String> =
        sqlx::query_scalar("SELECT to_regclass('event_store.receipts_day_20200101')::text")
            .fetch_one(&mut owner)
            .await
            .unwrap();
    assert_eq!(left, None);
}

#[tokio::test]
async fn of_two_snapshots_in_one_batch_the_later_stays() {
    let store = Store::new().await;
    let a = task();
    let with = |expected, state: &str| {
        let mut unit = one(a, expected);
        unit.streams[0].snapshot = Some(Snapshot { shape: 1, state: state.into() });
        unit
    };
    store.append_all(vec![one(task(), 0), with(0, "1"), with(1, "2"), with(1, "3")]).await;
    let kept: (i64, String) =
        sqlx::query_as("SELECT last_sequence, payload::text FROM event_store.snapshots")
            .fetch_one(store.pool())
            .await
            .unwrap();
    assert_eq!(kept, (2, "2".into()));
}

/// Two processes that each decide on what the other is about to change: never both.
#[tokio::test(flavor = "multi_thread")]
async fn guards_hold_between_processes() {
    let store = Store::new().await;
    let other = Appender::spawn(config(store.url()), CancellationToken::new());
    let (a, b) = (task(), task());
    let (mut left, mut right) = (0, 0);
    for round in 0..100 {
        let mine = guarded(one(a, left), b, right);
        let theirs = guarded(one(b, right), a, left);
        let (mine, theirs) = tokio::join!(store.appender.append(mine), other.append(theirs));
        match (mine.unwrap(), theirs.unwrap()) {
            (Outcome::Appended { .. }, Outcome::GuardFailed { aggregate }) if aggregate == a => left += 1,
            (Outcome::GuardFailed { aggregate }, Outcome::Appended { .. }) if aggregate == b => right += 1,
            both => panic!("round {round}: {both:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_and_a_key_have_one_winner_between_processes() {
    let store = Store::new().await;
    let other = Appender::spawn(config(store.url()), CancellationToken::new());
    for round in 0..50 {
        let key = round.to_string();
        let claim = |owner| claiming(one(task(), 0), &key, owner, ClaimAction::Take);
        let (mine, theirs) =
            tokio::join!(store.appender.append(claim(Uuid::now_v7())), other.append(claim(Uuid::now_v7())));
        let taken = [&mine, &theirs].map(|outcome| matches!(outcome, Ok(Outcome::Taken { .. })));
        assert!(taken[0] != taken[1], "{mine:?} {theirs:?}");
        let answered = || answered(one(task(), 0), &key);
        let (mine, theirs) = tokio::join!(store.appender.append(answered()), other.append(answered()));
        let replayed = [&mine, &theirs].map(|outcome| matches!(outcome, Ok(Outcome::Replayed(_))));
        assert!(replayed[0] != replayed[1], "{mine:?} {theirs:?}");
    }
    assert_eq!(store.log.head().await.unwrap(), 100);
}
