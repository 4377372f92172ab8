//! What somebody gets who has come in.

use chrono::TimeDelta;
use domain::{ids::UserId, policy::RoleSet, user::User};
use uuid::Uuid;

use super::{
    Auth,
    refresh_token::RefreshToken,
    sessions::{Limits, Session},
    tokens::Subject,
};
use crate::commands::Refusal;

/// Somebody who has come in, by password or by refresh token.
#[derive(Debug)]
pub struct Admission {
    /// The access token.
    pub access_token: String,
    /// Seconds until it expires.
    pub expires_in: i64,
    /// The refresh token.
    pub refresh_token: String,
    /// Until it expires if it is not used.
    pub refresh_within: TimeDelta,
    /// The session that both name.
    pub session: Uuid,
    /// `amr`: how it was opened.
    pub methods: Vec<String>,
    /// Who.
    pub user: UserId,
    /// Their address in clear.
    pub email: String,
    /// Their name in clear.
    pub name: String,
    /// Their roles.
    pub roles: RoleSet,
}

/// Why somebody who may come in gets no tokens.
#[derive(Debug, thiserror::Error)]
pub enum AdmissionError {
    /// The sealer did not answer.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The database did not answer.
    #[error("the session cannot be written")]
    Database(#[from] sqlx::Error),
    /// The token could not be signed.
    #[error("the token cannot be signed")]
    Token(#[from] jsonwebtoken::errors::Error),
    /// The signing key was dropped a moment ago, and the next one does not sign yet.
    #[error("no key signs at this moment")]
    NoKey,
}

impl Auth {
    /// The tokens of a session, with the roles held now.
    pub(super) async fn admit(
        &self,
        session: &Session,
        user: &User,
        refresh_token: &RefreshToken,
    ) -> Result<Admission, AdmissionError> {
        let commands = &self.0.commands;
        let roles = user.effective_roles();
        let subject = Subject {
            user: session.user(),
            session: session.id,
            auth_time: session.auth_time,
            methods: &session.methods,
            roles,
            epoch: user.epoch,
        };
        let (access_token, expires_in) = self.sign(&subject)?;
        let clear = async |sealed: &Option<_>| match sealed {
            Some(sealed) => commands.unseal(sealed).await.map(Option::unwrap_or_default),
            None => Ok(String::new()),
        };
        let limits = Limits::of(roles);
        Ok(Admission {
            access_token,
            expires_in,
            refresh_token: self.0.refresh_tokens.write(refresh_token),
            refresh_within: limits.idle.min(session.created_at + limits.absolute - session.now),
            session: session.id,
            methods: session.methods.clone(),
            user: session.user(),
            email: clear(&user.email).await?,
            name: clear(&user.name).await?,
            roles,
        })
    }
}
