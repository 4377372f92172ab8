//! Proof that one event is in the log as it was sealed.

use bytes::Bytes;
use sqlx::PgPool;

use super::{Digest, Fault, Finding, KeyRing, Ledger, PublicKey, SignedSeal, leaf, merkle, table};

/// What convinces somebody who trusts the key and nothing else: see `docs/verify_proof.py`.
#[derive(Clone, Debug)]
pub struct Proof {
    /// The envelope, exactly as published.
    pub envelope: Bytes,
    /// SHA-256 of the row, which has more than is published.
    pub record: Digest,
    /// Place of the event in its block, from 0.
    pub index: usize,
    /// Hashes beside the way from the leaf to the root, lowest first.
    pub path: Vec<Digest>,
    /// The seal of the block.
    pub seal: SignedSeal,
    /// The key that signed it.
    pub key: PublicKey,
}

/// There is no proof.
#[derive(Debug, thiserror::Error)]
pub enum ProofError {
    /// The log does not reach that far.
    #[error("there is no such position")]
    NotThere,
    /// The event is younger than the last seal.
    #[error("not sealed yet")]
    NotSealed,
    /// The log is not what was sealed.
    #[error("position {}: {}", .0.position, .0.fault)]
    Broken(Finding),
    /// The database did not answer as asked.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// Proves the event at this position.
pub async fn prove(pool: &PgPool, ring: &KeyRing, position: i64) -> Result<Proof, ProofError> {
    let broken = |position, fault| ProofError::Broken(Finding { position, up_to: position, fault });
    let event = leaf::event(pool, position).await?;
    let Some(row) = table::holding(pool, Ledger::Events, position).await? else {
        return Err(if event.is_some() { ProofError::NotSealed } else { ProofError::NotThere });
    };
    let seal = row.seal(Ledger::Events).map_err(|_| broken(row.first, Fault::SealChanged))?;
    seal.verify(ring).map_err(|fault| broken(row.first, fault))?;
    let unknown = || broken(row.first, Fault::UnknownKey(seal.seal.key.clone()));
    let key = ring.find(&seal.seal.key).ok_or_else(unknown)?.clone();
    let leaves = row.leaves();
    if merkle::root(&leaves) != seal.seal.root {
        return Err(broken(row.first, Fault::LeavesChanged));
    }
    let event = event.ok_or_else(|| broken(position, Fault::Missing))?;
    let index = usize::try_from(position - row.first).unwrap_or(usize::MAX);
    if leaves.get(index) != Some(&event.hash()) {
        return Err(broken(position, Fault::Changed));
    }
    let path = merkle::path(&leaves, index);
    Ok(Proof { envelope: event.envelope, record: event.record, index, path, seal, key })
}
