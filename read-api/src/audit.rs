//! What of the reads goes into the audit log: those that were refused, and answers that show what is to be known of; and who
//! moves a consumer group or settles what is in it. This service may add such rows and nothing else.

use event_store::SealError;
use service::audit::{Keeper, Kept, Other, Record, Row, SealedOrigin};
use sqlx::{PgPool, types::Json};
use uuid::Uuid;

use crate::{
    ReadApi,
    grpc::{CONSUME, SUBSCRIBE},
};

/// What is kept also when it is answered.
pub(crate) const KEPT: Kept = Kept {
    done: &[
        "audit.list_records",
        "audit.get_record",
        "audit.count_records",
        "audit.list_role_holders",
        "audit.get_trace",
        "audit.get_integrity",
        "audit.get_proof",
        "audit.exports.content",
    ],
    // Nothing here leaves an event: who moves a consumer group is kept without being named.
    routine: &[],
    queries: &["notifications.dry_run_notification_rule"],
    others: &[
        Other { path: SUBSCRIBE, action: "events.subscribe", public: false, streams: true },
        Other { path: CONSUME, action: "events.consume", public: false, streams: true },
    ],
};

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
        let (person, client) = (record.actor.unwrap_or(NOBODY), &record.client);
        Ok(SealedOrigin {
            about: None,
            ip: self.sealed(person, Some(&client.ip.to_string())).await?,
            ip_chain: self.sealed(person, client.chain().as_deref()).await?,
            user_agent: self.sealed(person, client.user_agent.as_deref()).await?,
            query: self.sealed(person, record.query.as_deref().filter(|query| !query.is_empty())).await?,
        })
    }

    async fn write(&self, rows: &[Row]) -> Result<(), SealError> {
        const SQL: &str = "SELECT event_store.keep_refused_reads($1)";
        Ok(sqlx::query(SQL).bind(Json(rows)).execute(&self.pool).await.map(drop)?)
    }
}

impl Scribe {
    async fn sealed(&self, person: Uuid, text: Option<&str>) -> Result<Option<String>, SealError> {
        let Some(text) = text else { return Ok(None) };
        Ok(self.api.sealer.seal_if_known(person, text).await?.map(|sealed| sealed.0))
    }
}
