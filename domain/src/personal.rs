//! Personal data as the domain sees it: sealed.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A personal text (name, e-mail, address) encrypted with its subject's key; the domain never sees it in clear.
///
/// The text form is `s1.<subject uuid>.<base64url>`. Sealing is deterministic per subject, so equal values of one person
/// are equal here; sealing and unsealing live in `event-store`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(
    feature = "schemas",
    derive(schemars::JsonSchema),
    schemars(extend("pattern" = r"^s1\.[0-9a-f-]{36}\.[A-Za-z0-9_-]+$"))
)]
#[serde(transparent)]
pub struct Sealed(pub String);

impl Sealed {
    /// Whose key it is sealed with.
    pub fn subject(&self) -> Option<Uuid> {
        self.0.split('.').nth(1)?.parse().ok()
    }
}
