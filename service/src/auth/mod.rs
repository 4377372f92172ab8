//! Who is calling: access tokens (JWT, EdDSA only) verified against the keys that command-api publishes and against what
//! was revoked lately, and API keys.

mod api_keys;
mod claims;
mod extract;
mod keys;
mod principal;
mod revocations;
mod system_tokens;
#[cfg(feature = "testing")]
pub mod testing;
mod verifier;
mod witness;

pub use self::{
    api_keys::{ApiKeys, Holder, NewApiKey},
    keys::KeySource,
    principal::Principal,
    revocations::{MAX_SILENCE, Revocations, Revoked, Truth},
    system_tokens::SystemTokens,
    verifier::{TokenError, Verifier},
    witness::Witness,
};
