//! Whether the log is what was sealed, and what proves it.

use event_store::seals::{Finding, Ledger, Proof, PublicKey, Verified};
use serde::Serialize;
use utoipa::ToSchema;

/// What was found in a range of the log.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct IntegrityReport {
    /// `events`, or `audit` for the audit log.
    #[schema(value_type = String, example = "events")]
    pub log: Ledger,
    /// Whether everything that was looked at is as it was sealed.
    pub intact: bool,
    /// The first position that was looked at: that of its block.
    pub from: i64,
    /// The last position that was looked at and is as it was sealed.
    pub to: i64,
    /// The log's last position.
    pub head: i64,
    /// How many at the end of the log are not yet sealed.
    pub not_yet_sealed: i64,
    /// Seals that were verified.
    pub seals: i64,
    /// The first position that is bad.
    #[schema(required)]
    pub first_bad: Option<FirstBad>,
    /// Where to go on: an answer looks at some 20,000 positions.
    #[schema(required)]
    pub next_from: Option<i64>,
    /// The log's last seal as it was signed, one line of JSON: keep it, and nobody can cut the log before it unnoticed.
    #[schema(required)]
    pub last_seal: Option<String>,
}

/// The first position that is bad.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct FirstBad {
    /// The position.
    pub position: i64,
    /// Where it cannot be told which of a block it is: any up to here.
    pub up_to: i64,
    /// `missing`, `changed`, `unreadable`, or of the seal that begins here `seal_missing`, `seal_changed`, `leaves_changed`,
    /// `chain_broken`, `unknown_key`, `wrong_signature`.
    pub fault: &'static str,
    /// The same in words.
    pub detail: String,
}

/// What proves to whoever trusts the key that an event is in the log as it was sealed.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct EventProof {
    /// The event's position.
    pub position: i64,
    /// The event's envelope exactly as published: these bytes are hashed.
    pub envelope: String,
    /// SHA-256 of the row that the event is stored in, which has more than is published.
    pub record_hash: String,
    /// Place of the event in its block, from 0.
    pub leaf_index: usize,
    /// Events of the block.
    pub tree_size: i64,
    /// Hashes beside the way from the leaf to the root, lowest first (RFC 6962).
    pub audit_path: Vec<String>,
    /// The seal as it was signed, one line of JSON.
    pub seal: String,
    /// The key that signed it.
    pub key: SealJwk,
}

/// The keys that seals are signed with.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SealKeys {
    /// Today's first, then those that have signed before.
    pub keys: Vec<SealJwk>,
}

/// A public key as a JWK.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SealJwk {
    /// `OKP`
    pub kty: &'static str,
    /// `Ed25519`
    pub crv: &'static str,
    /// `EdDSA`
    pub alg: &'static str,
    /// `sig`
    #[serde(rename = "use")]
    pub purpose: &'static str,
    /// Thumbprint of the key (RFC 7638), as seals name it.
    pub kid: String,
    /// The key, in base64url.
    pub x: String,
}

impl From<Verified> for IntegrityReport {
    fn from(found: Verified) -> Self {
        Self {
            log: found.ledger,
            intact: found.finding.is_none(),
            from: found.from,
            to: found.to,
            head: found.head,
            not_yet_sealed: found.unsealed,
            seals: found.seals,
            first_bad: found.finding.map(Into::into),
            next_from: found.next,
            last_seal: found.last.map(|seal| seal.line().to_owned()),
        }
    }
}

impl From<Finding> for FirstBad {
    fn from(Finding { position, up_to, fault }: Finding) -> Self {
        Self { position, up_to, fault: fault.as_str(), detail: fault.to_string() }
    }
}

impl EventProof {
    /// The proof of the event at this position.
    pub fn of(position: i64, proof: Proof) -> Self {
        let seal = &proof.seal.seal;
        Self {
            position,
            // It is JSON, so it is text.
            envelope: String::from_utf8_lossy(&proof.envelope).into_owned(),
            record_hash: proof.record.to_string(),
            leaf_index: proof.index,
            tree_size: seal.last - seal.first + 1,
            audit_path: proof.path.iter().map(ToString::to_string).collect(),
            seal: proof.seal.line().to_owned(),
            key: SealJwk::from(&proof.key),
        }
    }
}

impl From<&PublicKey> for SealJwk {
    fn from(key: &PublicKey) -> Self {
        let (kid, x) = (key.id().to_owned(), key.x());
        Self { kty: "OKP", crv: "Ed25519", alg: "EdDSA", purpose: "sig", kid, x }
    }
}
