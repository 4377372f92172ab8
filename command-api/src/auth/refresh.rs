//! Refreshing: each refresh token is good until its successor is first used.
//!
//! A reply can be lost, and a page can send its request twice. So a token may be presented again: within ten seconds it
//! gets the same successor, later a fresh one in place of the unused one. A token whose successor has been used is in two
//! hands: the session ends. [`judge`] decides on the row as read; writing compares the row with what was read.

use chrono::{DateTime, TimeDelta, Utc};
use domain::user::{RefreshTokenReused, UserCommand};
use event_store::Class;
use service::{auth::Revoked, request::ClientInfo};
use sqlx::PgPool;
use uuid::Uuid;

use super::{
    Auth,
    admission::{Admission, AdmissionError},
    refresh_token::RefreshToken,
    sessions::{self, Limits, Session},
};
use crate::commands::{Caller, ReceiptKey, Refusal, Reply, SealedClient, UserUnit};

/// How long a token that is presented again gets the same successor.
const GRACE: TimeDelta = TimeDelta::seconds(10);
/// How often a token is judged while others move its session.
const ATTEMPTS: u32 = 10;

/// Why a refresh token gives nothing.
#[derive(Debug, thiserror::Error)]
pub enum RefreshError {
    /// Not a token of a live session.
    #[error("not the refresh token of a live session")]
    Invalid,
    /// Its successor has been used: the session has ended.
    #[error("the refresh token was used twice")]
    Reused,
    /// The log or the sealer did not answer.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The database did not answer.
    #[error("sessions cannot be read")]
    Database(#[from] sqlx::Error),
    /// No access token.
    #[error(transparent)]
    Admission(#[from] AdmissionError),
}

/// What a token that was presented is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// Gets a new successor.
    Renew,
    /// Gets the successor that is there already.
    Repeat,
    /// Out of turn: the session is to end.
    Reuse,
    /// The session has ended.
    Over,
}

fn judge(session: &Session, presented: &[u8], limits: Limits) -> Verdict {
    let age = |since: DateTime<Utc>| session.now - since;
    let is = |hash: &Option<Vec<u8>>| hash.as_deref() == Some(presented);
    let expired = age(session.last_active_at) >= limits.idle || age(session.created_at) >= limits.absolute;
    if session.ended_at.is_some() || expired {
        Verdict::Over
    } else if is(&session.token_hash) {
        let recent = session.next_at.is_some_and(|since| age(since) < GRACE);
        if recent { Verdict::Repeat } else { Verdict::Renew }
    } else if is(&session.next_hash) {
        Verdict::Renew
    } else {
        Verdict::Reuse
    }
}

impl Auth {
    /// The session that a refresh token is or was one of.
    pub fn session_of(&self, presented: &str) -> Option<Uuid> {
        self.0.refresh_tokens.read(presented).map(|token| token.session)
    }

    /// Gives new tokens for a refresh token.
    pub async fn refresh(
        &self,
        presented: &str,
        caller: Caller,
        client: &ClientInfo,
    ) -> Result<Admission, RefreshError> {
        let pool = self.0.commands.log().pool();
        let token = self.0.refresh_tokens.read(presented).ok_or(RefreshError::Invalid)?;
        for _ in 0..ATTEMPTS {
            let session = sessions::find(pool, token.session).await?.ok_or(RefreshError::Invalid)?;
            let user = self.0.commands.load_user(session.user()).await?;
            if !user.is_active() || user.session_epoch != session.epoch {
                return Err(RefreshError::Invalid);
            }
            let client = self.0.commands.seal_client(session.user(), client).await?;
            let next = match judge(&session, &token.hash(), Limits::of(user.effective_roles())) {
                Verdict::Renew => renew(pool, &session, &token, &client).await?,
                Verdict::Repeat => session.next_token.as_deref().and_then(|sealed| token.open(sealed)),
                Verdict::Reuse => {
                    end(pool, &session, &client).await?;
                    self.0.commands.revocations().announce([Revoked::Session(session.id)]);
                    None
                }
                Verdict::Over if session.reused_from().is_some() => {
                    self.record_reuse(&session, caller.of(client)).await?;
                    return Err(RefreshError::Reused);
                }
                Verdict::Over => return Err(RefreshError::Invalid),
            };
            if let Some(next) = next {
                return Ok(self.admit(&session, &user, &next).await?);
            }
        }
        Err(Refusal::Moving.into())
    }

