//! When keys change, and how.

use chacha20poly1305::XChaCha20Poly1305;
use chrono::{DateTime, TimeDelta, Utc};
use event_store::in_transaction;
use service::audit::{By, Row, Target};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use super::{
    SigningKeysError,
    rows::{self, Row as Key},
};
use crate::audit;

/// How long a key signs.
const LIFETIME: TimeDelta = TimeDelta::days(30);
/// How long before that it is made: published for a day, and every replica has an hour to notice.
const AHEAD: TimeDelta = TimeDelta::hours(25);
/// How long a key is published after it signed last: a token lives ten minutes.
const AFTERWARDS: TimeDelta = TimeDelta::hours(1);
/// A key that takes over in an emergency waits until the other replicas have read of it, and until a verifier that asked
/// one of them too early asks again, which it does after five seconds.
const EMERGENCY: TimeDelta = TimeDelta::seconds(8);
/// Actions of the audit log.
const ROTATE: &str = "keys.rotate";
const ADVANCE_KEY: &str = "keys.advance";
const DROP_KEY: &str = "keys.drop";
/// Two processes that come at once make one key.
const LOCK: &str = "SELECT pg_advisory_xact_lock(hashtext('event_store.signing_keys'))";

/// The key that signs at this time.
pub(super) fn current(rows: &[Key], now: DateTime<Utc>) -> Option<&Key> {
    rows.iter().rfind(|row| row.use_from <= now)
}

/// From when on the key is to sign that is to be made now; none if none is to be made.
pub(super) fn next_use(rows: &[Key], now: DateTime<Utc>) -> Option<Use> {
    let Some(last) = rows.last() else { return Some(Use::AtOnce) };
    let over = last.use_from.max(last.created_at) + LIFETIME;
    (over - AHEAD <= now).then(|| Use::From(over.max(now + AHEAD)))
}

/// When a new key is to sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// There was none before.
    AtOnce,
    From(DateTime<Utc>),
}

impl Use {
    fn time(self) -> Option<DateTime<Utc>> {
        match self {
            Self::AtOnce => None,
            Self::From(time) => Some(time),
        }
    }
}

/// Makes the next key if it is time.
pub(super) async fn rotate(
    pool: &PgPool,
    wrapping: &XChaCha20Poly1305,
    now: DateTime<Utc>,
) -> Result<(), SigningKeysError> {
    change(pool, wrapping, now, By::System, move |rows| next_use(rows, now)).await
}

/// Makes the next key although it is not time, unless it is there.
pub(super) async fn rotate_early(
    pool: &PgPool,
    wrapping: &XChaCha20Poly1305,
    now: DateTime<Utc>,
) -> Result<(), SigningKeysError> {
    let early = move |rows: &[Key]| {
        let there = rows.last().is_some_and(|last| last.use_from > now);
        (!there).then_some(Use::From(now + AHEAD))
    };
    change(pool, wrapping, now, By::Operator, early).await
}

async fn change(
    pool: &PgPool,
    wrapping: &XChaCha20Poly1305,
    now: DateTime<Utc>,
    by: By,
    next: impl FnOnce(&[Key]) -> Option<Use> + Send + 'static,
) -> Result<(), SigningKeysError> {
    in_transaction(pool, {
        let wrapping = wrapping.clone();
        move |connection| {
            Box::pin(async move {
                sqlx::query(LOCK).execute(&mut *connection).await?;
                let published = rows::published(&mut *connection, now).await?;
                if let Some(next) = next(&published) {
                    let kid = rows::make(connection, &wrapping, now, next.time()).await?;
                    note(connection, by, &[(ROTATE, kid)]).await?;
                }
                Ok(retire(connection, now).await?)
            })
        }
    })
    .await
}

