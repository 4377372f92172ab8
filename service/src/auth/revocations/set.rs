//! The set itself: what is in it, and until when.

use std::{collections::HashMap, hash::Hash};

use tokio::time::Instant;
use uuid::Uuid;

use crate::auth::{Principal, TokenError};

/// What makes tokens worthless before their time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Revoked {
    /// The session has ended.
    Session(Uuid),
    /// The user's rights have changed: tokens of epochs before this one are stale.
    User(Uuid, u64),
    /// The signing key was dropped.
    Key(String),
}

impl Revoked {
    /// Whose rights have changed, if it is that.
    pub(super) fn user(&self) -> Option<Uuid> {
        match self {
            Self::User(user, _) => Some(*user),
            Self::Session(_) | Self::Key(_) => None,
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Set {
    sessions: HashMap<Uuid, Instant>,
    users: HashMap<Uuid, (u64, Instant)>,
    keys: HashMap<String, Instant>,
}

impl Set {
    /// Takes it in until then. Was it news?
    pub(super) fn add(&mut self, revoked: Revoked, until: Instant) -> bool {
        match revoked {
            Revoked::Session(session) => keep(&mut self.sessions, session, until),
            Revoked::Key(key) => keep(&mut self.keys, key, until),
            Revoked::User(user, epoch) => {
                let known = self.users.entry(user).or_insert((0, until));
                let news = known.0 < epoch;
                *known = (known.0.max(epoch), known.1.max(until));
                news
            }
        }
    }

    /// Drops what no living token can bear any more.
    pub(super) fn forget(&mut self, now: Instant) {
        self.sessions.retain(|_, until| *until > now);
        self.users.retain(|_, (_, until)| *until > now);
        self.keys.retain(|_, until| *until > now);
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.sessions.is_empty() && self.users.is_empty() && self.keys.is_empty()
    }

    /// Whether the token is still good.
    pub(super) fn judge(&self, principal: &Principal) -> Result<(), TokenError> {
        if self.sessions.contains_key(&principal.session_id) {
            Err(TokenError::Invalid("its session has ended"))
        } else if self.keys.contains_key(&*principal.key_id) {
            Err(TokenError::Invalid("its key was dropped"))
        } else if self.users.get(&principal.user_id).is_some_and(|(epoch, _)| principal.epoch < *epoch) {
            Err(TokenError::Stale)
        } else {
            Ok(())
        }
    }
}

fn keep<K: Eq + Hash>(known: &mut HashMap<K, Instant>, key: K, until: Instant) -> bool {
    let before = known.get(&key).copied();
    known.insert(key, before.map_or(until, |before| before.max(until)));
    before.is_none()
}