    /// Once for each session, however many replicas see it, and by the next one who comes if this one dies before.
    async fn record_reuse(&self, session: &Session, caller: Caller) -> Result<(), Refusal> {
        let Some(reused_from) = session.reused_from() else { return Ok(()) };
        let reuse = RefreshTokenReused { session: session.id, used_from: session.ip(), reused_from };
        let key = ReceiptKey {
            principal: format!("session/{}", session.id),
            key: "refresh_token_reused".to_owned(),
            class: Class::Quarter,
            fingerprint: [0; 32],
        };
        let unit =
            UserUnit { key: Some(key), ..UserUnit::new(session.user(), UserCommand::RecordReuse(reuse)) };
        let caller = Caller { session: Some(session.id), ..caller };
        self.0.commands.users(&caller, &unit, |_| Reply::default()).await.map(drop)
    }
}

/// The presented token becomes the current one and gets a successor; none if the session has moved since it was read.
async fn renew(
    pool: &PgPool,
    read: &Session,
    presented: &RefreshToken,
    client: &SealedClient,
) -> Result<Option<RefreshToken>, sqlx::Error> {
    const SQL: &str = "UPDATE event_store.sessions SET token_hash = $4, next_hash = $5, next_token = $6, \
           next_at = clock_timestamp(), last_active_at = clock_timestamp(), ip = $7, user_agent = $8 \
         WHERE id = $1 AND token_hash = $2 AND next_hash IS NOT DISTINCT FROM $3 AND ended_at IS NULL";
    let next = RefreshToken::generate(read.id);
    let query = sqlx::query(SQL).bind(read.id).bind(&read.token_hash).bind(&read.next_hash);
    let query = query.bind(presented.hash()).bind(next.hash()).bind(presented.seal(&next));
    let query = query.bind(&client.ip.0).bind(client.user_agent.as_ref().map(|sealed| &sealed.0));
    let moved = query.execute(pool).await?.rows_affected() == 0;
    Ok((!moved).then_some(next))
}

/// A token that is out of turn stays so, however the session has moved since it was read.
async fn end(pool: &PgPool, read: &Session, client: &SealedClient) -> Result<(), sqlx::Error> {
    const SQL: &str = "UPDATE event_store.sessions SET ended_at = clock_timestamp(), reused_from = $2 \
         WHERE id = $1 AND ended_at IS NULL";
    sqlx::query(SQL).bind(read.id).bind(&client.ip.0).execute(pool).await.map(drop)
}

#[cfg(test)]
mod tests {
    use domain::policy::{Role, RoleSet};

    use super::*;

    const CURRENT: &[u8] = b"current";
    const NEXT: &[u8] = b"next";

    /// Refreshed so long ago, the whole session being so old.
    fn session(refreshed: TimeDelta, opened: TimeDelta) -> Session {
        let now = DateTime::UNIX_EPOCH + TimeDelta::days(20_000);
        let mut session = Session::sample(now);
        session.token_hash = Some(CURRENT.to_vec());
        session.next_hash = Some(NEXT.to_vec());
        session.next_at = Some(now - refreshed);
        session.last_active_at = now - refreshed;
        session.created_at = now - opened;
        session
    }

    fn judged(session: &Session, presented: &[u8]) -> Verdict {
        judge(session, presented, Limits::of(RoleSet::of(&[Role::Member])))
    }

    #[test]
    fn ten_seconds_are_for_lost_replies() {
        let at = |millis| session(TimeDelta::milliseconds(millis), TimeDelta::days(1));
        assert_eq!(judged(&at(9_999), CURRENT), Verdict::Repeat);
        assert_eq!(judged(&at(10_000), CURRENT), Verdict::Renew);
        for millis in [0, 9_999, 10_000] {
            assert_eq!(judged(&at(millis), NEXT), Verdict::Renew);
            assert_eq!(judged(&at(millis), b"older"), Verdict::Reuse);
        }
        let mut unused = at(0);
        (unused.next_hash, unused.next_at) = (None, None);
        assert_eq!(judged(&unused, CURRENT), Verdict::Renew);
        assert_eq!(judged(&unused, NEXT), Verdict::Reuse);
    }

    #[test]
    fn sessions_are_over_to_the_second() {
        let (second, idle, absolute) = (TimeDelta::seconds(1), TimeDelta::days(14), TimeDelta::days(90));
        for token in [CURRENT, NEXT, b"older"] {
            let over = |refreshed, opened| judged(&session(refreshed, opened), token) == Verdict::Over;
            assert!(!over(idle - second, idle) && over(idle, idle));
            assert!(!over(second, absolute - second) && over(second, absolute));
            let mut ended = session(second, idle);
            ended.ended_at = Some(DateTime::UNIX_EPOCH);
            assert_eq!(judged(&ended, token), Verdict::Over);
        }
    }
}
