//! The caller, as an access token names it.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use uuid::Uuid;

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
}

impl Principal {
    /// Whether the token names the role.
    pub fn has_role(&self, role: &str) -> bool {
        self.roles.iter().any(|one| one == role)
    }
}
