//! Who is calling: access tokens (JWT, EdDSA only) verified against the keys that command-api publishes and
//! against what was revoked lately.

mod claims;
mod extract;
mod keys;
mod principal;
mod revocations;
#[cfg(feature = "testing")]
pub mod testing;
mod verifier;
mod witness;

pub use self::{
    keys::KeySource,
    principal::Principal,
    revocations::{MAX_SILENCE, Revocations, Revoked, Truth},
    verifier::{TokenError, Verifier},
    witness::Witness,
};
