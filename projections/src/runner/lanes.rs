//! Lanes: how aggregates are spread over them, and who works on which.

use std::{collections::BTreeMap, time::Duration};

use event_store::follow::Checkpoint;
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use crate::{fingerprint::fnv1a, schema::LANES};

/// The lane of an aggregate, for ever.
pub fn lane_of(aggregate: Uuid) -> i16 {
    // Less than LANES, which is an i16.
    (fnv1a(aggregate.as_bytes()) % LANES as u64) as i16
}

/// The lanes of one version of a projection that this worker holds, each with the epoch of its lease.
#[derive(Clone, Debug)]
pub(crate) struct Leases {
    pub(crate) projection: &'static str,
    pub(crate) version: i32,
    pub(crate) owner: Uuid,
    /// How long a lease outlives its last renewal.
    pub(crate) lifetime: Duration,
    epochs: BTreeMap<i16, i64>,
}

const ENROL: &str = "
INSERT INTO read_model.workers (projection, version, owner, alive_until)
VALUES ($1, $2, $3, clock_timestamp() + make_interval(secs => $4))
ON CONFLICT (projection, version, owner) DO UPDATE SET alive_until = excluded.alive_until";

const FORGET_THE_DEAD: &str = "
DELETE FROM read_model.workers WHERE projection = $1 AND version = $2 AND alive_until < clock_timestamp()";

const COUNT: &str = "SELECT count(*) FROM read_model.workers WHERE projection = $1 AND version = $2";

/// Lanes are locked in their order, as everywhere: a batch or a switch may want them at the same moment.
const RENEW: &str = "
UPDATE read_model.checkpoints AS c SET lease_until = clock_timestamp() + make_interval(secs => $4)
FROM (
    SELECT k.lane FROM read_model.checkpoints AS k
    JOIN unnest($5::smallint[], $6::bigint[]) AS held (lane, epoch)
        ON k.lane = held.lane AND k.lease_epoch = held.epoch
    WHERE k.projection = $1 AND k.version = $2 AND k.lease_owner = $3
    ORDER BY k.lane FOR UPDATE OF k
) AS kept
WHERE c.projection = $1 AND c.version = $2 AND c.lane = kept.lane
RETURNING c.lane";

const RELEASE: &str = "
UPDATE read_model.checkpoints SET lease_owner = NULL, lease_until = '-infinity'
WHERE projection = $1 AND version = $2 AND lease_owner = $3 AND lane = ANY($4)";

/// A lane is free when its lease has run out by the database's clock, or when it is one's own from an earlier session.
const CLAIM: &str = "
UPDATE read_model.checkpoints AS c SET lease_owner = $3, lease_epoch = c.lease_epoch + 1,
    lease_until = clock_timestamp() + make_interval(secs => $4)
FROM (
    SELECT lane FROM read_model.checkpoints
    WHERE projection = $1 AND version = $2 AND lane <> ALL($6)
        AND (lease_owner = $3 OR lease_until < clock_timestamp())
    ORDER BY lane LIMIT $5 FOR UPDATE SKIP LOCKED
) AS free
WHERE c.projection = $1 AND c.version = $2 AND c.lane = free.lane
RETURNING c.lane, c.lease_epoch";

const FROM: &str = "
SELECT position, event_id FROM read_model.checkpoints
WHERE projection = $1 AND version = $2 AND lane = ANY($3) ORDER BY position LIMIT 1";

const LOWEST: &str =
    "SELECT min(position) FROM read_model.checkpoints WHERE projection = $1 AND version = $2";

const LEAVE: &str = "DELETE FROM read_model.workers WHERE projection = $1 AND version = $2 AND owner = $3";

impl Leases {
    /// Holds nothing yet.
    pub(crate) fn none(projection: &'static str, version: i32, owner: Uuid, lifetime: Duration) -> Self {
        Self { projection, version, owner, lifetime, epochs: BTreeMap::new() }
    }

    /// The lanes held.
    pub(crate) fn lanes(&self) -> Vec<i16> {
        self.epochs.keys().copied().collect()
    }

    /// The epoch under which a lane is held.
    pub(crate) fn epoch(&self, lane: i16) -> Option<i64> {
        self.epochs.get(&lane).copied()
    }

    /// Nothing is held.
    pub(crate) fn is_empty(&self) -> bool {
        self.epochs.is_empty()
    }

    /// Every lane is held.
    pub(crate) fn are_all(&self) -> bool {
        self.epochs.len() == usize::from(LANES.unsigned_abs())
    }

    /// The lowest checkpoint of all lanes, whoever holds them.
    pub(crate) async fn lowest(&self, connection: &mut PgConnection) -> sqlx::Result<i64> {
        sqlx::query_scalar(LOWEST).bind(self.projection).bind(self.version).fetch_one(connection).await
    }

