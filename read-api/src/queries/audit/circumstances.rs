//! What only the logs know of records: how somebody had proved who they are, over what and through which proxies they came, and
//! which process answered.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use domain::personal::Sealed;
use event_store::{Log, Sealer, Unsealed};
use sqlx::FromRow;
use uuid::Uuid;

use crate::{
    model::{AuditRecord, RecordAuth},
    queries::history::HistoryError,
};

/// What the audit log says of a row beside what its copy in the read model has.
#[derive(Debug, Default, FromRow)]
pub(super) struct Circumstances {
    position: i64,
    pub(super) ip_chain: Option<String>,
    pub(super) node: Option<String>,
    pub(super) app_version: Option<String>,
    pub(super) transport: Option<String>,
}

impl Circumstances {
    /// Of these rows, by their positions.
    pub(super) async fn of(log: &Log, positions: &[i64]) -> sqlx::Result<HashMap<i64, Self>> {
        const SQL: &str = "SELECT position, ip_chain, node, app_version, transport FROM event_store.audit_log \
             WHERE position = ANY($1)";
        let rows: Vec<Self> = sqlx::query_as(SQL).bind(positions).fetch_all(log.pool()).await?;
        Ok(rows.into_iter().map(|row| (row.position, row)).collect())
    }
}

/// The proxies in clear, in the order of the texts; none of those who are erased.
pub(super) async fn chains(
    sealer: &Sealer,
    sealed: &[Option<Sealed>],
) -> Result<Vec<Vec<String>>, HistoryError> {
    let texts: Vec<Sealed> = sealed.iter().flatten().cloned().collect();
    let mut opened = sealer.unseal_all(&texts).await?.into_iter().map(Unsealed::clear);
    let chain = |text: String| text.split(", ").map(str::to_owned).collect();
    let mut open = |_: &Sealed| opened.next().flatten().map(chain).unwrap_or_default();
    Ok(sealed.iter().map(|text| text.as_ref().map(&mut open).unwrap_or_default()).collect())
}

/// How people came into their sessions, and proved anew in them who they are.
pub(super) struct Proofs(HashMap<Uuid, Vec<Proof>>);

#[derive(FromRow)]
struct Proof {
    session: Uuid,
    occurred_at: DateTime<Utc>,
    methods: Vec<String>,
}

impl Proofs {
    pub(super) async fn of(log: &Log, records: &[AuditRecord]) -> sqlx::Result<Self> {
        const SQL: &str = "SELECT session, occurred_at, methods FROM event_store.audit_log \
             WHERE session = ANY($1) AND methods IS NOT NULL ORDER BY position";
        let people = records.iter().filter(|record| record.actor.kind == "user");
        let sessions: BTreeSet<Uuid> = people.filter_map(|record| record.session).collect();
        let mut proofs: HashMap<Uuid, Vec<Proof>> = HashMap::new();
        if !sessions.is_empty() {
            let sessions: Vec<Uuid> = sessions.into_iter().collect();
            let rows: Vec<Proof> = sqlx::query_as(SQL).bind(sessions).fetch_all(log.pool()).await?;
            rows.into_iter().for_each(|proof| proofs.entry(proof.session).or_default().push(proof));
        }
        Ok(Self(proofs))
    }

    /// How the one who acted had proved it, or tried to.
    pub(super) fn behind(&self, record: &AuditRecord) -> Option<RecordAuth> {
        match record.actor.kind.as_str() {
            "service_account" => {
                Some(RecordAuth { method: "api_key".to_owned(), amr: Vec::new(), key_id: record.session })
            }
            "user" => self.of_session(record.session?, record),
            _ => tried(&record.action),
        }
    }

    /// The last proof before the act. One that seems to be later was made by another clock.
    fn of_session(&self, session: Uuid, record: &AuditRecord) -> Option<RecordAuth> {
        let proofs = self.0.get(&session)?;
        let when = if record.position.is_some() { record.recorded_at } else { record.occurred_at };
        let before = proofs.iter().rfind(|proof| proof.occurred_at <= when.as_datetime());
        let amr = before.or(proofs.first())?.methods.clone();
        let method = if amr.iter().any(|method| method == "fed") { "oidc" } else { "password" };
        Some(RecordAuth { method: method.to_owned(), amr, key_id: None })
    }
}

/// What a stranger had tried to come in with.
fn tried(action: &str) -> Option<RecordAuth> {
    let method = match action {
        "auth.login" => "password",
        "auth.oidc_callback" | "auth.oidc_token" => "oidc",
        _ => return None,
    };
    Some(RecordAuth { method: method.to_owned(), amr: Vec::new(), key_id: None })
}
