//! Identifiers as types, so that a user is never passed where a task is meant.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.as_hyphenated().fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::from_str(text).map(Self)
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }
    };
}

uuid_id!(
    /// A task (UUIDv7).
    TaskId
);
uuid_id!(
    /// A registered user (UUIDv7); also the subject whose key seals its personal fields.
    UserId
);
uuid_id!(
    /// A comment on a task (UUIDv7).
    CommentId
);
uuid_id!(
    /// An item of a task's checklist (UUIDv7).
    ChecklistItemId
);
uuid_id!(
    /// A link sent by mail: names the token in it and says nothing about it.
    LinkId
);
uuid_id!(
    /// A password of somebody, of which the log knows no more than this.
    CredentialId
);
uuid_id!(
    /// An identity at an outside provider by which somebody comes in.
    IdentityId
);
uuid_id!(
    /// A device that notices are pushed to.
    DeviceId
);
uuid_id!(
    /// What signs the calls of a webhook: names the secret and says nothing about it.
    SecretId
);
uuid_id!(
    /// An event (UUIDv7): CloudEvents `id`, `Nats-Msg-Id`, webhook id.
    EventId
);

impl EventId {
    /// Stands for an event where there is none: the same for the same text, whoever computes it.
    pub fn standing_for(text: &str) -> Self {
        let digest = Sha256::digest(text);
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest[..16]);
        Self(uuid::Builder::from_custom_bytes(bytes).into_uuid())
    }
}

/// The short name of a task that people say aloud: `T-123`. Numbers come from the log's sequence; gaps are normal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskKey(pub i64);

impl fmt::Display for TaskKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "T-{}", self.0)
    }
}

/// The text is not of the form `T-123`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a task key")]
pub struct InvalidTaskKey;

impl FromStr for TaskKey {
    type Err = InvalidTaskKey;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.strip_prefix("T-").ok_or(InvalidTaskKey)?;
        let canonical = !digits.is_empty()
            && digits.len() <= 18
            && !digits.starts_with('0')
            && digits.bytes().all(|b| b.is_ascii_digit());
        if !canonical {
            return Err(InvalidTaskKey);
        }
        digits.parse().map(Self).map_err(|_| InvalidTaskKey)
    }
}

impl Serialize for TaskKey {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TaskKey {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
