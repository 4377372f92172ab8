//! Records in full: what the tables have, what the log says, and names, keys, roles and seals that go with it.

use std::{
    collections::{BTreeSet, HashMap},
    fmt,
    str::FromStr,
};

use chrono::{DateTime, Utc};
use domain::{event::RecordedEvent, filter::Crud, ids::TaskKey, policy::RoleSet};
use event_store::{Log, Sealer};
use sqlx::{FromRow, PgPool};
use uuid::Uuid;

use super::{
    Source,
    page::RecordRef,
    roles::Roles,
    words::{crud_of_attempt, crud_of_event},
};
use crate::{
    model::{AuditRecord, Person, RecordActor, RecordSeal, RecordSource, RecordTarget, TracedAggregate},
    queries::{
        history::{HistoryError, Told, tell},
        users::names,
    },
};

/// The permanent name of a record: its place in its log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordId {
    pub(super) source: Source,
    pub(super) position: i64,
}

/// The text is no name of a record.
#[derive(Clone, Copy, Debug)]
pub struct NoRecordId;

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let log = match self.source {
            Source::Events => 'e',
            Source::Attempts => 'a',
        };
        write!(f, "{log}{}", self.position)
    }
}

impl FromStr for RecordId {
    type Err = NoRecordId;

    fn from_str(text: &str) -> Result<Self, NoRecordId> {
        let place = |source, digits: &str| {
            let position = digits.parse().ok().filter(|position| *position > 0).ok_or(NoRecordId)?;
            Ok(Self { source, position })
        };
        match (text.strip_prefix('e'), text.strip_prefix('a')) {
            (Some(digits), _) => place(Source::Events, digits),
            (None, Some(digits)) => place(Source::Attempts, digits),
            (None, None) => Err(NoRecordId),
        }
    }
}

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

/// One record, if it is there.
pub async fn audit_record(archive: Archive<'_>, id: RecordId) -> Result<Option<AuditRecord>, HistoryError> {
    let RecordId { source, position } = id;
    let reference = RecordRef { source, position, recorded_at: DateTime::UNIX_EPOCH };
    Ok(audit_records(archive, &[reference]).await?.pop())
}

/// These records, in this order.
pub async fn audit_records(
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
    for (position, record) in of_attempts(archive.pool, &attempts).await? {
        records.insert((false, position), record);
    }
    let taken = |record: &RecordRef| records.remove(&(record.source == Source::Events, record.position));
    let mut records: Vec<AuditRecord> = wanted.iter().filter_map(taken).collect();
    complete(archive, &mut records).await?;
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
    let record = |event: RecordedEvent| {
        let row = rows.remove(&event.position)?;
        Some(of_event(row, told.remove(&event.position).unwrap_or_default(), event))
    };
    Ok(events.into_iter().filter_map(record).collect())
}

fn of_event(row: EventRow, told: Told, event: RecordedEvent) -> AuditRecord {
    let metadata = event.metadata;
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
        source: RecordSource { ip: row.ip, user_agent: row.user_agent, transport: metadata.transport },
        request_id: metadata.request_id,
        correlation_id: metadata.correlation_id,
        causation_id: metadata.causation_id.map(|id| id.0),
        trace_id: metadata
            .traceparent
            .as_deref()
            .and_then(|trace| trace.split('-').nth(1))
            .map(str::to_owned),
        method: None,
        route: None,
        key_hash: None,
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

async fn of_attempts(pool: &PgPool, positions: &[i64]) -> sqlx::Result<Vec<(i64, AuditRecord)>> {
    const SQL: &str = "SELECT position, occurred_at, recorded_at, action, outcome, status, code, actor_type, actor, \
         session, request, correlation, trace, method, route, target_type, target, target_key, key_hash, count, \
         host(ip) AS ip, user_agent, query FROM read_model.audit_attempts WHERE position = ANY($1)";
    if positions.is_empty() {
        return Ok(Vec::new());
    }
    let rows: Vec<AttemptRow> = sqlx::query_as(SQL).bind(positions).fetch_all(pool).await?;
    Ok(rows.into_iter().map(|row| (row.position, of_attempt(row))).collect())
}

fn of_attempt(row: AttemptRow) -> AuditRecord {
    let crud: Crud = crud_of_attempt(row.method.as_deref());
    let transport = if row.method.is_some() { "http" } else { "system" };
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
        source: RecordSource { ip: row.ip, user_agent: row.user_agent, transport: transport.to_owned() },
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
        count: row.count,
        seal: None,
    }
}

