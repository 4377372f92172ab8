//! Answers in the form in which they are kept for a retry.

use event_store::{Class, Outcome, Receipt, StoredReceipt, Unit};

use serde::Deserialize;
use service::problem::Code;

use super::Refusal;
use crate::{
    execute::Written,
    locks::{Crowded, Turn},
};

/// What twins have in common: principal and key.
pub(crate) type Twins = (String, String);

/// What a client is answered, without the position.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// A JSON object.
    pub body: String,
    /// `ETag`, with its quotes.
    pub etag: Option<String>,
    /// `Location`, a path.
    pub location: Option<String>,
}

impl Reply {
    /// That of a refusal.
    pub fn code(&self) -> Option<Code> {
        #[derive(Deserialize)]
        struct Coded {
            code: String,
        }
        let coded: Coded = (self.status >= 400).then(|| serde_json::from_str(&self.body).ok())??;
        Code::parse(&coded.code)
    }
}

/// A reply and where in the log it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// As it is kept.
    pub reply: Reply,
    /// Position of the command's last event.
    pub position: i64,
    /// Version of the aggregate written to last; 0 where nothing was.
    pub version: i64,
    /// Whether anything has happened; not where it was already so, nor in a replay.
    pub changed: bool,
    /// Whether it was kept from an earlier request with the same key.
    pub replayed: bool,
    /// Of a replay: what was asked then.
    pub fingerprint: Option<[u8; 32]>,
}

impl Answer {
    /// Adds a member that is in this answer only: what is kept for a retry does not have it.
    pub(crate) fn show_once(&mut self, member: &str, value: serde_json::Value) {
        if let Ok(mut body) = serde_json::from_str::<serde_json::Value>(&self.reply.body) {
            body[member] = value;
            self.reply.body = body.to_string();
        }
    }
}

/// Under which key an answer is kept.
#[derive(Clone, Debug)]
pub struct ReceiptKey {
    /// Who used the key.
    pub principal: String,
    /// The key.
    pub key: String,
    /// How long it is kept.
    pub class: Class,
    /// What was asked.
    pub fingerprint: [u8; 32],
}

impl ReceiptKey {
    /// The receipt that keeps this reply.
    pub fn receipt(&self, reply: &Reply) -> Receipt {
        let Reply { status, body, etag, location } = reply.clone();
        let (principal, key) = (self.principal.clone(), self.key.clone());
        Receipt {
            principal,
            key,
            class: self.class,
            fingerprint: self.fingerprint,
            status,
            body,
            etag,
            location,
        }
    }
}

impl From<&Receipt> for Reply {
    fn from(receipt: &Receipt) -> Self {
        let Receipt { status, body, etag, location, .. } = receipt.clone();
        Self { status, body, etag, location }
    }
}

impl From<StoredReceipt> for Answer {
    fn from(stored: StoredReceipt) -> Self {
        Self {
            reply: Reply::from(&stored.receipt),
            position: stored.position,
            version: 0,
            changed: false,
            replayed: true,
            fingerprint: Some(stored.receipt.fingerprint),
        }
    }
}

impl From<Written> for Answer {
    fn from(written: Written) -> Self {
        match written {
            Written::Now { reply, position, version, changed } => {
                Self { reply, position, version, changed, replayed: false, fingerprint: None }
            }
            Written::Before(receipt) => Self::from(*receipt),
        }
    }
}

impl super::Commands {
    /// Waits until no request with the same key is at work here; at most two seconds.
    pub(crate) async fn enter(&self, key: &ReceiptKey) -> Result<Turn<Twins>, Crowded> {
        self.0.twins.turn((key.principal.clone(), key.key.clone())).await
    }

    /// The answer that was kept under this key.
    pub(crate) async fn replay(&self, key: &ReceiptKey) -> Result<Option<StoredReceipt>, Refusal> {
        Ok(self.0.log.find_receipt(&key.principal, &key.key, key.class).await?)
    }

    /// Keeps the answer of a command that was refused; gives the one that a twin elsewhere has kept before.
    pub(crate) async fn keep_refusal(&self, receipt: Receipt) -> Result<Written, Refusal> {
        let reply = Reply::from(&receipt);
        let unit = Unit { id: uuid::Uuid::now_v7(), receipt: Some(receipt), ..Unit::default() };
        match self.0.appender.append(unit).await? {
            Outcome::Appended { position } => {
                Ok(Written::Now { reply, position, version: 0, changed: false })
            }
            Outcome::Replayed(stored) => Ok(Written::Before(stored)),
            Outcome::Conflict { .. } | Outcome::Taken { .. } | Outcome::GuardFailed { .. } => {
                Err(Refusal::Moving)
            }
        }
    }
}
