//! Names in clear, for as long as a batch is decided on.

use std::collections::HashMap;

use domain::{
    ids::UserId,
    notice::{Named, mentioned},
    personal::Sealed,
    user::User,
};
use event_store::{Sealer, Unsealed};

use crate::reactors::{ReactError, States};

pub(super) struct Names<'a> {
    sealer: &'a Sealer,
    /// None for those who are erased.
    opened: HashMap<Sealed, Option<String>>,
}

impl<'a> Names<'a> {
    pub(super) fn new(sealer: &'a Sealer) -> Self {
        Self { sealer, opened: HashMap::new() }
    }

    /// Whom a comment names, by the names as they are then.
    pub(super) async fn mentioned(
        &mut self,
        text: &str,
        users: &States<User>,
    ) -> Result<Vec<UserId>, ReactError> {
        if !text.contains('@') {
            return Ok(Vec::new());
        }
        let active: Vec<_> = users.iter().filter(|(_, user)| user.is_active()).collect();
        let sealed = active.iter().flat_map(|(_, user)| user.name.iter().chain(&user.email)).cloned();
        self.open(sealed.collect()).await?;
        let named = active.iter().filter_map(|(id, user)| {
            let name = self.clear(user.name.as_ref()?)?;
            let email = user.email.as_ref().and_then(|email| self.clear(email));
            Some(Named { id: UserId(*id), name, email })
        });
        Ok(mentioned(text, &named.collect::<Vec<_>>()).into_iter().collect())
    }

    fn clear(&self, sealed: &Sealed) -> Option<String> {
        self.opened.get(sealed).cloned().flatten()
    }

    async fn open(&mut self, mut new: Vec<Sealed>) -> Result<(), ReactError> {
        new.retain(|text| !self.opened.contains_key(text));
        let opened = self.sealer.unseal_all(&new).await?;
        self.opened.extend(new.into_iter().zip(opened.into_iter().map(Unsealed::clear)));
        Ok(())
    }
}
