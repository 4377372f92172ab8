//! Records in full: what the tables have, and what the log says.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use domain::{event::RecordedEvent, personal::Sealed, policy::RoleSet};
use event_store::{Log, Sealer};
use sqlx::{FromRow, PgPool};
use uuid::Uuid;

use super::{
    RecordId, Source,
    circumstances::{Circumstances, chains},
    complete::{complete, name_targets},
    page::RecordRef,
    words::{crud_of_attempt, crud_of_event},
};
use crate::{
    ReadApi,
    model::{AuditRecord, Person, RecordActor, RecordSource, RecordTarget, TracedAggregate},
    queries::history::{HistoryError, Told, tell},
};

/// What records are made from.
#[derive(Clone, Copy)]
pub struct Archive<'a> {
    /// The log.
    pub log: &'a Log,
    /// The read model.
    pub pool: &'a PgPool,
    /// Opens what is personal.
    pub sealer: &'a Sealer,
}

impl<'a> Archive<'a> {
    /// What this service has.
    pub(crate) fn of(api: &'a ReadApi) -> Self {
        Self { log: &api.log, pool: &api.lists, sealer: &api.sealer }
    }
}

/// One record, if it is there.
pub async fn audit_record(archive: Archive<'_>, id: RecordId) -> Result<Option<AuditRecord>, HistoryError> {
    let RecordId { source, position } = id;
    let reference = RecordRef { source, position, recorded_at: DateTime::UNIX_EPOCH, held: Vec::new() };
    let mut records = told_records(archive, &[reference]).await?;
    complete(archive, &mut records).await?;
    Ok(records.pop())
}

/// These records, in this order, with all that can be looked for in them.
pub(super) async fn told_records(
    archive: Archive<'_>,
    wanted: &[RecordRef],
) -> Result<Vec<AuditRecord>, HistoryError> {
    let of = |source: Source| -> Vec<i64> {
        wanted.iter().filter(|record| record.source == source).map(|record| record.position).collect()
    };
    let (events, attempts) = (of(Source::Events), of(Source::Attempts));
    let mut records: HashMap<(bool, i64), AuditRecord> = HashMap::new();
    for record in of_events(archive, &events).await? {
        records.insert((true, record.position.unwrap_or_default()), record);
    }
    for (position, record) in of_attempts(archive, &attempts).await? {
        records.insert((false, position), record);
    }
    let taken = |record: &RecordRef| records.remove(&(record.source == Source::Events, record.position));
    let mut records: Vec<AuditRecord> = wanted.iter().filter_map(taken).collect();
    name_targets(archive.pool, &mut records).await?;
    Ok(records)
}

#[derive(FromRow)]
struct EventRow {
    position: i64,
    session: Option<Uuid>,
    ip: Option<String>,
    user_agent: Option<String>,
}

async fn of_events(archive: Archive<'_>, positions: &[i64]) -> Result<Vec<AuditRecord>, HistoryError> {
    const SQL: &str = "SELECT position, session, host(ip) AS ip, user_agent FROM read_model.audit_events \
         WHERE position = ANY($1)";
    if positions.is_empty() {
        return Ok(Vec::new());
    }
    let rows: Vec<EventRow> = sqlx::query_as(SQL).bind(positions).fetch_all(archive.pool).await?;
    let mut rows: HashMap<i64, EventRow> = rows.into_iter().map(|row| (row.position, row)).collect();
    let events = archive.log.read_positions(positions).await?;
    let mut told = tell(archive.log, archive.sealer, archive.pool, &events).await?;
    let sealed: Vec<_> = events.iter().map(|event| event.metadata.ip_chain.clone()).collect();
    let chains = chains(archive.sealer, &sealed).await?;
    let record = |(event, chain): (RecordedEvent, Vec<String>)| {
        let row = rows.remove(&event.position)?;
        Some(of_event(row, chain, told.remove(&event.position).unwrap_or_default(), event))
    };
    Ok(events.into_iter().zip(chains).filter_map(record).collect())
}

/// The proxies go with the address: where that was taken out they are no more.
fn source(
    ip: Option<String>,
    chain: Vec<String>,
    user_agent: Option<String>,
    transport: String,
) -> RecordSource {
    let ip_chain = if ip.is_some() { chain } else { Vec::new() };
    RecordSource { ip, ip_chain, user_agent, transport }
}

