//! Who is calling: access tokens (JWT, EdDSA only) verified against the keys that command-api publishes.

mod claims;
mod extract;
mod keys;
mod principal;
#[cfg(feature = "testing")]
pub mod testing;
mod verifier;
mod witness;

pub use self::{
    keys::KeySource,
    principal::Principal,
    verifier::{TokenError, Verifier},
    witness::Witness,
};
