//! A batch of units as the arrays that `event_store.append` takes, and its reply as outcomes.

use std::{borrow::Cow, collections::HashMap};

use sqlx::{PgConnection, Postgres, Row, postgres::PgArguments, query::QueryAs};
use uuid::Uuid;

use super::columns::{Actions, Events, Guards, Numbered, Receipts, Snapshots, Streams, count};
use crate::{AggregateRef, ClaimAction, Outcome, Receipt, StoredReceipt, Unit, receipt};

const SQL: &str = "SELECT outcomes, positions, details, owners FROM event_store.append($1, $2, $3, $4, $5, \
     $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, \
     $29, $30, $31, $32, $33, $34, $35, $36, $37, $38, $39, $40, $41)";

/// The newest receipt of each key.
const RECEIPTS: &str = "SELECT q.number, r.unit_id, r.position, r.recorded_at, r.status, r.fingerprint, r.body, \
     r.etag, r.location FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY \
     AS q(class, principal, key, number) CROSS JOIN LATERAL (SELECT * FROM event_store.command_receipts c \
     WHERE c.class = q.class AND c.key = q.key AND c.principal = q.principal \
     ORDER BY c.recorded_at DESC LIMIT 1) AS r";

/// Column by column what the units hold.
#[derive(Default)]
pub(super) struct Batch<'a> {
    units: Vec<&'a Unit>,
    aggregates: Numbered<AggregateRef>,
    streams: Streams,
    guards: Guards,
    claims: Numbered<(&'a str, &'a str)>,
    actions: Actions,
    receipt_keys: HashMap<(&'a str, &'a str, &'static str), i32>,
    receipts: Receipts<'a>,
    events: Events<'a>,
    snapshots: Snapshots<'a>,
}

impl<'a> Batch<'a> {
    pub(super) fn of(units: impl IntoIterator<Item = &'a Unit>) -> Self {
        let mut batch = Self::default();
        for unit in units {
            batch.units.push(unit);
            batch.add(count(batch.units.len()), unit);
        }
        batch
    }

    fn add(&mut self, number: i32, unit: &'a Unit) {
        for stream in &unit.streams {
            let aggregate = self.aggregates.number(stream.aggregate);
            self.streams.unit.push(number);
            self.streams.aggregate.push(aggregate);
            self.streams.expected.push(stream.expected);
            self.streams.events.push(count(stream.events.len()));
            self.add_events(number, stream);
            if let Some(snapshot) = &stream.snapshot {
                self.snapshots.unit.push(number);
                self.snapshots.aggregate.push(aggregate);
                self.snapshots.sequence.push(stream.expected + i64::from(count(stream.events.len())));
                self.snapshots.shape.push(snapshot.shape);
                self.snapshots.state.push(&snapshot.state);
            }
        }
        for guard in &unit.guards {
            self.guards.unit.push(number);
            self.guards.aggregate.push(self.aggregates.number(guard.aggregate));
            self.guards.sequence.push(guard.sequence);
        }
        for claim in &unit.claims {
            self.actions.unit.push(number);
            self.actions.claim.push(self.claims.number((&claim.scope, &claim.value)));
            self.actions.owner.push(claim.owner);
            self.actions.take.push(claim.action == ClaimAction::Take);
        }
        if let Some(receipt) = &unit.receipt {
            self.add_receipt(number, unit.id, receipt);
        }
    }

    fn add_events(&mut self, number: i32, stream: &'a crate::StreamAppend) {
        for (sequence, event) in (stream.expected + 1..).zip(&stream.events) {
            self.events.unit.push(number);
            self.events.event_type.push(&event.event_type);
            self.events.aggregate_type.push(stream.aggregate.kind);
            self.events.aggregate_id.push(stream.aggregate.id);
            self.events.sequence.push(sequence);
            self.events.id.push(event.id.0);
            self.events.version.push(&event.event_version);
            self.events.payload.push(&event.payload);
            self.events.metadata.push(&event.metadata);
        }
    }

    fn add_receipt(&mut self, number: i32, unit: Uuid, receipt: &'a Receipt) {
        let class = receipt.class.as_str();
        let index = count(self.receipts.unit.len() + 1);
        let key = (receipt.principal.as_str(), receipt.key.as_str(), class);
        let receipts = &mut self.receipts;
        receipts.unit.push(number);
        receipts.same.push(*self.receipt_keys.entry(key).or_insert(index));
        receipts.unit_id.push(unit);
        receipts.class.push(class);
        receipts.principal.push(&receipt.principal);
        receipts.key.push(&receipt.key);
        receipts.fingerprint.push(&receipt.fingerprint);
        receipts.status.push(i32::from(receipt.status));
        receipts.body.push(&receipt.body);
        receipts.etag.push(receipt.etag.as_deref());
        receipts.location.push(receipt.location.as_deref());
    }

    /// Sends the batch: one round trip, one transaction (and a look-up if receipts answer for units). Returns an outcome
    /// per unit, all of them committed.
    pub(super) async fn send(&self, connection: &mut PgConnection) -> Result<Vec<Outcome>, sqlx::Error> {
        // All of the reply must be read: a row alone may come before its COMMIT has failed.
        let mut rows = self.query().fetch_all(&mut *connection).await?;
        let reply = rows.pop().ok_or(sqlx::Error::RowNotFound)?;
        let mut replays = HashMap::new();
        if reply.outcomes.contains(&REPLAY) {
            replays = self.replays(&reply, connection).await?;
        }
        reply.outcomes(self, &mut replays).map_err(|error| sqlx::Error::Decode(error.into()))
    }

