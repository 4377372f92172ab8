//! A pull that runs out of time in the middle of a batch.

use sqlx::{Connection, PgConnection};
use tokio::{
    task::yield_now,
    time::{self, Duration},
};
use uuid::Uuid;

use crate::{
    events::{Log, created, positions},
    world::{DEADLINE, Reply, World},
};

/// Of everything that asks for one task's events, and only that, makes a question that waits for a lock.
const HOLD: &str = "CREATE FUNCTION public.held(aggregate text) RETURNS boolean LANGUAGE plpgsql AS $$
    BEGIN
        IF aggregate = '{task}' AND current_query() LIKE '%aggregate_id = $%' THEN
            PERFORM pg_advisory_xact_lock_shared(1);
        END IF;
        RETURN true;
    END $$;
    ALTER TABLE event_store.events ENABLE ROW LEVEL SECURITY;
    CREATE POLICY held ON event_store.events USING (public.held(aggregate_id));
    SELECT pg_advisory_lock(1)";
const WAITING: &str = "SELECT count(*) FROM pg_locks JOIN pg_database ON oid = database \
    WHERE locktype = 'advisory' AND NOT granted AND datname = current_database()";

/// Who looks at this task waits until `connection` is closed.
async fn hold(connection: &mut PgConnection, task: Uuid) {
    sqlx::raw_sql(&HOLD.replace("{task}", &task.to_string())).execute(connection).await.unwrap();
}

/// Somebody looks at it; then twenty seconds go by at once.
async fn somebody_waits_for_long(world: &World) {
    let waits =
        async { while sqlx::query_scalar::<_, i64>(WAITING).fetch_one(&world.pool).await.unwrap() == 0 {} };
    time::timeout(DEADLINE, waits).await.expect("somebody waits");
    time::pause();
    time::advance(Duration::from_secs(20)).await;
    time::resume();
}

/// Who has not heard of revocations for twenty seconds lets nobody in until they have.
async fn answered(world: &World, token: &str, path: &str) -> Reply {
    let answered = async {
        loop {
            let reply = world.get(token, path).await;
            if reply.code() != "UNAVAILABLE" {
                return reply;
            }
            yield_now().await;
        }
    };
    time::timeout(DEADLINE, answered).await.expect("it is answered")
}

#[tokio::test]
async fn who_is_cut_off_in_the_middle_of_a_batch_goes_on_before_what_was_not_given() {
    let log = Log::new().await;
    let (first, second) = (Uuid::now_v7(), Uuid::now_v7());
    log.write(first, 0, &[created(log.ann, "team", "low")]).await;
    log.write(second, 0, &[created(log.ann, "team", "low")]).await;
    let mut connection = PgConnection::connect(log.world.url()).await.unwrap();
    hold(&mut connection, second).await;
    let token = log.member();
    let pull = log.world.get_with(&token, "/v1/events?after=0", &[("prefer", "wait=20")]);
    let (cut_off, ()) = tokio::join!(pull, somebody_waits_for_long(&log.world));
    drop(connection);
    assert_eq!(cut_off.status, 200, "{}", cut_off.body);
    let (mut seen, after) = (positions(&cut_off.body), &cut_off.body["after"]);
    assert!(!seen.contains(&2), "it was not cut off: {}", cut_off.body);
    let rest = answered(&log.world, &token, &format!("/v1/events?after={after}")).await;
    seen.extend(positions(&rest.body));
    assert_eq!(seen, [1, 2], "{} and then {}", cut_off.body, rest.body);
}
