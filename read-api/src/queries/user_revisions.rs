//! Users as they were.

use std::collections::HashMap;

use domain::{personal::Sealed, user::User as State};
use event_store::{Log, Sealer, Unsealed};
use sqlx::PgPool;
use uuid::Uuid;

use super::{
    history::{HistoryError, user_history},
    revisions::{Moment, Past, past_at, pasts_at},
};
use crate::model::{HistoryEntry, PrivateFields, User};

/// The user as he was then; none before his first event.
pub async fn user_at(log: &Log, id: Uuid, moment: Moment) -> Result<Option<Past<State>>, HistoryError> {
    past_at(log, id, moment).await
}

/// Those of these users who were there then, as they were.
pub(super) async fn users_at(
    log: &Log,
    sealer: &Sealer,
    ids: &[Uuid],
    moment: Moment,
) -> Result<HashMap<Uuid, User>, HistoryError> {
    let pasts: Vec<_> = pasts_at::<State>(log, ids, moment).await?.into_values().collect();
    let opened = open(sealer, pasts.iter().flat_map(Past::sealed)).await?;
    Ok(pasts.iter().map(|past| (past.id, past.told(&opened))).collect())
}

impl Past<State> {
    /// With everything that anybody may see of a user, by the name that was his then; of who is erased since, none.
    pub async fn shown(&self, sealer: &Sealer) -> Result<User, HistoryError> {
        Ok(self.told(&open(sealer, self.sealed()).await?))
    }

    fn sealed(&self) -> impl Iterator<Item = &Sealed> {
        self.state.name.iter().chain(&self.state.email)
    }

    fn told(&self, opened: &Opened) -> User {
        let state = &self.state;
        let clear =
            |text: &Option<Sealed>| text.as_ref().and_then(|text| opened.get(text).cloned().flatten());
        let (name, email) = (clear(&state.name), clear(&state.email));
        let private = PrivateFields {
            email,
            roles: state.roles,
            locale: state.locale.as_ref().map(ToString::to_string),
            time_zone: state.time_zone.map(|zone| zone.to_string()),
            create_time: state.create_time.unwrap_or(self.last.metadata.occurred_at),
            update_time: state.update_time.unwrap_or(self.last.metadata.occurred_at),
        };
        User {
            id: self.id,
            version: state.version,
            erased: name.is_none(),
            name,
            state: state.state().as_str().to_owned(),
            private: Some(private),
        }
    }

    /// What his last event changed.
    pub async fn entry(
        &self,
        log: &Log,
        sealer: &Sealer,
        users: &PgPool,
    ) -> Result<Option<HistoryEntry>, HistoryError> {
        let page = user_history(log, sealer, users, self.id, self.last.sequence + 1, 1).await?;
        Ok(page.entries.into_iter().next())
    }
}

/// What sealed texts say; nothing of those who are erased.
type Opened = HashMap<Sealed, Option<String>>;

async fn open(sealer: &Sealer, texts: impl Iterator<Item = &Sealed>) -> Result<Opened, HistoryError> {
    let texts: Vec<Sealed> = texts.cloned().collect();
    let opened = sealer.unseal_all(&texts).await?;
    Ok(texts.into_iter().zip(opened.into_iter().map(Unsealed::clear)).collect())
}
