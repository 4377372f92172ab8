//! Sessions: what a login opens, tokens name and a refresh keeps alive.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    ids::UserId,
    personal::Sealed,
    policy::{Role, RoleSet},
    user::User,
};
use service::auth::Revoked;
use sqlx::PgPool;
use uuid::Uuid;

use super::Auth;
use crate::commands::{Refusal, SealedClient};

/// A session as the database has it. Times are those of its clock.
#[derive(Debug, sqlx::FromRow)]
pub(super) struct Session {
    pub(super) id: Uuid,
    #[sqlx(rename = "user_id")]
    user: Uuid,
    /// When and how the person proved who they are.
    pub(super) auth_time: DateTime<Utc>,
    pub(super) methods: Vec<String>,
    /// Where it was last refreshed from, or opened.
    ip: String,
    user_agent: Option<String>,
    pub(super) created_at: DateTime<Utc>,
    pub(super) last_active_at: DateTime<Utc>,
    pub(super) epoch: i64,
    pub(super) ended_at: Option<DateTime<Utc>>,
    pub(super) token_hash: Option<Vec<u8>>,
    pub(super) next_hash: Option<Vec<u8>>,
    pub(super) next_token: Option<Vec<u8>>,
    pub(super) next_at: Option<DateTime<Utc>>,
    reused_from: Option<String>,
    /// The moment of reading.
    pub(super) now: DateTime<Utc>,
}

const COLUMNS: &str = "id, user_id, auth_time, methods, ip, user_agent, created_at, last_active_at, epoch, ended_at, \
     token_hash, next_hash, next_token, next_at, reused_from, clock_timestamp() AS now";

impl Session {
    pub(super) fn user(&self) -> UserId {
        UserId(self.user)
    }

    pub(super) fn ip(&self) -> Sealed {
        Sealed(self.ip.clone())
    }

    /// One that has no token yet.
    #[cfg(test)]
    pub(super) fn sample(now: DateTime<Utc>) -> Self {
        Self {
            id: Uuid::nil(),
            user: Uuid::nil(),
            auth_time: now,
            methods: Vec::new(),
            ip: String::new(),
            user_agent: None,
            created_at: now,
            last_active_at: now,
            epoch: 0,
            ended_at: None,
            token_hash: None,
            next_hash: None,
            next_token: None,
            next_at: None,
            reused_from: None,
            now,
        }
    }

    /// Where an old token came from, which has ended the session.
    pub(super) fn reused_from(&self) -> Option<Sealed> {
        self.reused_from.clone().map(Sealed)
    }
}

/// How long sessions live.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Without being used.
    pub(super) idle: TimeDelta,
    /// At all.
    pub(super) absolute: TimeDelta,
}

impl Limits {
    /// Shorter for those who can do or see the most.
    pub(super) fn of(roles: RoleSet) -> Self {
        if roles.has_any(RoleSet::of(&[Role::Admin, Role::Auditor])) {
            Self { idle: TimeDelta::hours(12), absolute: TimeDelta::days(7) }
        } else {
            Self { idle: TimeDelta::days(14), absolute: TimeDelta::days(90) }
        }
    }
}

/// A session as it begins.
pub(super) struct NewSession<'a> {
    pub(super) id: Uuid,
    pub(super) user: UserId,
    pub(super) auth_time: DateTime<Utc>,
    /// `amr`
    pub(super) methods: &'a [String],
    pub(super) client: &'a SealedClient,
    pub(super) epoch: i64,
    pub(super) token_hash: &'a [u8],
}

/// Opens it.
pub(super) async fn open(pool: &PgPool, session: &NewSession<'_>) -> Result<Session, sqlx::Error> {
    let sql = format!(
        "INSERT INTO event_store.sessions (id, user_id, auth_time, methods, ip, user_agent, epoch, token_hash) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING {COLUMNS}"
    );
    let query = sqlx::query_as(&sql).bind(session.id).bind(session.user.0).bind(session.auth_time);
    let query = query.bind(session.methods).bind(&session.client.ip.0);
    let query = query.bind(session.client.user_agent.as_ref().map(|sealed| &sealed.0));
    query.bind(session.epoch).bind(session.token_hash).fetch_one(pool).await
}

/// The session of that id, also when it has ended.
pub(super) async fn find(pool: &PgPool, id: Uuid) -> Result<Option<Session>, sqlx::Error> {
    let sql = format!("SELECT {COLUMNS} FROM event_store.sessions WHERE id = $1");
    sqlx::query_as(&sql).bind(id).fetch_optional(pool).await
}

