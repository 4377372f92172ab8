//! Taking what is due.

use sqlx::PgPool;
use uuid::Uuid;

use super::{AfterLast, Channel, Job, pace::Room};

/// A row is due when its time has come and nobody tries it. Of an order key only the first unfinished row is; of a recipient
/// only so many as may fly at once. The first ones are found in one pass over an index: asking of each row whether another is
/// before it takes forty milliseconds for two thousand that wait. Whatever died in its last attempt is left to [`GIVE_UP`]. The
/// attempt is written down in the same statement, its outcome unknown.
const CLAIM: &str = "
WITH flying AS (
    SELECT recipient, count(*) AS flights FROM deliveries
    WHERE channel = $1 AND lease_until >= clock_timestamp() GROUP BY recipient
), first AS (
    SELECT DISTINCT ON (order_key) id FROM deliveries
    WHERE channel = $1 AND state IN ('pending', 'failed') AND order_key IS NOT NULL
    ORDER BY order_key, position, id
), due AS (
    SELECT d.id, d.recipient, d.due_at, d.position, d.next_trigger FROM deliveries AS d
    WHERE d.channel = $1 AND d.state IN ('pending', 'failed') AND d.due_at <= clock_timestamp()
        AND (d.lease_until IS NULL OR d.lease_until < clock_timestamp() AND d.step < $8)
        AND d.recipient NOT IN (
            SELECT recipient FROM flying WHERE flights >= CASE WHEN recipient = ANY($6) THEN 1 ELSE $5 END
        )
        AND ($7 > 0 OR d.recipient <> ALL($6))
        AND (d.order_key IS NULL OR d.id IN (SELECT id FROM first))
    ORDER BY d.due_at, d.position, d.id LIMIT $2 FOR UPDATE OF d SKIP LOCKED
), ranked AS (
    SELECT due.*, recipient = ANY($6) AS slow, coalesce(flights, 0)
        + row_number() OVER (PARTITION BY recipient ORDER BY due_at, position, id) AS flights
    FROM due LEFT JOIN flying USING (recipient)
), fair AS (
    SELECT id, next_trigger, slow, row_number() OVER (PARTITION BY slow ORDER BY due_at, position, id) AS place
    FROM ranked WHERE flights <= CASE WHEN slow THEN 1 ELSE $5 END
), claimed AS (
    UPDATE deliveries AS d SET lease_owner = $3, lease_until = clock_timestamp() + make_interval(secs => $4),
        attempts = d.attempts + 1, step = d.step + 1, next_trigger = 'scheduled'
    FROM fair WHERE d.id = fair.id AND (NOT slow OR place <= $7)
    RETURNING d.id, d.event_id, d.position, d.recipient, d.payload, d.attempts AS attempt, d.step,
        fair.next_trigger AS trigger
), noted AS (
    INSERT INTO attempts (delivery_id, number, trigger) SELECT id, attempt, trigger FROM claimed
)
SELECT id, event_id, position, recipient, payload, attempt, step FROM claimed ORDER BY position, id";

/// Claims up to so many deliveries for this worker.
pub(super) async fn claim(
    pool: &PgPool,
    channel: &dyn Channel,
    owner: Uuid,
    room: &Room,
) -> sqlx::Result<Vec<Job>> {
    let count = |room| i64::try_from(room).unwrap_or(i64::MAX);
    let settings = channel.settings();
    sqlx::query_as(CLAIM)
        .bind(channel.name())
        .bind(count(room.attempts))
        .bind(owner)
        .bind(settings.lease.as_secs_f64())
        .bind(i64::from(settings.per_recipient))
        .bind(&room.slow)
        .bind(count(room.for_slow))
        .bind(settings.schedule.attempts())
        .fetch_all(pool)
        .await
}

const GIVE_UP: &str = "
UPDATE deliveries SET state = CASE WHEN $3 THEN 'failed' ELSE 'exhausted' END,
    due_at = CASE WHEN $3 THEN 'infinity' ELSE due_at END, end_time = CASE WHEN NOT $3 THEN clock_timestamp() END,
    lease_owner = NULL, lease_until = NULL, reason = 'the last attempt was not seen through'
WHERE channel = $1 AND state IN ('pending', 'failed') AND lease_until < clock_timestamp() AND step >= $2";

/// What no process has survived so often is not tried for ever.
pub(super) async fn give_up(pool: &PgPool, channel: &dyn Channel) -> sqlx::Result<()> {
    let attempts = channel.settings().schedule.attempts();
    let waits = channel.after_last() == AfterLast::Wait;
    sqlx::query(GIVE_UP).bind(channel.name()).bind(attempts).bind(waits).execute(pool).await.map(drop)
}

const SUPERSEDE: &str = "
WITH older AS (
    SELECT d.id FROM deliveries AS d
    WHERE d.channel = $1 AND d.state IN ('pending', 'failed') AND d.order_key IS NOT NULL
        AND (d.lease_until IS NULL OR d.lease_until < clock_timestamp())
        AND EXISTS (
            SELECT FROM deliveries AS e
            WHERE e.channel = d.channel AND e.order_key = d.order_key AND e.state IN ('pending', 'failed')
                AND (e.position, e.id) > (d.position, d.id)
        )
    FOR UPDATE OF d SKIP LOCKED
)
UPDATE deliveries AS d SET state = 'superseded', end_time = clock_timestamp(), lease_owner = NULL, lease_until = NULL,
    reason = 'a newer one takes its place'
FROM older WHERE d.id = older.id";

/// Of one order key the newest takes the place of all that nobody tries at this moment.
pub(super) async fn supersede(pool: &PgPool, channel: &dyn Channel) -> sqlx::Result<()> {
    sqlx::query(SUPERSEDE).bind(channel.name()).execute(pool).await.map(drop)
}