fn of_event(row: EventRow, chain: Vec<String>, told: Told, event: RecordedEvent) -> AuditRecord {
    let metadata = event.metadata;
    let (method, route) = metadata.route.as_deref().and_then(|route| route.split_once(' ')).unzip();
    let person = |id: Uuid| Person { id, name: None };
    AuditRecord {
        id: RecordId { source: Source::Events, position: event.position }.to_string(),
        position: Some(event.position),
        event_id: Some(event.id.0),
        occurred_at: metadata.occurred_at,
        recorded_at: event.recorded_at,
        crud: crud_of_event(&event.event_type).as_str(),
        action: event.event_type,
        outcome: "success".to_owned(),
        status: None,
        code: None,
        actor: RecordActor {
            kind: metadata.actor_type.as_str().to_owned(),
            id: metadata.actor_id.map(|id| id.0),
            name: None,
            roles: RoleSet::EMPTY,
        },
        on_behalf_of: metadata.on_behalf_of.map(|id| person(id.0)),
        session: row.session,
        auth: None,
        source: source(row.ip, chain, row.user_agent, metadata.transport),
        request_id: metadata.request_id,
        correlation_id: metadata.correlation_id,
        causation_id: metadata.causation_id.map(|id| id.0),
        trace_id: metadata
            .traceparent
            .as_deref()
            .and_then(|trace| trace.split('-').nth(1))
            .map(str::to_owned),
        method: method.map(str::to_owned),
        route: route.map(str::to_owned),
        key_hash: metadata.key_hash.map(|hash| hash.to_string()),
        query: None,
        target: Some(RecordTarget {
            kind: event.aggregate_type.clone(),
            id: Some(event.aggregate_id),
            key: None,
        }),
        aggregate: Some(TracedAggregate {
            kind: event.aggregate_type,
            id: event.aggregate_id,
            version: event.sequence,
        }),
        changes: told.changes,
        reason: told.reason,
        node: metadata.node.map(|name| name.to_string()),
        app_version: metadata.app_version.map(|version| version.to_string()),
        count: 1,
        seal: None,
    }
}

#[derive(FromRow)]
struct AttemptRow {
    position: i64,
    occurred_at: DateTime<Utc>,
    recorded_at: DateTime<Utc>,
    action: String,
    outcome: String,
    status: Option<i32>,
    code: Option<String>,
    actor_type: String,
    actor: Option<Uuid>,
    session: Option<Uuid>,
    request: Uuid,
    correlation: Uuid,
    trace: Option<String>,
    method: Option<String>,
    route: Option<String>,
    target_type: Option<String>,
    target: Option<Uuid>,
    target_key: Option<String>,
    key_hash: Option<String>,
    count: i32,
    ip: Option<String>,
    user_agent: Option<String>,
    query: Option<String>,
}

async fn of_attempts(
    archive: Archive<'_>,
    positions: &[i64],
) -> Result<Vec<(i64, AuditRecord)>, HistoryError> {
    const SQL: &str = "SELECT position, occurred_at, recorded_at, action, outcome, status, code, actor_type, actor, \
         session, request, correlation, trace, method, route, target_type, target, target_key, key_hash, count, \
         host(ip) AS ip, user_agent, query FROM read_model.audit_attempts WHERE position = ANY($1)";
    if positions.is_empty() {
        return Ok(Vec::new());
    }
    let rows: Vec<AttemptRow> = sqlx::query_as(SQL).bind(positions).fetch_all(archive.pool).await?;
    let mut around = Circumstances::of(archive.log, positions).await?;
    let around: Vec<_> = rows.iter().map(|row| around.remove(&row.position).unwrap_or_default()).collect();
    let sealed: Vec<_> = around.iter().map(|around| around.ip_chain.clone().map(Sealed)).collect();
    let chains = chains(archive.sealer, &sealed).await?;
    let rows = rows.into_iter().zip(around).zip(chains);
    Ok(rows.map(|((row, around), chain)| (row.position, of_attempt(row, around, chain))).collect())
}

fn of_attempt(row: AttemptRow, around: Circumstances, chain: Vec<String>) -> AuditRecord {
    let crud = crud_of_attempt(&row.action, row.method.as_deref());
    // What was kept before it was noted does not say more.
    let known = if row.method.is_some() { "http" } else { "system" };
    let transport = around.transport.unwrap_or_else(|| known.to_owned());
    let (id, key) = (row.target, row.target_key);
    AuditRecord {
        id: RecordId { source: Source::Attempts, position: row.position }.to_string(),
        position: None,
        event_id: None,
        occurred_at: row.occurred_at.into(),
        recorded_at: row.recorded_at.into(),
        action: row.action,
        crud: crud.as_str(),
        outcome: row.outcome,
        status: row.status,
        code: row.code,
        actor: RecordActor { kind: row.actor_type, id: row.actor, name: None, roles: RoleSet::EMPTY },
        on_behalf_of: None,
        session: row.session,
        auth: None,
        source: source(row.ip, chain, row.user_agent, transport),
        request_id: row.request,
        correlation_id: row.correlation,
        causation_id: None,
        trace_id: row.trace,
        method: row.method,
        route: row.route,
        key_hash: row.key_hash,
        query: row.query,
        target: row.target_type.map(|kind| RecordTarget { kind, id, key }),
        aggregate: None,
        changes: Vec::new(),
        reason: None,
        node: around.node,
        app_version: around.app_version,
        count: row.count,
        seal: None,
    }
}
