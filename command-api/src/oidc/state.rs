//! What a login remembers while its person is at the provider: sealed in a cookie, so that it is bound to the browser and
//! kept nowhere.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use domain::ids::UserId;
use serde::{Deserialize, Serialize};
use service::secrets::SecretKey;
use sha2::{Digest, Sha256};
use sqlx::PgPool;
use uuid::Uuid;

use crate::auth::Wrapping;

/// How long a person may take at the provider.
const PATIENCE: TimeDelta = TimeDelta::minutes(10);
/// The same for somebody who is in and proves anew who they are.
const SHORT_PATIENCE: TimeDelta = TimeDelta::minutes(5);

/// What somebody wants of a provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Purpose {
    /// To come in.
    LogIn {
        /// How they get their tokens.
        handover: Handover,
    },
    /// To prove anew who they are, in a session of theirs.
    ProveAnew {
        /// Who they say to be.
        user: UserId,
        /// The session.
        session: Uuid,
        /// Whether they have shown their second factor.
        second_factor: bool,
    },
}

/// How somebody gets tokens who comes back from a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Handover {
    /// The refresh token in its cookie.
    Cookie,
    /// Both for a code, which stands behind the `#` of the address.
    Code,
}

/// What a login is to lead to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wish {
    /// What for.
    pub purpose: Purpose,
    /// Where the browser goes in the end.
    pub return_to: String,
}

/// A login under way.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct LoginState {
    pub(super) provider: String,
    pub(super) nonce: String,
    pub(super) verifier: String,
    pub(super) wish: Wish,
    pub(super) begun: DateTime<Utc>,
}

impl LoginState {
    fn patience(&self) -> TimeDelta {
        match self.wish.purpose {
            Purpose::LogIn { .. } => PATIENCE,
            Purpose::ProveAnew { .. } => SHORT_PATIENCE,
        }
    }
}

/// Seals and opens logins under way.
#[derive(Debug)]
pub(super) struct States(Wrapping);

impl States {
    pub(super) fn new(secret: &SecretKey) -> Self {
        Self(Wrapping::new(secret.derive("oidc states")))
    }

    /// As the cookie holds it, for this state only.
    pub(super) fn seal(&self, state: &str, login: &LoginState) -> String {
        // Texts and times only: nothing in it can fail to be written.
        let json = serde_json::to_vec(login).unwrap_or_default();
        URL_SAFE_NO_PAD.encode(self.0.seal(state.as_bytes(), &json))
    }

    /// What [`seal`](Self::seal) hid, if it is in time.
    pub(super) fn open(&self, state: &str, sealed: &str, now: DateTime<Utc>) -> Option<LoginState> {
        let json = self.0.open(state.as_bytes(), &URL_SAFE_NO_PAD.decode(sealed).ok()?)?;
        let login: LoginState = serde_json::from_slice(&json).ok()?;
        (now < login.begun + login.patience()).then_some(login)
    }
}

/// A secret that cannot be guessed, of 43 characters.
pub(super) fn random() -> String {
    let bytes: [u8; 32] = rand::random();
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The challenge of a code verifier: `S256` of RFC 7636.
pub(super) fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(verifier))
}

/// Uses a state up; false if that has happened.
pub(super) async fn use_up(pool: &PgPool, state: &str) -> Result<bool, sqlx::Error> {
    const SQL: &str = "INSERT INTO event_store.oidc_states_used (state_hash, expires_at) \
         VALUES ($1, clock_timestamp() + interval '1 hour') ON CONFLICT DO NOTHING";
    let hash = Sha256::digest(state).to_vec();
    Ok(sqlx::query(SQL).bind(hash).execute(pool).await?.rows_affected() == 1)
}

/// Drops states whose cookies are too old.
pub(crate) async fn forget_used_states(pool: &PgPool) -> Result<(), sqlx::Error> {
    const SQL: &str = "DELETE FROM event_store.oidc_states_used WHERE expires_at < now()";
    sqlx::query(SQL).execute(pool).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login(purpose: Purpose) -> LoginState {
        let wish = Wish { purpose, return_to: "https://x/y".into() };
        let (nonce, verifier) = (random(), random());
        LoginState { provider: "corp".into(), nonce, verifier, wish, begun: Utc::now() }
    }

    #[test]
    fn a_login_is_opened_in_time_and_under_its_own_state_only() {
        let states = States::new(&SecretKey::from_bytes([7; 32]));
        let login = login(Purpose::LogIn { handover: Handover::Cookie });
        let sealed = states.seal("one", &login);
        let at = |minutes: i64| login.begun + TimeDelta::minutes(minutes);
        assert_eq!(states.open("one", &sealed, at(9)).unwrap().nonce, login.nonce);
        assert!(states.open("one", &sealed, at(10)).is_none());
        assert!(states.open("two", &sealed, at(1)).is_none());
        assert!(states.open("one", &sealed[1..], at(1)).is_none());
        let others = States::new(&SecretKey::from_bytes([8; 32]));
        assert!(others.open("one", &sealed, at(1)).is_none());
        for secret in [&login.nonce, &login.verifier] {
            assert!(!sealed.contains(secret.as_str()));
        }
    }

    #[test]
    fn proving_anew_is_for_the_quick() {
        let states = States::new(&SecretKey::from_bytes([7; 32]));
        let (user, session) = (UserId(Uuid::nil()), Uuid::nil());
        let login = login(Purpose::ProveAnew { user, session, second_factor: true });
        let sealed = states.seal("one", &login);
        assert!(states.open("one", &sealed, login.begun + TimeDelta::minutes(4)).is_some());
        assert!(states.open("one", &sealed, login.begun + TimeDelta::minutes(5)).is_none());
    }

    /// RFC 7636, appendix B.
    #[test]
    fn the_challenge_is_that_of_the_specification() {
        let challenge = challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
        assert_eq!(challenge, "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }
}
