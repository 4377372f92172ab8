//! From a bearer token to a principal: once with a signature check, afterwards from a bounded cache.

use std::sync::Arc;

use chrono::Utc;
use jsonwebtoken::jwk::JwkSet;
use quick_cache::sync::Cache;
use sha2::{Digest, Sha256};

use super::{
    ApiKeys, KeySource, Principal, Revocations, SystemTokens,
    claims::{Rules, Unverified},
    keys::Keys,
};

/// Verified tokens that are remembered.
const CACHED_TOKENS: usize = 65_536;

/// Why a token is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Its time is over; a refresh helps.
    #[error("the token has expired")]
    Expired,
    /// Forged, malformed, or made for somebody else.
    #[error("the token is not valid: {0}")]
    Invalid(&'static str),
    /// What the user may do has changed since; a refresh helps.
    #[error("the token is of an older epoch")]
    Stale,
    /// The keys cannot be fetched at present.
    #[error("the keys for tokens are not available")]
    KeysUnavailable,
    /// What was revoked lately cannot be read at present.
    #[error("revocations are not known")]
    RevocationsUnknown,
}

/// Verifies access tokens and API keys; cheap to clone.
#[derive(Clone, Debug)]
pub struct Verifier {
    inner: Arc<Inner>,
    api_keys: Option<ApiKeys>,
    system: Option<SystemTokens>,
}

#[derive(Debug)]
struct Inner {
    keys: Keys,
    rules: Rules,
    revocations: Revocations,
    verified: Cache<[u8; 32], Verified>,
}

#[derive(Clone, Debug)]
struct Verified {
    principal: Principal,
    /// Of the key set it was verified with; a changed set forgets all tokens.
    generation: u64,
}

impl Verifier {
    /// Accepts tokens of this issuer (PUBLIC_URL) for this audience, signed with the source's keys.
    pub fn new(source: KeySource, issuer: &str, audience: &str, revocations: Revocations) -> Self {
        let (keys, rules) = (Keys::new(source), Rules::new(issuer, audience));
        let inner = Inner { keys, rules, revocations, verified: Cache::new(CACHED_TOKENS) };
        Self { inner: Arc::new(inner), api_keys: None, system: None }
    }

    /// Accepts API keys too.
    pub fn accepting(self, api_keys: ApiKeys) -> Self {
        Self { api_keys: Some(api_keys), ..self }
    }

    /// Accepts the system itself: for the service that carries out its commands, and for no other.
    pub fn accepting_system(self, tokens: SystemTokens) -> Self {
        Self { system: Some(tokens), ..self }
    }

    /// The principal of a token or key that is valid now and was not revoked.
    pub async fn verify(&self, token: &str) -> Result<Principal, TokenError> {
        if let Some(system) = self.system.as_ref().filter(|_| SystemTokens::claims(token)) {
            return system.verify(token, Utc::now());
        }
        let Some(api_keys) = self.api_keys.as_ref().filter(|_| ApiKeys::claims(token)) else {
            return self.unrevoked(self.signed(token).await?);
        };
        match self.unrevoked(api_keys.verify(token).await?) {
            // The rights of its user have changed since it was looked up. What a refresh is to others is this to a program.
            Err(TokenError::Stale) => self.unrevoked(api_keys.verify_anew(token).await?),
            judged => judged,
        }
    }

    fn unrevoked(&self, principal: Principal) -> Result<Principal, TokenError> {
        self.inner.revocations.check(&principal).map(|()| principal)
    }

    /// Resolves when the principal's token is no longer good, with the reason that a request with it would be given: what
    /// an open stream waits for.
    pub async fn ended(&self, principal: &Principal) -> TokenError {
        self.inner.revocations.ended(principal).await
    }

    /// From now on these keys count: for the service that makes them.
    pub fn replace_keys(&self, set: JwkSet) {
        self.inner.keys.replace(set);
    }

    async fn signed(&self, token: &str) -> Result<Principal, TokenError> {
        let inner = &*self.inner;
        let hash: [u8; 32] = Sha256::digest(token).into();
        inner.keys.refresh_if_old();
        if let Some(verified) = inner.verified.get(&hash)
            && verified.generation == inner.keys.generation()
        {
            return still_valid(verified.principal);
        }
        let unverified = Unverified::parse(token)?;
        let (key, generation) = inner.keys.find(&unverified.key_id).await?;
        let principal = unverified.verify(&key, &inner.rules)?;
        inner.verified.insert(hash, Verified { principal: principal.clone(), generation });
        Ok(principal)
    }
}

fn still_valid(principal: Principal) -> Result<Principal, TokenError> {
    if Utc::now() > principal.believed_until() { Err(principal.outlived()) } else { Ok(principal) }
}
