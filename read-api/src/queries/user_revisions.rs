//! Users as they were.

use domain::{personal::Sealed, user::User as State};
use event_store::{Log, Sealer, Unsealed};
use sqlx::PgPool;
use uuid::Uuid;

use super::{
    history::{HistoryError, user_history},
    revisions::{Moment, Past, past_at},
};
use crate::model::{HistoryEntry, PrivateFields, User};

/// The user as he was then; none before his first event.
pub async fn user_at(log: &Log, id: Uuid, moment: Moment) -> Result<Option<Past<State>>, HistoryError> {
    past_at(log, id, moment).await
}

impl Past<State> {
    /// With everything that anybody may see of a user, by the name that was his then; of who is erased since, none.
    pub async fn shown(&self, sealer: &Sealer) -> Result<User, HistoryError> {
        let state = &self.state;
        let (name, email) = (open(sealer, &state.name).await?, open(sealer, &state.email).await?);
        let private = PrivateFields {
            email,
            roles: state.roles,
            locale: state.locale.as_ref().map(ToString::to_string),
            time_zone: state.time_zone.map(|zone| zone.to_string()),
            create_time: state.create_time.unwrap_or(self.last.metadata.occurred_at),
            update_time: state.update_time.unwrap_or(self.last.metadata.occurred_at),
        };
        Ok(User {
            id: self.id,
            version: state.version,
            erased: name.is_none(),
            name,
            state: state.state().as_str().to_owned(),
            private: Some(private),
        })
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

async fn open(sealer: &Sealer, text: &Option<Sealed>) -> Result<Option<String>, HistoryError> {
    match text {
        Some(text) => Ok(sealer.unseal(text).await.map(Unsealed::clear)?),
        None => Ok(None),
    }
}
