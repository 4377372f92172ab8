//! `Principal` and `Option<Principal>` as arguments of handlers.

use axum::{
    extract::{FromRef, FromRequestParts, OptionalFromRequestParts},
    http::{HeaderMap, HeaderValue, header, request::Parts},
};

use super::{Principal, TokenError, Verifier, Witness};
use crate::{
    grpc::Unreadable,
    http::Meter,
    problem::{Code, Problem},
};

impl<S: Send + Sync> FromRequestParts<S> for Principal
where
    Verifier: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match optional(parts, state).await? {
            Some(principal) => Ok(principal),
            None => Err(challenge(Code::Unauthenticated, "Bearer realm=\"taskledger\"")),
        }
    }
}

impl<S: Send + Sync> OptionalFromRequestParts<S> for Principal
where
    Verifier: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Option<Self>, Problem> {
        optional(parts, state).await
    }
}

async fn optional<S>(parts: &Parts, state: &S) -> Result<Option<Principal>, Problem>
where
    Verifier: FromRef<S>,
{
    let Some(token) = bearer(&parts.headers)? else { return Ok(None) };
    let principal = Verifier::from_ref(state).verify(token).await?;
    Witness::note(parts, &principal);
    // Only now: whoever shows a bad token must not use up what another may ask.
    Meter::of(parts).charge_principal(&principal)?;
    Unreadable::of(&parts.extensions).map_or(Ok(Some(principal)), Err)
}

/// The token of the only Authorization header; tokens in query strings are never looked at.
fn bearer(headers: &HeaderMap) -> Result<Option<&str>, TokenError> {
    let mut lines = headers.get_all(header::AUTHORIZATION).iter();
    let Some(line) = lines.next() else { return Ok(None) };
    let text = line.to_str().ok().filter(|_| lines.next().is_none());
    let token = text.and_then(|text| text.split_once(' ')).filter(|(scheme, token)| {
        scheme.eq_ignore_ascii_case("bearer") && !token.is_empty() && !token.contains(' ')
    });
    token.map(|(_, token)| Some(token)).ok_or(TokenError::Invalid("not a bearer token"))
}

const INVALID: &str = "Bearer realm=\"taskledger\", error=\"invalid_token\"";

impl From<TokenError> for Problem {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Expired => challenge(Code::TokenExpired, INVALID).caused_by(error),
            TokenError::Invalid(_) => challenge(Code::TokenInvalid, INVALID).caused_by(error),
            TokenError::Stale => challenge(Code::TokenStale, INVALID).caused_by(error),
            TokenError::KeysUnavailable | TokenError::RevocationsUnknown => {
                Problem::new(Code::Unavailable).retry_after(1).caused_by(error)
            }
        }
    }
}

fn challenge(code: Code, challenge: &'static str) -> Problem {
    Problem::new(code).header(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge))
}
