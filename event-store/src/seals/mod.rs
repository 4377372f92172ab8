//! The log is provable: blocks of it are sealed behind the append, and whoever holds a seal can prove what the log held.
//!
//! A seal signs the Merkle root of its block (RFC 6962) and the hash of the seal before it. The signature's key is never in the
//! database, and every seal also leaves it: whoever can change every table can change nothing unnoticed. Events and the
//! audit log are two sequences sealed by the same code. See `docs/integrity.md`.

mod digest;
mod exhibit;
#[cfg(feature = "append")]
mod file;
mod finding;
mod key;
mod leaf;
mod ledger;
mod merkle;
mod outside;
mod proof;
mod seal;
#[cfg(feature = "append")]
mod sealing;
mod table;
mod verify;

pub use digest::Digest;
pub use exhibit::{Block, Evidence, Exhibit, Trace, block_at, exhibits, head, position_before};
#[cfg(feature = "append")]
pub use file::{FileError, SealFile};
pub use finding::{Fault, Finding, Scope, Verified};
pub use key::{KeyRing, PublicKey, SealKey};
pub use ledger::Ledger;
pub use outside::OutsideError;
pub use proof::{Proof, ProofError, prove};
pub use seal::{Malformed, Seal, SignedSeal};
#[cfg(feature = "append")]
pub use sealing::{Pace, Sealing, SealingError, Standing};
pub use table::last_seal;
pub use verify::{Verifier, VerifyError};

/// The subject on core NATS that seals are published on.
pub const SUBJECT: &str = "seals";
