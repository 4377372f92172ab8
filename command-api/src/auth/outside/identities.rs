//! One's own outside identities: which there are, and parting with one.

use domain::{
    ids::{IdentityId, UserId},
    user::{User, UserCommand},
};
use event_store::{Claim, ClaimAction};

use super::OutsideError;
use crate::auth::{Auth, credentials};

/// An identity for the person whose it is.
#[derive(Clone, Debug)]
pub struct IdentityView {
    /// Its name here.
    pub id: IdentityId,
    /// The provider's short name in the configuration of then.
    pub provider: String,
    /// The provider's name for itself.
    pub issuer: String,
    /// The provider's name for the person; nothing if they are erased.
    pub subject: Option<String>,
}

impl Auth {
    /// The user's identities, in the order of linking.
    pub async fn identities(&self, user: UserId) -> Result<Vec<IdentityView>, OutsideError> {
        let mut views = Vec::new();
        for identity in self.0.commands.load_user(user).await?.identities {
            let subject = self.0.commands.unseal(&identity.subject).await?;
            let (id, provider, issuer) = (identity.id, identity.provider, identity.issuer);
            views.push(IdentityView { id, provider, issuer, subject });
        }
        Ok(views)
    }

    /// The command that parts the user from an identity, and the claim that it gives back.
    pub async fn parting(
        &self,
        user: UserId,
        identity: IdentityId,
    ) -> Result<(UserCommand, Claim), OutsideError> {
        let commands = &self.0.commands;
        let state = commands.load_user(user).await?;
        let known = state.identities.iter().find(|known| known.id == identity);
        let known = known.ok_or(OutsideError::NoIdentity)?;
        let subject = commands.unseal(&known.subject).await?.ok_or(OutsideError::NoIdentity)?;
        let claim = commands.identity_claim(user, &known.issuer, &subject);
        let has_password = self.has_password(user, &state).await?;
        let command = UserCommand::UnlinkIdentity { identity, has_password };
        Ok((command, Claim { action: ClaimAction::Release, ..claim }))
    }

    async fn has_password(&self, user: UserId, state: &User) -> Result<bool, sqlx::Error> {
        Ok(credentials::find(self.0.commands.log().pool(), user, state).await?.is_some())
    }
}
