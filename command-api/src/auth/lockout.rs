//! Passwords that are tried: after five in a quarter of an hour none is looked at for a while, and for twice as long the
//! next time. Counted for every address, known or not, by one statement outside of everything else that a login does.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    ids::UserId,
    user::{Locked, LoginsFailed, User, UserCommand, values::Email},
};
use event_store::{Class, LogError};
use service::request::ClientInfo;
use sqlx::PgPool;

use super::Auth;
use crate::commands::{Caller, ReceiptKey, Refusal, Reply, UserUnit};

/// The scope of the addresses' HMACs.
const SCOPE: &str = "login";
/// At this many tries the person is told, at this many nobody may try for a while.
const TOLD_AT: i32 = 3;
const LOCKED_AT: i32 = 5;

/// Who tries to come in: an address, or what somebody takes for one.
#[derive(Clone, Debug)]
pub struct Address {
    /// The address, if it is one.
    pub email: Option<Email>,
    comparable: String,
}

impl Address {
    /// What was typed.
    pub fn read(text: &str) -> Self {
        let email = Email::parse(text).ok();
        let comparable = email.as_ref().map_or_else(|| text.trim().to_lowercase(), Email::comparable);
        Self { email, comparable }
    }
}

/// A try that has been counted, as if it had failed already.
#[derive(Clone, Copy, Debug, sqlx::FromRow)]
pub(super) struct Try {
    /// Tries in the window, this one included.
    count: i32,
    /// Since this try and for so long nobody may try again.
    locked_until: Option<DateTime<Utc>>,
    /// When the person was to be told, in this window.
    told_at: Option<DateTime<Utc>>,
}

/// Nobody may try for so long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wait(pub(super) TimeDelta);

impl Auth {
    /// Under which the tries of an address are counted.
    pub(super) fn tries_of(&self, address: &Address) -> String {
        self.0.commands.keyed_hash(SCOPE, &address.comparable)
    }

    /// Another password counts now: what was tried before holds nobody up any more.
    pub(super) async fn forget_tries(&self, user: &User) {
        let forgotten = async {
            let commands = &self.0.commands;
            let address = match &user.email {
                Some(email) => commands.unseal(email).await?,
                None => None,
            };
            if let Some(address) = address {
                let tries = self.tries_of(&Address::read(&address));
                forget(commands.log().pool(), &tries).await.map_err(LogError::from)?;
            }
            Ok::<_, Refusal>(())
        };
        if let Err(error) = forgotten.await {
            tracing::warn!(%error, "a pause after wrong passwords goes on although the password is another one");
        }
    }

    /// Puts on record what the person should know, after the answer: it must not tell by its time who is known here.
    pub(super) fn note_failure(&self, user: UserId, failed: Try, caller: Caller, client: ClientInfo) {
        if failed.told_at.is_none() && failed.locked_until.is_none() {
            return;
        }
        let auth = self.clone();
        self.0.shutdown.spawn(async move {
            if let Err(error) = auth.record_failure(user, failed, caller, &client).await {
                tracing::warn!(%error, "failed logins cannot be put on record");
            }
        });
    }

    async fn record_failure(
        &self,
        user: UserId,
        failed: Try,
        caller: Caller,
        client: &ClientInfo,
    ) -> Result<(), Refusal> {
        let client = self.0.commands.seal_client(user, client).await?;
        let tried_from = client.ip.clone();
        let caller = caller.of(client);
        if let Some(at) = failed.told_at {
            let failures = LoginsFailed { count: failed.count.unsigned_abs(), tried_from };
            self.record_once(user, UserCommand::RecordFailures(failures), at, &caller).await?;
        }
        if let Some(until) = failed.locked_until {
            let lock = UserCommand::RecordLock(Locked { until: until.into() });
            self.record_once(user, lock, until, &caller).await?;
        }
        Ok(())
    }

    /// Every try that finds it not done tries again, at the same time or later; the receipt makes it once.
    async fn record_once(
        &self,
        user: UserId,
        command: UserCommand,
        at: DateTime<Utc>,
        caller: &Caller,
    ) -> Result<(), Refusal> {
        let what = if matches!(command, UserCommand::RecordLock(_)) { "locked" } else { "logins_failed" };
        let key = ReceiptKey {
            principal: format!("user/{}", user.0),
            key: format!("{what} {}", at.timestamp_micros()),
            class: Class::Day,
            fingerprint: [0; 32],
        };
        let unit = UserUnit { key: Some(key), ..UserUnit::new(user, command) };
        self.0.commands.users(caller, &unit, |_| Reply::default()).await.map(drop)
    }
}

/// Counts a try, unless none is allowed now.
pub(super) async fn count(pool: &PgPool, address: &str) -> Result<Result<Try, Wait>, sqlx::Error> {
    const SQL: &str = "INSERT INTO event_store.login_tries AS known (address, tried_at, last_at) \
         VALUES ($1, ARRAY[now()], now()) \
         ON CONFLICT (address) DO UPDATE SET (tried_at, last_at, locks, locked_until, told_at) = ( \
             SELECT tries, now(), \
                    CASE WHEN cardinality(tries) >= $2 THEN locks + 1 ELSE locks END, \
                    CASE WHEN cardinality(tries) >= $2 \
                         THEN now() + least(interval '1 minute' * 2 ^ least(locks, 4), interval '15 minutes') END, \
                    CASE WHEN cardinality(tries) >= $3 AND told THEN now() ELSE known.told_at END \
               FROM (SELECT ARRAY(SELECT at FROM unnest(known.tried_at) AS at \
                                   WHERE at > now() - interval '15 minutes' \
                                     AND (known.locked_until IS NULL OR at > known.locked_until)) || now() AS tries, \
                            CASE WHEN known.last_at > now() - interval '1 day' THEN known.locks ELSE 0 END AS locks, \
                            coalesce(known.told_at <= now() - interval '15 minutes', true) AS told) AS today) \
           WHERE known.locked_until IS NULL OR known.locked_until <= now() \
         RETURNING cardinality(tried_at) AS count, locked_until, \
                   CASE WHEN cardinality(tried_at) >= $3 THEN told_at END AS told_at";
    let query = sqlx::query_as(SQL).bind(address).bind(LOCKED_AT).bind(TOLD_AT);
    match query.fetch_optional(pool).await? {
        Some(counted) => Ok(Ok(counted)),
        None => wait(pool, address).await.map(Err),
    }
}

async fn wait(pool: &PgPool, address: &str) -> Result<Wait, sqlx::Error> {
    const SQL: &str = "SELECT extract(epoch FROM locked_until - clock_timestamp())::float8 \
         FROM event_store.login_tries WHERE address = $1";
    let seconds: Option<f64> = sqlx::query_scalar(SQL).bind(address).fetch_optional(pool).await?.flatten();
    Ok(Wait(TimeDelta::milliseconds((seconds.unwrap_or_default() * 1000.0) as i64)))
}

/// The right password: whatever was tried before is forgotten.
pub(super) async fn forget(pool: &PgPool, address: &str) -> Result<(), sqlx::Error> {
    const SQL: &str = "DELETE FROM event_store.login_tries WHERE address = $1";
    sqlx::query(SQL).bind(address).execute(pool).await.map(drop)
}

/// Drops what counts no more: after a day without tries the next lock is a first one.
pub(crate) async fn forget_old_tries(pool: &PgPool) -> Result<(), sqlx::Error> {
    const SQL: &str = "DELETE FROM event_store.login_tries WHERE last_at < now() - interval '1 day'";
    sqlx::query(SQL).execute(pool).await.map(drop)
}
