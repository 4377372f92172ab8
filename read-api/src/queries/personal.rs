//! Everything that is known of a person.

use domain::{personal::Sealed, user::User};
use event_store::{Log, LogError, Sealer, Unsealed, past};
use futures_util::TryStreamExt;
use serde_json::{Value, json};
use sqlx::{PgPool, types::Json};
use tokio::sync::mpsc::Sender;
use uuid::Uuid;

use super::history::{HistoryError, user_history};
use crate::model::Personal;

/// Entries of the history read at once.
const PAGE: i64 = 200;

/// Where it is found.
pub struct Archives<'a> {
    /// The read model, and what was told.
    pub tables: &'a PgPool,
    /// The log, and the sessions.
    pub log: &'a Log,
    /// Opens what is sealed.
    pub sealer: &'a Sealer,
}

/// Why an export has no end.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// A table does not answer.
    #[error(transparent)]
    Tables(#[from] sqlx::Error),
    /// The log does not answer.
    #[error(transparent)]
    Log(#[from] LogError),
    /// What happened cannot be told.
    #[error(transparent)]
    History(#[from] HistoryError),
    /// Nobody listens any more.
    #[error("the reader is gone")]
    Gone,
}

/// How times are written.
macro_rules! time {
    ($column:literal) => {
        concat!("to_char(", $column, " AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')")
    };
}

const SESSIONS: &str = concat!(
    "SELECT jsonb_build_object('id', id, 'ip', ip, 'user_agent', user_agent, 'create_time', ",
    time!("created_at"),
    ", 'last_active_time', ",
    time!("last_active_at"),
    ", 'end_time', ",
    time!("ended_at"),
    ") FROM event_store.sessions_of($1) ORDER BY created_at, id"
);

const TASKS: &str = concat!(
    "SELECT jsonb_build_object('id', t.id, 'key', 'T-' || t.key, 'title', t.title, 'description', t.description, 'status', \
     t.status, 'as', (SELECT jsonb_agg(p.role ORDER BY p.role) FROM read_model.task_people p WHERE p.user_id = $1 AND \
     p.task_id = t.id), 'create_time', ",
    time!("t.create_time"),
    ") FROM read_model.tasks t WHERE t.id IN (SELECT task_id FROM read_model.task_people WHERE user_id = $1) \
     AND (t.purge_time IS NULL OR t.purge_time > now()) ORDER BY t.id"
);

const COMMENTS: &str = concat!(
    "SELECT jsonb_build_object('id', id, 'task', task_id, 'text', text, 'create_time', ",
    time!("create_time"),
    ", 'edit_time', ",
    time!("edit_time"),
    ") FROM read_model.comments WHERE author = $1 ORDER BY task_id, id"
);

const NOTICES: &str = concat!(
    "SELECT jsonb_build_object('id', id, 'category', category, 'position', position, 'happening', happening, 'create_time', ",
    time!("create_time"),
    ") FROM delivery.notices WHERE user_id = $1 ORDER BY number"
);

/// Sends it, piece by piece; how many there were.
pub async fn export(archives: &Archives<'_>, user: Uuid, out: &Sender<Personal>) -> Result<u64, ExportError> {
    let mut said = 0;
    for (kind, data) in own_state(archives, user).await? {
        said += send(out, kind, data).await?;
    }
    let (tables, log) = (archives.tables, archives.log.pool());
    for (kind, pool, sql) in [
        ("session", log, SESSIONS),
        ("task", tables, TASKS),
        ("comment", tables, COMMENTS),
        ("notice", tables, NOTICES),
    ] {
        let mut rows = sqlx::query_scalar::<_, Json<Value>>(sql).bind(user).fetch(pool);
        while let Some(Json(row)) = rows.try_next().await? {
            said += send(out, kind, opened(archives.sealer, row).await?).await?;
        }
    }
    let mut before = Some(i64::MAX);
    while let Some(end) = before {
        let Archives { tables, log, sealer } = archives;
        let page = user_history(log, sealer, tables, user, end, PAGE).await?;
        for entry in page.entries {
            said += send(out, "event", serde_json::to_value(entry).unwrap_or_default()).await?;
        }
        before = page.next_before;
    }
    Ok(said)
}

async fn send(out: &Sender<Personal>, kind: &'static str, data: Value) -> Result<u64, ExportError> {
    out.send(Personal { kind, data }).await.map(|()| 1).map_err(|_| ExportError::Gone)
}

/// What stands in the user's own state and in no table.
async fn own_state(archives: &Archives<'_>, user: Uuid) -> Result<Vec<(&'static str, Value)>, ExportError> {
    let mut state = User::default();
    past::replay(archives.log, user, &mut state, 0, i64::MAX).await?;
    let mut said = vec![("notification_preferences", json!(state.preferences))];
    for device in &state.devices {
        let token = open(archives.sealer, &device.token).await?;
        said.push(("device", json!({"id": device.id, "platform": device.platform, "token": token})));
    }
    for identity in &state.identities {
        let subject = open(archives.sealer, &identity.subject).await?;
        said.push(("identity", json!({"id": identity.id, "issuer": identity.issuer, "subject": subject})));
    }
    Ok(said)
}

/// Where a session came from is sealed.
async fn opened(sealer: &Sealer, mut row: Value) -> Result<Value, ExportError> {
    for field in ["ip", "user_agent"] {
        if let Some(sealed) = row.get(field).and_then(Value::as_str) {
            row[field] = json!(open(sealer, &Sealed(sealed.to_owned())).await?);
        }
    }
    Ok(row)
}

async fn open(sealer: &Sealer, text: &Sealed) -> Result<Option<String>, HistoryError> {
    Ok(sealer.unseal(text).await.map(Unsealed::clear)?)
}