    /// The receipts that answer for units, by index of the unit.
    async fn replays(
        &self,
        reply: &Reply,
        connection: &mut PgConnection,
    ) -> Result<HashMap<usize, StoredReceipt>, sqlx::Error> {
        let asked: Vec<(usize, &Receipt)> = (0..)
            .zip(&self.units)
            .filter(|(unit, _)| reply.outcomes.get(*unit) == Some(&REPLAY))
            .filter_map(|(unit, asked)| Some((unit, asked.receipt.as_ref()?)))
            .collect();
        let rows = sqlx::query(RECEIPTS)
            .bind(asked.iter().map(|(_, receipt)| receipt.class.as_str()).collect::<Vec<_>>())
            .bind(asked.iter().map(|(_, receipt)| receipt.principal.as_str()).collect::<Vec<_>>())
            .bind(asked.iter().map(|(_, receipt)| receipt.key.as_str()).collect::<Vec<_>>())
            .fetch_all(connection)
            .await?;
        let mut replays = HashMap::with_capacity(rows.len());
        for row in rows {
            let number = usize::try_from(row.try_get::<i64, _>("number")?).unwrap_or_default();
            let Some((unit, asked)) = asked.get(number.wrapping_sub(1)) else { continue };
            let stored = receipt::stored(&row, &asked.principal, &asked.key, asked.class)
                .map_err(|error| sqlx::Error::Decode(error.into()))?;
            replays.insert(*unit, stored);
        }
        Ok(replays)
    }

    fn query(&self) -> QueryAs<'_, Postgres, Reply, PgArguments> {
        let kinds: Vec<&str> = self.aggregates.values.iter().map(|aggregate| aggregate.kind).collect();
        let ids: Vec<Uuid> = self.aggregates.values.iter().map(|aggregate| aggregate.id).collect();
        let (scopes, values): (Vec<&str>, Vec<&str>) = self.claims.values.iter().copied().unzip();
        let query = sqlx::query_as(SQL).bind(count(self.units.len())).bind(kinds).bind(ids);
        let Self { streams, guards, actions, receipts, events, snapshots, .. } = self;
        let query = query
            .bind(&streams.unit)
            .bind(&streams.aggregate)
            .bind(&streams.expected)
            .bind(&streams.events)
            .bind(&guards.unit)
            .bind(&guards.aggregate)
            .bind(&guards.sequence)
            .bind(scopes)
            .bind(values)
            .bind(&actions.unit)
            .bind(&actions.claim)
            .bind(&actions.owner)
            .bind(&actions.take);
        let query = query
            .bind(&receipts.unit)
            .bind(&receipts.same)
            .bind(&receipts.unit_id)
            .bind(&receipts.class)
            .bind(&receipts.principal)
            .bind(&receipts.key)
            .bind(&receipts.fingerprint)
            .bind(&receipts.status)
            .bind(&receipts.body)
            .bind(&receipts.etag)
            .bind(&receipts.location);
        query
            .bind(&events.unit)
            .bind(&events.event_type)
            .bind(&events.aggregate_type)
            .bind(&events.aggregate_id)
            .bind(&events.sequence)
            .bind(&events.id)
            .bind(&events.version)
            .bind(&events.payload)
            .bind(&events.metadata)
            .bind(&snapshots.unit)
            .bind(&snapshots.aggregate)
            .bind(&snapshots.sequence)
            .bind(&snapshots.shape)
            .bind(&snapshots.state)
    }
}

/// The function's word for a unit that a receipt answers for.
const REPLAY: i32 = 4;

/// The function's reply does not fit the batch: another version of the schema.
#[derive(Debug, thiserror::Error)]
#[error("the reply of event_store.append cannot be understood")]
struct DamagedReply;

/// One row: an array entry per unit.
#[derive(sqlx::FromRow)]
struct Reply {
    outcomes: Vec<i32>,
    positions: Vec<Option<i64>>,
    details: Vec<Option<i32>>,
    owners: Vec<Option<Uuid>>,
}

impl Reply {
    fn outcomes(
        &self,
        batch: &Batch<'_>,
        replays: &mut HashMap<usize, StoredReceipt>,
    ) -> Result<Vec<Outcome>, DamagedReply> {
        (0..batch.units.len()).map(|unit| self.outcome(batch, unit, replays)).collect()
    }

    fn outcome(
        &self,
        batch: &Batch<'_>,
        unit: usize,
        replays: &mut HashMap<usize, StoredReceipt>,
    ) -> Result<Outcome, DamagedReply> {
        let detail = self.details.get(unit).copied().flatten();
        Ok(match self.outcomes.get(unit) {
            Some(0) => {
                let position = self.positions.get(unit).copied().flatten();
                Outcome::Appended { position: position.ok_or(DamagedReply)? }
            }
            Some(1) => Outcome::Conflict { aggregate: batch.aggregates.get(detail).ok_or(DamagedReply)? },
            Some(2) => Outcome::GuardFailed { aggregate: batch.aggregates.get(detail).ok_or(DamagedReply)? },
            Some(3) => Outcome::Taken {
                scope: Cow::Owned(batch.claims.get(detail).ok_or(DamagedReply)?.0.to_owned()),
                owner: self.owners.get(unit).copied().flatten().ok_or(DamagedReply)?,
            },
            Some(&REPLAY) => Outcome::Replayed(Box::new(replays.remove(&unit).ok_or(DamagedReply)?)),
            _ => return Err(DamagedReply),
        })
    }
}