/// So many of the live sessions of a user behind this one, the one used last first.
async fn live(
    pool: &PgPool,
    (user, state): (UserId, &User),
    after: Option<(DateTime<Utc>, Uuid)>,
    limit: i64,
) -> Result<Vec<Session>, sqlx::Error> {
    let sql = format!(
        "SELECT {COLUMNS} FROM event_store.sessions WHERE user_id = $1 AND ended_at IS NULL AND epoch = $2 \
           AND last_active_at > clock_timestamp() - make_interval(secs => $3) \
           AND created_at > clock_timestamp() - make_interval(secs => $4) \
           AND ($5::timestamptz IS NULL OR (last_active_at, id) < ($5, $6)) \
         ORDER BY last_active_at DESC, id DESC LIMIT $7"
    );
    let limits = Limits::of(state.effective_roles());
    let seconds = |span: TimeDelta| span.as_seconds_f64();
    let query = sqlx::query_as(&sql).bind(user.0).bind(state.session_epoch);
    let query = query.bind(seconds(limits.idle)).bind(seconds(limits.absolute));
    let (active, id) = after.unzip();
    query.bind(active).bind(id).bind(limit).fetch_all(pool).await
}

/// Which sessions of a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// This one.
    One(Uuid),
    /// All but this one.
    Others(Uuid),
    /// All.
    All,
}

/// A session for the person whose it is.
#[derive(Clone, Debug)]
pub struct SessionView {
    /// Its id.
    pub id: Uuid,
    /// Where it was last refreshed from, or opened; nothing if the person is erased.
    pub ip: Option<String>,
    /// What the client called itself then.
    pub user_agent: Option<String>,
    /// When it was opened.
    pub created_at: DateTime<Utc>,
    /// When it was last refreshed.
    pub last_active_at: DateTime<Utc>,
}

/// Sessions could not be read or ended.
#[derive(Debug, thiserror::Error)]
pub enum SessionsError {
    /// Not a session of this user.
    #[error("no such session")]
    NotFound,
    /// The log or the sealer did not answer.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The database did not answer.
    #[error("sessions cannot be read")]
    Database(#[from] sqlx::Error),
}

impl Auth {
    /// So many of the user's live sessions behind the one that was last active then, the one used last first.
    pub async fn sessions(
        &self,
        user: UserId,
        after: Option<(DateTime<Utc>, Uuid)>,
        limit: i64,
    ) -> Result<Vec<SessionView>, SessionsError> {
        let commands = &self.0.commands;
        let state = commands.load_user(user).await?;
        let mut views = Vec::new();
        for session in live(commands.log().pool(), (user, &state), after, limit).await? {
            let ip = commands.unseal(&session.ip()).await?;
            let user_agent = match session.user_agent {
                Some(text) => commands.unseal(&Sealed(text)).await?,
                None => None,
            };
            let Session { id, created_at, last_active_at, .. } = session;
            views.push(SessionView { id, ip, user_agent, created_at, last_active_at });
        }
        Ok(views)
    }

    /// Ends sessions of this user; one that has ended already stays as it is.
    pub async fn end_sessions(&self, user: UserId, which: Which) -> Result<(), SessionsError> {
        const SQL: &str = "UPDATE event_store.sessions SET ended_at = clock_timestamp() \
             WHERE user_id = $1 AND ended_at IS NULL AND ($2::uuid IS NULL OR id = $2) AND id IS DISTINCT FROM $3::uuid \
             RETURNING id";
        let pool = self.0.commands.log().pool();
        let (only, except) = match which {
            Which::One(id) => (Some(id), None),
            Which::Others(id) => (None, Some(id)),
            Which::All => (None, None),
        };
        if let Some(id) = only
            && find(pool, id).await?.is_none_or(|session| session.user() != user)
        {
            return Err(SessionsError::NotFound);
        }
        let query = sqlx::query_scalar(SQL).bind(user.0).bind(only).bind(except);
        let ended: Vec<Uuid> = query.fetch_all(pool).await?;
        self.0.commands.revocations().announce(ended.into_iter().map(Revoked::Session));
        Ok(())
    }
}

/// Notes that the person has proved anew who they are; none if the session is over or somebody else's.
pub(super) async fn prove_anew(
    pool: &PgPool,
    id: Uuid,
    user: UserId,
    epoch: i64,
    methods: &[String],
) -> Result<Option<Session>, sqlx::Error> {
    let sql = format!(
        "UPDATE event_store.sessions SET auth_time = clock_timestamp(), methods = $4 \
         WHERE id = $1 AND user_id = $2 AND epoch = $3 AND ended_at IS NULL RETURNING {COLUMNS}"
    );
    sqlx::query_as(&sql).bind(id).bind(user.0).bind(epoch).bind(methods).fetch_optional(pool).await
}

/// Takes a session over into the epoch that an event of its own user has begun, from the one just before.
pub(super) async fn carry_over(pool: &PgPool, id: Uuid, epoch: i64) -> Result<(), sqlx::Error> {
    const SQL: &str = "UPDATE event_store.sessions SET epoch = $2 WHERE id = $1 AND epoch = $2 - 1";
    sqlx::query(SQL).bind(id).bind(epoch).execute(pool).await.map(drop)
}

/// Drops the rows of sessions that are over for everybody: none lives for more than 90 days.
pub(crate) async fn forget_old(pool: &PgPool) -> Result<(), sqlx::Error> {
    const SQL: &str = "DELETE FROM event_store.sessions WHERE created_at < now() - interval '91 days'";
    sqlx::query(SQL).execute(pool).await.map(drop)
}
