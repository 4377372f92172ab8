//! API keys as the database knows them: their hashes, and what people know them by.

use chrono::{DateTime, Utc};
use domain::{
    ids::UserId,
    personal::Sealed,
    policy::ScopeSet,
    user::{
        ApiKeyCreated, UserCommand,
        values::{PersonName, RatePerMinute},
    },
};
use service::auth::{Holder, NewApiKey, Revoked};
use sqlx::PgPool;
use uuid::Uuid;

use super::Auth;
use crate::commands::{Commands, Refusal};

/// A key that somebody wants.
#[derive(Debug)]
pub struct WantedKey {
    /// Whose it is to be.
    pub user: UserId,
    /// What one calls it.
    pub name: PersonName,
    /// What it is for.
    pub scopes: ScopeSet,
    /// Until when it is to be good.
    pub expires_at: DateTime<Utc>,
    /// How often it may ask, if not as often as anybody.
    pub rate_per_minute: Option<RatePerMinute>,
}

/// A key for those who manage it.
#[derive(Clone, Debug)]
pub struct ApiKeyView {
    /// Its id.
    pub id: Uuid,
    /// What its user calls it; nothing if the person is erased.
    pub name: Option<String>,
    /// The end of the key.
    pub last_characters: String,
    /// What it is for.
    pub scopes: Vec<String>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// Until when it is good.
    pub expires_at: DateTime<Utc>,
    /// How many reads, and how many writes, a minute, if not as many as anybody.
    pub rate_per_minute: Option<i32>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<DateTime<Utc>>,
}

#[derive(Debug, sqlx::FromRow)]
struct Row {
    id: Uuid,
    name: String,
    last_characters: String,
    scopes: Vec<String>,
    created_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
    rate_per_minute: Option<i32>,
    last_used_at: Option<DateTime<Utc>>,
}

/// API keys cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum ApiKeysError {
    /// The log or the sealer did not answer.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The database did not answer.
    #[error("API keys cannot be read or written")]
    Database(#[from] sqlx::Error),
}

impl Auth {
    /// Keeps what recognises a new key; until the command that comes back is accepted nobody has the key.
    pub async fn make_api_key(&self, wanted: WantedKey) -> Result<(NewApiKey, UserCommand), ApiKeysError> {
        const SQL: &str = "INSERT INTO event_store.api_keys \
             (id, user_id, key_hash, last_characters, name, scopes, expires_at, rate_per_minute) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
        let WantedKey { user, name, scopes, expires_at, rate_per_minute } = wanted;
        let commands = &self.0.commands;
        let (id, key, name) =
            (Uuid::now_v7(), NewApiKey::generate(), commands.seal(user, name.as_str()).await?);
        let words: Vec<&str> = scopes.iter().map(|scope| scope.as_str()).collect();
        let rate = rate_per_minute.map(|rate| rate.get().cast_signed());
        let query = sqlx::query(SQL).bind(id).bind(user.0).bind(&key.hash).bind(&key.last_characters);
        let query = query.bind(name.0).bind(words).bind(expires_at).bind(rate);
        query.execute(commands.log().pool()).await?;
        let created = ApiKeyCreated { key: id, scopes, expires_at: expires_at.into(), rate_per_minute };
        Ok((key, UserCommand::CreateApiKey(created)))
    }

    /// Forgets a key whose command was refused.
    pub async fn unmake_api_key(&self, key: &NewApiKey) -> Result<(), ApiKeysError> {
        const SQL: &str = "DELETE FROM event_store.api_keys WHERE key_hash = $1";
        sqlx::query(SQL).bind(&key.hash).execute(self.0.commands.log().pool()).await?;
        Ok(())
    }

    /// Whose key it is.
    pub async fn api_key_owner(&self, key: Uuid) -> Result<Option<UserId>, ApiKeysError> {
        const SQL: &str = "SELECT user_id FROM event_store.api_keys WHERE id = $1";
        let owner = sqlx::query_scalar(SQL).bind(key).fetch_optional(self.0.commands.log().pool()).await?;
        Ok(owner.map(UserId))
    }

    /// Makes a key worthless. Comes before the event: if something fails in between the key does no harm.
    pub async fn disarm_api_key(&self, key: Uuid) -> Result<(), ApiKeysError> {
        const SQL: &str = "UPDATE event_store.api_keys SET revoked_at = clock_timestamp() \
             WHERE id = $1 AND revoked_at IS NULL";
        sqlx::query(SQL).bind(key).execute(self.0.commands.log().pool()).await?;
        self.0.commands.revocations().announce([Revoked::Session(key)]);
        Ok(())
    }

    /// The user's keys that were not revoked, the newest first: fifty at most, and those that have expired of late.
    pub async fn api_keys(&self, user: UserId) -> Result<Vec<ApiKeyView>, ApiKeysError> {
        let mut views = Vec::new();
        let known = self.0.commands.load_user(user).await?.api_keys;
        // A row that no event names is nothing.
        for row in live(self.0.commands.log().pool(), user, known.ids().collect()).await? {
            let name = self.0.commands.unseal(&Sealed(row.name)).await?;
            views.push(ApiKeyView {
                id: row.id,
                name,
                last_characters: row.last_characters,
                scopes: row.scopes,
                created_at: row.created_at,
                expires_at: row.expires_at,
                rate_per_minute: row.rate_per_minute,
                last_used_at: row.last_used_at,
            });
        }
        Ok(views)
    }
}

/// Whom a key stands for, as the log has it now.
pub(crate) async fn holder(commands: Commands, user: Uuid, key: Uuid) -> Result<Option<Holder>, Refusal> {
    let user = commands.load_user(UserId(user)).await?;
    let roles = user.effective_roles().iter().map(|role| role.as_str().to_owned()).collect();
    Ok(user.lets_in(key).then(|| Holder { roles, epoch: user.epoch.unsigned_abs() }))
}

async fn live(pool: &PgPool, user: UserId, known: Vec<Uuid>) -> Result<Vec<Row>, sqlx::Error> {
    const SQL: &str = "SELECT id, name, last_characters, scopes, created_at, expires_at, rate_per_minute, \
         last_used_at FROM event_store.api_keys WHERE user_id = $1 AND id = ANY($2) AND revoked_at IS NULL \
         ORDER BY created_at DESC, id DESC";
    sqlx::query_as(SQL).bind(user.0).bind(known).fetch_all(pool).await
}
