//! The keys that a provider signs with.

use jsonwebtoken::{
    Algorithm, DecodingKey, Header,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse},
};
use serde::Deserialize;
use serde_json::Value;

/// A JWKS document. Keys that we do not understand are none of ours to refuse.
#[derive(Debug, Deserialize)]
pub(super) struct Keys {
    keys: Vec<Value>,
}

impl Keys {
    /// The key that a token names, or the only one of its kind where it names none. Without one there may be newer keys.
    pub(super) fn find(&self, header: &Header) -> Option<DecodingKey> {
        let jwks = self.keys.iter().filter_map(|value| Jwk::deserialize(value).ok());
        let mut fitting = jwks.filter(|jwk| fits(jwk, header));
        // Two of one name are as good as none.
        let only = fitting.next().filter(|_| fitting.next().is_none())?;
        DecodingKey::from_jwk(&only).ok()
    }
}

fn fits(jwk: &Jwk, header: &Header) -> bool {
    let for_signing = matches!(jwk.common.public_key_use, None | Some(PublicKeyUse::Signature));
    let named = header.kid.is_none() || header.kid == jwk.common.key_id;
    let meant = jwk.common.key_algorithm.is_none_or(|algorithm| is_same(algorithm, header.alg));
    for_signing && named && meant && is_of_its_kind(&jwk.algorithm, header.alg)
}

fn is_same(named: KeyAlgorithm, used: Algorithm) -> bool {
    named.to_string() == format!("{used:?}")
}

fn is_of_its_kind(key: &AlgorithmParameters, algorithm: Algorithm) -> bool {
    match (key, algorithm) {
        (
            AlgorithmParameters::RSA(_),
            Algorithm::RS256
            | Algorithm::RS384
            | Algorithm::RS512
            | Algorithm::PS256
            | Algorithm::PS384
            | Algorithm::PS512,
        ) => true,
        (AlgorithmParameters::EllipticCurve(key), Algorithm::ES256) => key.curve == EllipticCurve::P256,
        (AlgorithmParameters::EllipticCurve(key), Algorithm::ES384) => key.curve == EllipticCurve::P384,
        (AlgorithmParameters::OctetKeyPair(key), Algorithm::EdDSA) => key.curve == EllipticCurve::Ed25519,
        _ => false,
    }
}
