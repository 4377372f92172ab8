//! The caller, as an access token or an API key names it.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::{TokenError, claims::SKEW};

/// What a verified access token says. Roles in it are a hint: commands are decided on the log's roles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// `sub`
    pub user_id: Uuid,
    /// `sid`
    pub session_id: Uuid,
    /// `jti`
    pub token_id: Arc<str>,
    /// `kid`: the key that signed the token.
    pub key_id: Arc<str>,
    /// `roles`
    pub roles: Arc<[String]>,
    /// `epoch`: rises with every change of roles; older tokens are stale.
    pub epoch: u64,
    /// `auth_time`: when the person proved who they are.
    pub auth_time: DateTime<Utc>,
    /// `amr`: how they proved it, `pwd`, `otp`.
    pub methods: Arc<[String]>,
    /// `exp`
    pub expires_at: DateTime<Utc>,
    /// What an API key is for, at most; none for a session. `session_id` is then the key's id.
    pub scopes: Option<Arc<[String]>>,
    /// How many reads, and how many writes, an API key may ask for in a minute, if not as many as anybody.
    pub rate_per_minute: Option<u32>,
    /// The system itself, and nobody else; it has no user and no session.
    pub is_system: bool,
}

impl Principal {
    /// Whether the token names the role.
    pub fn has_role(&self, role: &str) -> bool {
        self.roles.iter().any(|one| one == role)
    }

    /// Whether a program has come with an API key.
    pub fn is_api_key(&self) -> bool {
        self.scopes.is_some()
    }

    /// Until when it is believed: tokens are made and judged by different clocks, keys are looked up.
    pub(super) fn believed_until(&self) -> DateTime<Utc> {
        let skew = if self.is_api_key() { TimeDelta::zero() } else { TimeDelta::seconds(SKEW.cast_signed()) };
        self.expires_at + skew
    }

    /// What is said to it afterwards.
    pub(super) fn outlived(&self) -> TokenError {
        if self.is_api_key() { super::api_keys::UNKNOWN } else { TokenError::Expired }
    }
}
