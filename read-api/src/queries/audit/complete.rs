//! What goes with records: keys of tasks, names, roles, proofs, seals.

use std::collections::{BTreeSet, HashMap};

use domain::ids::TaskKey;
use event_store::Log;
use sqlx::PgPool;
use uuid::Uuid;

use super::{Archive, RecordId, Source, circumstances::Proofs, roles::Roles};
use crate::{
    model::{AuditRecord, RecordSeal},
    queries::{history::HistoryError, users::names},
};

/// Adds names, roles, proofs and seals.
pub(super) async fn complete(archive: Archive<'_>, records: &mut [AuditRecord]) -> Result<(), HistoryError> {
    let actors: BTreeSet<Uuid> = records.iter().filter_map(|record| record.actor.id).collect();
    let others = records.iter().filter_map(|record| record.on_behalf_of.as_ref()).map(|person| person.id);
    let people: Vec<Uuid> = actors.iter().copied().chain(others).collect();
    let names = names(archive.pool, &people).await?;
    let roles = Roles::of(archive.log, &actors).await?;
    let proofs = Proofs::of(archive.log, records).await?;
    let seals = Seals::of(archive.log, records).await?;
    for record in records {
        if let Some(id) = record.actor.id {
            record.actor.name = names.get(&id).cloned();
            record.actor.roles = roles.at(id, record.recorded_at.as_datetime());
        }
        if let Some(person) = &mut record.on_behalf_of {
            person.name = names.get(&person.id).cloned();
        }
        record.auth = proofs.behind(record);
        record.seal = seals.around(&record.id);
    }
    Ok(())
}

/// Adds the keys of tasks.
pub(super) async fn name_targets(pool: &PgPool, records: &mut [AuditRecord]) -> sqlx::Result<()> {
    let keys = keys(pool, records).await?;
    for target in records.iter_mut().filter_map(|record| record.target.as_mut()) {
        let known = target.id.and_then(|id| keys.get(&id)).map(|key| TaskKey(*key).to_string());
        target.key = target.key.take().or(known);
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