    /// Renews what is held, gives up what is over the fair share, takes what is free below it; says whether lanes came
    /// in, be it lanes that were lost just before.
    pub(crate) async fn tend(&mut self, connection: &mut PgConnection) -> sqlx::Result<bool> {
        let mut transaction = connection.begin().await?;
        let share = self.share(&mut transaction).await?;
        self.renew(&mut transaction).await?;
        self.release_over(&mut transaction, share).await?;
        let claimed = self.claim_up_to(&mut transaction, share).await?;
        transaction.commit().await?;
        Ok(claimed)
    }

    /// Takes all lanes that are free without being counted among the workers, who would leave a share of the lanes to
    /// whoever is counted.
    pub(crate) async fn take_all(&mut self, connection: &mut PgConnection) -> sqlx::Result<()> {
        self.claim_up_to(connection, usize::from(LANES.unsigned_abs())).await.map(drop)
    }

    /// The lowest checkpoint of the lanes held.
    pub(crate) async fn start(&self, connection: &mut PgConnection) -> sqlx::Result<Checkpoint> {
        let (position, event_id): (i64, Option<Uuid>) = sqlx::query_as(FROM)
            .bind(self.projection)
            .bind(self.version)
            .bind(self.lanes())
            .fetch_one(connection)
            .await?;
        Ok(Checkpoint { position, event_id: event_id.map(Into::into) })
    }

    /// Lets others have all lanes at once.
    pub(crate) async fn leave(&mut self, connection: &mut PgConnection) -> sqlx::Result<()> {
        let lanes = self.lanes();
        self.release(connection, &lanes).await?;
        sqlx::query(LEAVE)
            .bind(self.projection)
            .bind(self.version)
            .bind(self.owner)
            .execute(connection)
            .await?;
        Ok(())
    }

    fn seconds(&self) -> f64 {
        self.lifetime.as_secs_f64()
    }

    async fn share(&self, connection: &mut PgConnection) -> sqlx::Result<usize> {
        sqlx::query(FORGET_THE_DEAD)
            .bind(self.projection)
            .bind(self.version)
            .execute(&mut *connection)
            .await?;
        sqlx::query(ENROL)
            .bind(self.projection)
            .bind(self.version)
            .bind(self.owner)
            .bind(self.seconds())
            .execute(&mut *connection)
            .await?;
        let workers: i64 =
            sqlx::query_scalar(COUNT).bind(self.projection).bind(self.version).fetch_one(connection).await?;
        let workers = usize::try_from(workers).unwrap_or(1).max(1);
        Ok(usize::from(LANES.unsigned_abs()).div_ceil(workers))
    }

    /// Renews what is held and forgets what was lost.
    pub(crate) async fn renew(&mut self, connection: &mut PgConnection) -> sqlx::Result<()> {
        if self.epochs.is_empty() {
            return Ok(());
        }
        let (lanes, epochs): (Vec<i16>, Vec<i64>) = self.epochs.iter().unzip();
        let renewed: Vec<i16> = sqlx::query_scalar(RENEW)
            .bind(self.projection)
            .bind(self.version)
            .bind(self.owner)
            .bind(self.seconds())
            .bind(lanes)
            .bind(epochs)
            .fetch_all(connection)
            .await?;
        self.epochs.retain(|lane, _| renewed.contains(lane));
        Ok(())
    }

    async fn release_over(&mut self, connection: &mut PgConnection, share: usize) -> sqlx::Result<()> {
        let over: Vec<i16> = self.lanes().split_off(share.min(self.epochs.len()));
        if over.is_empty() { Ok(()) } else { self.release(connection, &over).await }
    }

    async fn release(&mut self, connection: &mut PgConnection, lanes: &[i16]) -> sqlx::Result<()> {
        sqlx::query(RELEASE)
            .bind(self.projection)
            .bind(self.version)
            .bind(self.owner)
            .bind(lanes)
            .execute(connection)
            .await?;
        self.epochs.retain(|lane, _| !lanes.contains(lane));
        Ok(())
    }

    async fn claim_up_to(&mut self, connection: &mut PgConnection, share: usize) -> sqlx::Result<bool> {
        let wanted = share.saturating_sub(self.epochs.len());
        if wanted == 0 {
            return Ok(false);
        }
        let claimed: Vec<(i16, i64)> = sqlx::query_as(CLAIM)
            .bind(self.projection)
            .bind(self.version)
            .bind(self.owner)
            .bind(self.seconds())
            .bind(i64::try_from(wanted).unwrap_or(i64::MAX))
            .bind(self.lanes())
            .fetch_all(connection)
            .await?;
        let any = !claimed.is_empty();
        self.epochs.extend(claimed);
        Ok(any)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::lane_of;

    #[test]
    fn lanes_never_move() {
        let lane = |n: u128| lane_of(Uuid::from_u128(n));
        assert_eq!([lane(0), lane(1), lane(2), lane(u128::MAX)], [5, 2, 15, 5]);
    }

    #[test]
    fn every_lane_gets_its_part() {
        let mut seen = [0; 16];
        for n in 0..16_000_u128 {
            seen[lane_of(Uuid::from_u128(n)) as usize] += 1;
        }
        assert!(seen.iter().all(|count| (500..1500).contains(count)), "{seen:?}");
    }
}
