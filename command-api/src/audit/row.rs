//! From a record to its row: whom it is about, what is personal sealed with their key.

use chrono::{DateTime, Utc};
use domain::{ids::UserId, personal::Sealed};
use event_store::SealError;
use serde::Serialize;
use sqlx::PgPool;
use uuid::Uuid;

use super::{About, Outcome, Record, Target};
use crate::commands::{Commands, Refusal};

/// Whose key seals what belongs to nobody in particular.
const NOBODY: UserId = UserId(Uuid::nil());

/// A row of the table; members are its columns.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    id: Uuid,
    occurred_at: DateTime<Utc>,
    action: String,
    outcome: &'static str,
    status: u16,
    code: Option<&'static str>,
    actor: Option<Uuid>,
    session: Option<Uuid>,
    ip: Option<Sealed>,
    user_agent: Option<Sealed>,
    request_id: Uuid,
    correlation_id: Uuid,
    trace_id: String,
    method: String,
    route: String,
    target_type: Option<String>,
    target_id: Option<String>,
    key_hash: Option<String>,
    count: u32,
}

impl Row {
    /// Looks up whom it is about, and seals.
    pub(super) async fn of(record: Record, commands: &Commands) -> Result<Self, Refusal> {
        let about = whose(&record.about, commands).await?;
        let person = record.actor.map(UserId).or(about);
        let (ip, user_agent) = match commands.seal_client(person.unwrap_or(NOBODY), &record.client).await {
            Ok(sealed) => (Some(sealed.ip), sealed.user_agent),
            // Of those who are erased nothing is kept.
            Err(Refusal::Seal(SealError::Erased)) => (None, None),
            Err(error) => return Err(error),
        };
        let target = record.target.or_else(|| about.map(|user| Target::new("user", user.0)));
        let (target_type, target_id) = target.map(|Target { kind, id }| (kind, id)).unzip();
        let session = match record.about {
            About::Session(session) => Some(session),
            About::Nobody | About::Email(_) => record.session,
        };
        Ok(Self {
            id: Uuid::now_v7(),
            occurred_at: record.occurred_at,
            action: record.action.to_string(),
            outcome: word(record.outcome),
            status: record.status,
            code: record.code.map(|code| code.as_str()),
            actor: record.actor,
            session,
            ip,
            user_agent,
            request_id: record.request,
            correlation_id: record.request,
            trace_id: record.trace,
            method: record.method,
            route: record.route.to_string(),
            target_type,
            target_id,
            key_hash: record.key_hash,
            count: record.count,
        })
    }
}

impl Target {
    /// An object by its id.
    pub(crate) fn new(kind: &str, id: Uuid) -> Self {
        Self { kind: kind.to_owned(), id: id.to_string() }
    }
}

fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Success => "success",
        Outcome::Failure => "failure",
        Outcome::Denied => "denied",
    }
}

async fn whose(about: &About, commands: &Commands) -> Result<Option<UserId>, Refusal> {
    const SQL: &str = "SELECT user_id FROM event_store.sessions WHERE id = $1";
    match about {
        About::Nobody => Ok(None),
        About::Email(email) => commands.find_email(email).await,
        About::Session(id) => {
            let user = sqlx::query_scalar(SQL).bind(id).fetch_optional(commands.log().pool()).await;
            Ok(user.map_err(event_store::LogError::from)?.map(UserId))
        }
    }
}

/// Adds rows; those that are there already, by an earlier sending whose answer was lost, stay as they are.
pub(super) async fn insert(pool: &PgPool, rows: &[Row]) -> Result<(), sqlx::Error> {
    const SQL: &str = "INSERT INTO event_store.audit_log (id, occurred_at, action, outcome, status, code, actor, session, \
             ip, user_agent, request_id, correlation_id, trace_id, method, route, target_type, target_id, key_hash, count) \
         SELECT id, occurred_at, action, outcome, status, code, actor, session, ip, user_agent, request_id, \
                correlation_id, trace_id, method, route, target_type, target_id, key_hash, count \
           FROM jsonb_to_recordset($1) AS kept(id uuid, occurred_at timestamptz, action text, outcome text, status integer, \
                code text, actor uuid, session uuid, ip text, user_agent text, request_id uuid, correlation_id uuid, \
                trace_id text, method text, route text, target_type text, target_id text, key_hash text, count integer) \
             ON CONFLICT DO NOTHING";
    sqlx::query(SQL).bind(sqlx::types::Json(rows)).execute(pool).await.map(drop)
}
