//! Access tokens: short-lived, signed, naming a person, a session and the roles held at that moment.

use chrono::{DateTime, Utc};
use domain::{ids::UserId, policy::RoleSet};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::Serialize;
use uuid::Uuid;

use super::{AdmissionError, Auth};

/// Seconds that a token is good for, less up to 5 % so that not all expire together.
const LIFETIME: i64 = 600;
/// Whom tokens are for.
pub(crate) const AUDIENCE: &str = "taskledger";

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    aud: &'a str,
    sub: UserId,
    sid: Uuid,
    jti: Uuid,
    iat: i64,
    nbf: i64,
    exp: i64,
    auth_time: i64,
    amr: &'a [String],
    roles: RoleSet,
    epoch: i64,
}

/// What a token is to say.
pub(super) struct Subject<'a> {
    pub(super) user: UserId,
    pub(super) session: Uuid,
    pub(super) auth_time: DateTime<Utc>,
    pub(super) methods: &'a [String],
    pub(super) roles: RoleSet,
    pub(super) epoch: i64,
}

impl Auth {
    /// A token and for how many seconds it is good.
    pub(super) fn sign(&self, subject: &Subject<'_>) -> Result<(String, i64), AdmissionError> {
        let now = Utc::now();
        let lifetime = LIFETIME - rand::random_range(0..=LIFETIME / 20);
        let claims = Claims {
            iss: &self.0.issuer,
            aud: AUDIENCE,
            sub: subject.user,
            sid: subject.session,
            jti: Uuid::now_v7(),
            iat: now.timestamp(),
            nbf: now.timestamp(),
            exp: now.timestamp() + lifetime,
            auth_time: subject.auth_time.timestamp(),
            amr: subject.methods,
            roles: subject.roles,
            epoch: subject.epoch,
        };
        let header = |kid: &str| Header {
            typ: Some("at+jwt".to_owned()),
            kid: Some(kid.to_owned()),
            ..Header::new(Algorithm::EdDSA)
        };
        let sign = |kid: &str, key: &EncodingKey| jsonwebtoken::encode(&header(kid), &claims, key);
        let token = self.0.keys.sign(now, sign).ok_or(AdmissionError::NoKey)??;
        Ok((token, lifetime))
    }
}
