//! Identities at outside providers: by which ones a user comes in. Whose they are there was proved elsewhere.

use serde::{Deserialize, Serialize};

use super::{
    IdentityLinked, IdentityUnlinked, LinkProof, NewUser, Registered, User, UserError, UserEvent,
    decide::Decided, values::UserState,
};
use crate::{ids::IdentityId, personal::Sealed};

/// Somebody as a provider knows them. Issuer and subject belong together; neither says anything alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Identity {
    /// Its name here.
    pub id: IdentityId,
    /// The provider's short name in the configuration, when it was linked.
    pub provider: String,
    /// The provider's name for itself.
    pub issuer: String,
    /// The provider's name for the person.
    pub subject: Sealed,
}

impl User {
    /// The provider vouches for the address, so the user is active at once.
    pub(super) fn sign_up_outside(&self, user: NewUser, identity: Identity) -> Decided {
        self.must_be_new()?;
        let NewUser { email, name, locale, time_zone } = user;
        let registered = UserEvent::Registered(Registered { email, name, locale, time_zone });
        let linked = linked(identity, LinkProof::SignUp);
        Ok([registered].into_iter().chain(self.become_verified()).chain([linked]).collect())
    }

    /// At most one for each provider: an address that was given to somebody else there must not open this account to them.
    pub(super) fn link_identity(&self, identity: Identity) -> Decided {
        match self.must_exist()? {
            UserState::Active => {}
            state @ (UserState::Unverified | UserState::Deactivated) => {
                return Err(UserError::StateNotAllowed { state });
            }
        }
        match self.identities.iter().find(|known| known.issuer == identity.issuer) {
            None => Ok(vec![linked(identity, LinkProof::VerifiedEmail)]),
            Some(known) if known.subject == identity.subject => Ok(Vec::new()),
            Some(_) => Err(UserError::IdentityConflict),
        }
    }

    pub(super) fn unlink_identity(&self, identity: IdentityId, has_password: bool) -> Decided {
        self.must_exist()?;
        if !self.identities.iter().any(|known| known.id == identity) {
            return Err(UserError::NotFound);
        }
        if self.identities.len() == 1 && !has_password {
            return Err(UserError::LastWayIn);
        }
        Ok(vec![UserEvent::IdentityUnlinked(IdentityUnlinked { identity })])
    }
}

fn linked(identity: Identity, by: LinkProof) -> UserEvent {
    let Identity { id, provider, issuer, subject } = identity;
    UserEvent::IdentityLinked(IdentityLinked { identity: id, provider, issuer, subject, by })
}

impl From<IdentityLinked> for Identity {
    fn from(linked: IdentityLinked) -> Self {
        let IdentityLinked { identity, provider, issuer, subject, by: _ } = linked;
        Self { id: identity, provider, issuer, subject }
    }
}
