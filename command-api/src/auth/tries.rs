//! Guesses at second factors: five, then none for fifteen minutes. Counted by the account, before they are judged, in a
//! statement of their own, so that neither a restart nor another replica nor a lost request gives one more.

use chrono::TimeDelta;
use domain::ids::UserId;
use sqlx::PgPool;

/// Wrong guesses until no more are judged.
const MAX_TRIES: i32 = 5;
/// How long none are judged then, and how long wrong ones are remembered.
const BLOCKED: TimeDelta = TimeDelta::minutes(15);

/// How an attempt to guess begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Try {
    /// Go on.
    Counted,
    /// Not now, but after so many seconds.
    Blocked(u64),
}

/// Counts a try of this user.
pub(super) async fn take(pool: &PgPool, user: UserId) -> Result<Try, sqlx::Error> {
    const TAKE: &str = "INSERT INTO event_store.second_step_tries AS known VALUES ($1, 1, clock_timestamp()) \
         ON CONFLICT (user_id) DO UPDATE SET last_at = clock_timestamp(), \
             tries = CASE WHEN known.last_at > clock_timestamp() - make_interval(secs => $2) \
                 THEN known.tries + 1 ELSE 1 END \
         WHERE known.tries < $3 OR known.last_at <= clock_timestamp() - make_interval(secs => $2)";
    const LEFT: &str = "SELECT extract(epoch FROM last_at - clock_timestamp())::float8 + $2 \
         FROM event_store.second_step_tries WHERE user_id = $1";
    let blocked = BLOCKED.as_seconds_f64();
    let taken = sqlx::query(TAKE).bind(user.0).bind(blocked).bind(MAX_TRIES).execute(pool).await?;
    if taken.rows_affected() == 1 {
        return Ok(Try::Counted);
    }
    let left: Option<f64> = sqlx::query_scalar(LEFT).bind(user.0).bind(blocked).fetch_optional(pool).await?;
    Ok(Try::Blocked(left.unwrap_or_default().ceil().max(1.0) as u64))
}

/// The user was right: wrong guesses of before do not count.
pub(super) async fn clear(pool: &PgPool, user: UserId) -> Result<(), sqlx::Error> {
    const SQL: &str = "DELETE FROM event_store.second_step_tries WHERE user_id = $1";
    sqlx::query(SQL).bind(user.0).execute(pool).await.map(drop)
}