/// Adds names, roles, keys and seals.
async fn complete(archive: Archive<'_>, records: &mut [AuditRecord]) -> Result<(), HistoryError> {
    let actors: BTreeSet<Uuid> = records.iter().filter_map(|record| record.actor.id).collect();
    let others = records.iter().filter_map(|record| record.on_behalf_of.as_ref()).map(|person| person.id);
    let people: Vec<Uuid> = actors.iter().copied().chain(others).collect();
    let names = names(archive.pool, &people).await?;
    let roles = Roles::of(archive.log, &actors).await?;
    let keys = keys(archive.pool, records).await?;
    let seals = Seals::of(archive.log, records).await?;
    for record in records {
        if let Some(id) = record.actor.id {
            record.actor.name = names.get(&id).cloned();
            record.actor.roles = roles.at(id, record.recorded_at.as_datetime());
        }
        if let Some(person) = &mut record.on_behalf_of {
            person.name = names.get(&person.id).cloned();
        }
        if let Some(target) = &mut record.target {
            let known = target.id.and_then(|id| keys.get(&id)).map(|key| TaskKey(*key).to_string());
            target.key = target.key.take().or(known);
        }
        record.seal = seals.around(&record.id);
    }
    Ok(())
}

async fn keys(pool: &PgPool, records: &[AuditRecord]) -> sqlx::Result<HashMap<Uuid, i64>> {
    const SQL: &str = "SELECT id, key FROM read_model.tasks WHERE id = ANY($1)";
    let tasks =
        records.iter().filter_map(|record| record.target.as_ref()).filter(|target| target.kind == "task");
    let ids: Vec<Uuid> = tasks.filter_map(|target| target.id).collect();
    let rows: Vec<(Uuid, i64)> = sqlx::query_as(SQL).bind(ids).fetch_all(pool).await?;
    Ok(rows.into_iter().collect())
}

/// The blocks that records are sealed in.
struct Seals(HashMap<String, i64>);

impl Seals {
    async fn of(log: &Log, records: &[AuditRecord]) -> sqlx::Result<Self> {
        const SQL: &str = "SELECT w.log, w.position, s.number FROM unnest($1::text[], $2::bigint[]) AS w (log, position) \
             CROSS JOIN LATERAL (SELECT number, last FROM event_store.seals \
                 WHERE log = w.log AND first <= w.position ORDER BY first DESC LIMIT 1) AS s \
             WHERE s.last >= w.position";
        let places = records.iter().filter_map(|record| record.id.parse::<RecordId>().ok());
        let (logs, positions): (Vec<&str>, Vec<i64>) =
            places.map(|place| (ledger(place.source), place.position)).unzip();
        let rows: Vec<(String, i64, i64)> =
            sqlx::query_as(SQL).bind(logs).bind(positions).fetch_all(log.pool()).await?;
        let named = |(log, position, number): (String, i64, i64)| {
            let source = if log == ledger(Source::Events) { Source::Events } else { Source::Attempts };
            (RecordId { source, position }.to_string(), number)
        };
        Ok(Self(rows.into_iter().map(named).collect()))
    }

    fn around(&self, record: &str) -> Option<RecordSeal> {
        let place: RecordId = record.parse().ok()?;
        let number = *self.0.get(record)?;
        Some(RecordSeal { log: ledger(place.source), number, position: place.position })
    }
}

fn ledger(source: Source) -> &'static str {
    match source {
        Source::Events => "events",
        Source::Attempts => "audit",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for name in ["e1", "a4711"] {
            assert_eq!(name.parse::<RecordId>().unwrap().to_string(), name);
        }
        for bad in ["", "e", "e0", "a-1", "x1", "1", "e99999999999999999999"] {
            assert!(bad.parse::<RecordId>().is_err(), "{bad}");
        }
    }
}
