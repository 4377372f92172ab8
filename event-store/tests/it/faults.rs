//! The connection dies at every point of an append, callers go away, Postgres is away.

use std::time::Duration;

use event_store::{AppendError, Appender, Outcome, Unit};
use sqlx::{Connection, PgConnection};
use tokio::{
    task::JoinSet,
    time::{Instant, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::{
    proxy::{Cut, Proxy},
    store::{self, PATIENCE, Store, answered, appended, one, stream, task, unit},
};

/// Holds the lock that every append needs.
async fn lock(store: &Store) -> PgConnection {
    let mut holder = store.owner().await;
    sqlx::query("BEGIN").execute(&mut holder).await.expect("a database");
    sqlx::query("SELECT 1 FROM event_store.log_head FOR UPDATE")
        .execute(&mut holder)
        .await
        .expect("a database");
    holder
}

/// Returns once this many appends wait for the lock.
async fn waiting(observer: &mut PgConnection, appends: i64) {
    const SQL: &str = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
         AND wait_event_type = 'Lock' AND query LIKE '%event_store.append%'";
    let deadline = Instant::now() + PATIENCE;
    loop {
        let found: i64 = sqlx::query_scalar(SQL).fetch_one(&mut *observer).await.expect("a database");
        if found >= appends {
            return;
        }
        assert!(Instant::now() < deadline, "{found} of {appends} appends wait");
    }
}

async fn kill_waiting(observer: &mut PgConnection) {
    const SQL: &str = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
         WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%event_store.append%'";
    let killed: i64 = sqlx::query_scalar(SQL).fetch_one(observer).await.expect("a database");
    assert_eq!(killed, 1);
}

#[tokio::test]
async fn a_backend_killed_while_it_waits_costs_nothing() {
    let store = Store::new().await;
    let mut observer = store.owner().await;
    let holder = lock(&store).await;
    let appender = store.appender.clone();
    let append = tokio::spawn(async move { appender.append(one(task(), 0)).await });
    waiting(&mut observer, 1).await;
    kill_waiting(&mut observer).await;
    waiting(&mut observer, 1).await;
    holder.close().await.unwrap();
    assert_eq!(append.await.unwrap(), Ok(appended(1)));
    assert_eq!(store.log.head().await.unwrap(), 1);
}

#[tokio::test]
async fn an_append_whose_client_was_cut_off_is_written_once() {
    // The first sending goes on waiting for the lock without its client and commits before the repetition.
    let store = Store::new().await;
    let mut observer = store.owner().await;
    let proxy = Proxy::to(store.url()).await;
    let appender = Appender::spawn(store::config(&proxy.url), CancellationToken::new());
    let a = task();
    assert_eq!(appender.append(one(a, 0)).await, Ok(appended(1)));
    let holder = lock(&store).await;
    let second = appender.clone();
    let append = tokio::spawn(async move {
        second.append(answered(unit(vec![stream(a, 1, 2), stream(task(), 0, 1)]), "key")).await
    });
    waiting(&mut observer, 1).await;
    proxy.cut_all();
    waiting(&mut observer, 2).await;
    holder.close().await.unwrap();
    assert_eq!(append.await.unwrap(), Ok(appended(4)));
    assert_eq!(store.log.head().await.unwrap(), 4);
}

#[tokio::test]
async fn two_batches_cut_off_at_once_are_written_once() {
    let store = Store::new().await;
    let mut observer = store.owner().await;
    let proxy = Proxy::to(store.url()).await;
    let appender = Appender::spawn(store::config(&proxy.url), CancellationToken::new());
    let mut appends = JoinSet::new();
    let mut append = |key: usize| {
        let appender = appender.clone();
        appends.spawn(async move { appender.append(answered(one(task(), 0), &key.to_string())).await });
    };
    let holder = lock(&store).await;
    append(0);
    waiting(&mut observer, 1).await;
    // So many do not wait for the first.
    (1..60).for_each(&mut append);
    waiting(&mut observer, 2).await;
    proxy.cut_all();
    // Both go on without their clients, and both are sent again.
    waiting(&mut observer, 4).await;
    holder.close().await.unwrap();
    let mut positions: Vec<_> = appends
        .join_all()
        .await
        .into_iter()
        .map(|outcome| match outcome {
            Ok(Outcome::Appended { position }) => position,
            other => panic!("{other:?}"),
        })
        .collect();
    positions.sort_unstable();
    assert_eq!(positions, (1..=60).collect::<Vec<_>>());
    assert_eq!(store.log.head().await.unwrap(), 60);
}

#[tokio::test]
async fn a_connection_cut_after_any_byte_costs_nothing() {
    let store = Store::new().await;
    let proxy = Proxy::to(store.url()).await;
    let a = task();
    let mut expected = 0;
    let mut append = async |cut: Option<Cut>| {
        proxy.cut_next(cut);
        let shutdown = CancellationToken::new();
        let appender = Appender::spawn(store::config(&proxy.url), shutdown.clone());
        let outcome = appender.append(answered(one(a, expected), &expected.to_string())).await;
        shutdown.cancel();
        appender.stopped().await;
        expected += 1;
        assert_eq!(outcome, Ok(appended(expected)), "{cut:?}");
    };
    append(None).await;
    let (up, down) = proxy.carried();
    for bytes in (0..up).step_by(usize::try_from(up / 40).unwrap()) {
        append(Some(Cut::ToServer(bytes))).await;
    }
    for bytes in (0..down).step_by(usize::try_from(down / 40).unwrap()) {
        append(Some(Cut::ToClient(bytes))).await;
    }
    let sequences: Vec<i64> = store.everything().await.into_iter().map(|(_, _, sequence)| sequence).collect();
    assert_eq!(sequences, (1..=expected).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_connection_that_falls_silent_is_given_up() {
    let store = Store::new().await;
    let proxy = Proxy::to(store.url()).await;
    let mut config = store::config(&proxy.url);
    // A quarter of it for each sending: the first one falls silent, three are left.
    config.deadline = Duration::from_secs(20);
    let appender = Appender::spawn(config, CancellationToken::new());
    let a = task();
    appender.append(one(a, 0)).await.unwrap();
    proxy.silence_all();
    assert_eq!(appender.append(one(a, 1)).await, Ok(appended(2)));
    assert_eq!(store.log.head().await.unwrap(), 2);
}

/// The outcome of a unit that is given to a hurried appender as often as need be.
async fn answered_at_last(store: &Store, unit: &Unit) -> Outcome {
    let answer = async {
        loop {
            if let Ok(outcome) = store.appender.append(unit.clone()).await {
                return outcome;
            }
        }
    };
    timeout(PATIENCE, answer).await.expect("answered")
}

#[tokio::test]
async fn past_the_deadline_the_outcome_is_unknown() {
    let store = Store::configured(|config| config.deadline = Duration::from_secs(2)).await;
    // With a connection at hand the unit is surely sent, however slow the machine.
    let nothing = unit(vec![]);
    answered_at_last(&store, &nothing).await;
    let holder = lock(&store).await;
    let outcome = store.appender.append(one(task(), 0)).await;
    assert_eq!(outcome, Err(AppendError::OutcomeUnknown));
    holder.close().await.unwrap();
    // Later work is not harmed, and what was sent four times is there at most once.
    let later = one(task(), 0);
    assert!(matches!(answered_at_last(&store, &later).await, Outcome::Appended { .. }));
    assert!(store.log.head().await.unwrap() <= 2);
}

#[tokio::test]
async fn without_a_log_nothing_is_written_and_callers_know() {
    let mut config = store::config("postgres://nobody@127.0.0.1:1/none");
    config.deadline = Duration::from_millis(100);
    let appender = Appender::spawn(config, CancellationToken::new());
    let outcome = appender.append(one(task(), 0)).await;
    assert!(matches!(outcome, Err(AppendError::Overloaded { .. })), "{outcome:?}");
}

#[tokio::test]
async fn what_does_not_fit_the_queue_is_refused_and_the_rest_finishes() {
    let store = Store::configured(|config| {
        config.queue_units = 2;
        config.batch_units = 1;
        config.enqueue_wait = Duration::from_millis(50);
        config.deadline = PATIENCE;
    })
    .await;
    let mut observer = store.owner().await;
    let holder = lock(&store).await;
    let mut appends = JoinSet::new();
    let mut append = || {
        let appender = store.appender.clone();
        appends.spawn(async move { appender.append(one(task(), 0)).await });
    };
    for under_way in [1, 2] {
        append();
        waiting(&mut observer, under_way).await;
    }
    // Of these one waits for the two to end, and two find a place in the queue.
    (0..13).for_each(|_| append());
    for _ in 0..10 {
        let refused = appends.join_next().await.unwrap().unwrap();
        assert!(matches!(refused, Err(AppendError::Overloaded { .. })), "{refused:?}");
    }
    holder.close().await.unwrap();
    let mut written = 0;
    while let Some(outcome) = appends.join_next().await {
        match outcome.unwrap() {
            Ok(Outcome::Appended { .. }) => written += 1,
            // The one that waits had not left the queue yet.
            other => assert!(matches!(other, Err(AppendError::Overloaded { .. })), "{other:?}"),
        }
    }
    assert!((4..=5).contains(&written), "{written}");
    assert_eq!(store.log.head().await.unwrap(), written);
}

#[tokio::test]
async fn a_caller_that_goes_away_does_not_cancel_its_append() {
    let store = Store::new().await;
    let mut observer = store.owner().await;
    let holder = lock(&store).await;
    for _ in 0..2 {
        let appender = store.appender.clone();
        let append = tokio::spawn(async move { appender.append(one(task(), 0)).await });
        waiting(&mut observer, 1).await;
        append.abort();
        assert!(append.await.unwrap_err().is_cancelled());
    }
    holder.close().await.unwrap();
    store.shutdown.cancel();
    store.appender.stopped().await;
    assert!(store.log.head().await.unwrap() >= 1);
}

#[tokio::test]
async fn shutdown_writes_what_was_taken_and_takes_no_more() {
    let store = Store::configured(|config| config.batch_units = 2).await;
    let mut observer = store.owner().await;
    let holder = lock(&store).await;
    let queued = store.append_all((0..5).map(|_| one(task(), 0)).collect());
    tokio::pin!(queued);
    assert!(futures_util::poll!(&mut queued).is_pending());
    waiting(&mut observer, 1).await;
    store.shutdown.cancel();
    let (outcomes, released) = tokio::join!(queued, holder.close());
    released.unwrap();
    // Two batches were under way: either may have been the first.
    for position in 1..=5 {
        assert!(outcomes.contains(&Ok(appended(position))), "{outcomes:?}");
    }
    store.appender.stopped().await;
    let late = store.appender.append(one(task(), 0)).await;
    assert!(matches!(late, Err(AppendError::Overloaded { .. })), "{late:?}");
}
