//! API keys: what programs come with instead of an access token. They are looked up in the event store, so that a
//! revocation is felt after a second; what was found, or was not, is remembered that long.

mod look_up;
mod text;

use std::{fmt, future::Future, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use sqlx::PgPool;
use tokio::time::Instant;
use uuid::Uuid;

pub use self::text::NewApiKey;
use self::{
    look_up::{LookUps, Seen},
    text::{PREFIX, recognise},
};
use super::{Principal, TokenError};

/// How long an answer of the database is believed.
const LIFETIME: Duration = Duration::from_secs(1);
/// What is said to whoever comes with a key that is not good, or no longer.
pub(super) const UNKNOWN: TokenError = TokenError::Invalid("no such API key");

type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Whom a key stands for, as the log has it now: what others have in their access token.
#[derive(Clone, Debug)]
pub struct Holder {
    /// The roles that count.
    pub roles: Arc<[String]>,
    /// Rises with every change of rights.
    pub epoch: u64,
}

/// Verifies API keys; cheap to clone.
#[derive(Clone)]
pub struct ApiKeys(Arc<LookUps>);

impl fmt::Debug for ApiKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKeys")
    }
}

impl ApiKeys {
    /// Asks this event store; the right to execute `api_key` and `note_api_key_use` is enough. `holder` tells by user and
    /// key whom the key stands for; nobody if that user may not come in with it.
    pub fn new<F, R>(event_store: PgPool, holder: F) -> Self
    where
        F: Fn(Uuid, Uuid) -> R + Send + Sync + 'static,
        R: Future<Output = Result<Option<Holder>, Cause>> + Send + 'static,
    {
        let holder = Box::new(move |user, key| Box::pin(holder(user, key)) as _);
        Self(Arc::new(LookUps::new(event_store, holder)))
    }

    /// Whether the token is for us and not an access token.
    pub(super) fn claims(token: &str) -> bool {
        token.starts_with(PREFIX)
    }

    /// The principal of a key that was good a second ago.
    pub(super) async fn verify(&self, token: &str) -> Result<Principal, TokenError> {
        let now = Instant::now();
        self.verify_since(token, now.checked_sub(LIFETIME).unwrap_or(now)).await
    }

    /// The principal of a key that is good now.
    pub(super) async fn verify_anew(&self, token: &str) -> Result<Principal, TokenError> {
        self.verify_since(token, Instant::now()).await
    }

    async fn verify_since(&self, token: &str, since: Instant) -> Result<Principal, TokenError> {
        let hash = recognise(token).ok_or(TokenError::Invalid("not an API key"))?;
        let Seen { key, .. } = self.0.see(hash, since).await?;
        let key = key.filter(|key| key.expires_at > Utc::now());
        key.map(Principal::from).ok_or(UNKNOWN)
    }
}

/// A key that is good.
#[derive(Clone, Debug)]
struct Key {
    id: Uuid,
    user: Uuid,
    scopes: Arc<[String]>,
    expires_at: DateTime<Utc>,
    rate_per_minute: Option<u32>,
    holder: Holder,
}

impl From<Key> for Principal {
    /// Nobody has proved who they are.
    fn from(key: Key) -> Self {
        Self {
            user_id: key.user,
            session_id: key.id,
            token_id: Arc::from(key.id.to_string()),
            key_id: Arc::from(""),
            roles: key.holder.roles,
            epoch: key.holder.epoch,
            auth_time: DateTime::UNIX_EPOCH,
            methods: Arc::from(["key".to_owned()]),
            expires_at: key.expires_at,
            scopes: Some(key.scopes),
            rate_per_minute: key.rate_per_minute,
            is_system: false,
        }
    }
}
