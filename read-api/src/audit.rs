//! What of the reads goes into the audit log: those that were refused. This service may add such rows and nothing else.

use event_store::SealError;
use service::audit::{Keeper, Record, Row, SealedOrigin};
use sqlx::{PgPool, types::Json};
use uuid::Uuid;

use crate::ReadApi;

/// Whose key seals what belongs to nobody in particular.
const NOBODY: Uuid = Uuid::nil();

/// Seals with the keys that are there, and writes on a connection of its own.
pub(crate) struct Scribe {
    pub(crate) api: ReadApi,
    pub(crate) pool: PgPool,
}

impl Keeper for Scribe {
    type Error = SealError;

    async fn seal(&self, record: &Record) -> Result<SealedOrigin, SealError> {
        let (person, client, sealer) = (record.actor.unwrap_or(NOBODY), &record.client, &self.api.sealer);
        let ip = sealer.seal_if_known(person, &client.ip.to_string()).await?;
        let user_agent = match &client.user_agent {
            Some(text) => sealer.seal_if_known(person, text).await?,
            None => None,
        };
        Ok(SealedOrigin { about: None, ip: ip.map(|ip| ip.0), user_agent: user_agent.map(|sealed| sealed.0) })
    }

    async fn write(&self, rows: &[Row]) -> Result<(), SealError> {
        const SQL: &str = "SELECT event_store.keep_refused_reads($1)";
        Ok(sqlx::query(SQL).bind(Json(rows)).execute(&self.pool).await.map(drop)?)
    }
}