/// Drops a key that is published; one that was to come signs instead, else a new one. Is there such a key?
pub(super) async fn drop_key(
    pool: &PgPool,
    wrapping: &XChaCha20Poly1305,
    kid: &str,
    now: DateTime<Utc>,
) -> Result<bool, SigningKeysError> {
    const DROP: &str = "UPDATE event_store.signing_keys SET dropped_at = $2, private_key = '' \
         WHERE kid = $1 AND dropped_at IS NULL";
    const ADVANCE: &str = "UPDATE event_store.signing_keys SET use_from = $2 WHERE kid = $1";
    let (wrapping, kid) = (wrapping.clone(), kid.to_owned());
    in_transaction(pool, move |connection| {
        Box::pin(async move {
            sqlx::query(LOCK).execute(&mut *connection).await?;
            let known =
                sqlx::query(DROP).bind(&kid).bind(now).execute(&mut *connection).await?.rows_affected() > 0;
            retire(connection, now).await?;
            let left = rows::published(&mut *connection, now).await?;
            let soon = now + EMERGENCY;
            let mut done = vec![(DROP_KEY, kid)];
            match (current(&left, now), left.first()) {
                (Some(_), _) => {}
                (None, Some(next)) => {
                    done.push((ADVANCE_KEY, next.kid.clone()));
                    sqlx::query(ADVANCE)
                        .bind(&next.kid)
                        .bind(soon.min(next.use_from))
                        .execute(&mut *connection)
                        .await?;
                }
                (None, None) => {
                    done.push((ROTATE, rows::make(connection, &wrapping, now, Some(soon)).await?));
                }
            }
            retire(connection, now).await?;
            if known {
                note(connection, By::Operator, &done).await?;
            }
            Ok(known)
        })
    })
    .await
}

/// Puts on record what has become of keys: the operator's acts and the system's are no requests.
async fn note(connection: &mut PgConnection, by: By, done: &[(&str, String)]) -> Result<(), sqlx::Error> {
    let correlation = Uuid::now_v7();
    let row =
        |(action, kid): &(&str, String)| Row::done(by, action, Target::new("signing_key", kid), correlation);
    audit::write(connection, &done.iter().map(row).collect::<Vec<_>>()).await
}

/// Each key is over some time after the next one signs; what has long been over goes.
async fn retire(connection: &mut PgConnection, now: DateTime<Utc>) -> Result<(), sqlx::Error> {
    const RETIRE: &str = "UPDATE event_store.signing_keys k SET retired_at = published.until FROM ( \
           SELECT kid, lead(use_from) OVER (ORDER BY use_from, kid) + make_interval(secs => $2) AS until \
             FROM event_store.signing_keys \
            WHERE dropped_at IS NULL AND (retired_at IS NULL OR retired_at > $1)) AS published \
         WHERE published.kid = k.kid AND k.retired_at IS DISTINCT FROM published.until";
    const FORGET: &str = "DELETE FROM event_store.signing_keys \
         WHERE retired_at < $1 - interval '7 days' OR dropped_at < $1 - interval '7 days'";
    sqlx::query(RETIRE).bind(now).bind(AFTERWARDS.as_seconds_f64()).execute(&mut *connection).await?;
    sqlx::query(FORGET).bind(now).execute(connection).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(created_at: DateTime<Utc>, use_from: DateTime<Utc>) -> Key {
        let (kid, public_key, private_key) = (String::new(), Vec::new(), Vec::new());
        Key { kid, public_key, private_key, created_at, use_from, retired_at: None }
    }

    fn day(day: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::days(20_000 + day)
    }

    #[test]
    fn the_next_key_is_made_a_day_before_its_month() {
        let second = TimeDelta::seconds(1);
        assert_eq!(next_use(&[], day(0)), Some(Use::AtOnce));
        // The first key signs from ever; its month begins when it was made.
        for first in [key(day(0), DateTime::UNIX_EPOCH), key(day(-1), day(0))] {
            let (rows, due) = ([first], day(30) - AHEAD);
            assert_eq!(next_use(&rows, due - second), None);
            assert_eq!(next_use(&rows, due), Some(Use::From(day(30))));
            assert!(day(30) - due >= TimeDelta::hours(24));
            // Nobody was there in time: it is published as long all the same.
            assert_eq!(next_use(&rows, day(90)), Some(Use::From(day(90) + AHEAD)));
        }
    }

    #[test]
    fn one_key_signs_at_a_time() {
        let rows = [key(day(0), DateTime::UNIX_EPOCH), key(day(29), day(30))];
        assert_eq!(next_use(&rows, day(29)), None, "the next one is there");
        assert_eq!(next_use(&rows, day(60) - AHEAD), Some(Use::From(day(60))));
        let signs = |now| current(&rows, now).map(|row| row.use_from);
        assert_eq!(signs(day(29)), Some(DateTime::UNIX_EPOCH));
        assert_eq!(signs(day(30)), Some(day(30)));
        assert!(current(&rows[1..], day(29)).is_none());
    }
}
