//! The version that a rebuild makes, held by lease so that nobody else makes one too.

use std::time::Duration;

use sqlx::{Connection, PgConnection};
use tokio::time;
use tokio_util::task::AbortOnDropHandle;
use uuid::Uuid;

use super::{Options, RebuildError};
use crate::{
    connect::ReadModel,
    live::Live,
    projector::Projector,
    registry::Projection,
    runner::{Leases, Sources},
    schema::{create_version, drop_version},
};

/// A new version beside the live one, all its lanes held.
pub(super) struct Claim {
    pub(super) live: i32,
    pub(super) version: i32,
    /// Epoch of the log at the start.
    pub(super) log_epoch: Uuid,
    /// The live rows were made from another log: their positions mean nothing here.
    pub(super) live_is_foreign: bool,
    pub(super) leases: Leases,
    projection: &'static Projection,
    read_model: ReadModel,
    _renewal: AbortOnDropHandle<()>,
}

const LOCK_PROJECTION: &str = "SELECT FROM read_model.projections WHERE name = $1 FOR UPDATE";

/// Other versions than the live one, and whether somebody is at work on them.
const UNFINISHED: &str = "
SELECT version, bool_or(lease_owner IS NOT NULL AND lease_until > clock_timestamp()) FROM read_model.checkpoints
WHERE projection = $1 AND version <> $2 GROUP BY version";

impl Claim {
    /// Removes what dead rebuilds left, makes the tables of the next version and takes its lanes.
    pub(super) async fn make(
        projector: &dyn Projector,
        sources: &Sources,
        options: &Options,
    ) -> Result<Self, RebuildError> {
        let projection = projector.projection();
        let log_epoch = sources.log.epoch().await?;
        let mut registry = sources.read_model.registry().await?;
        let mut transaction = registry.begin().await?;
        sqlx::query(LOCK_PROJECTION).bind(projection.name).execute(&mut *transaction).await?;
        let live = Live::of(&mut *transaction, projection).await?.ok_or(RebuildError::NotMigrated)?;
        clear(&mut transaction, projection, live.version).await?;
        let version = create_version(&mut transaction, projection).await?;
        let mut leases = Leases::none(projection.name, version, Uuid::now_v7(), options.lease);
        leases.take_all(&mut transaction).await?;
        transaction.commit().await?;
        Ok(Self {
            live: live.version,
            version,
            log_epoch,
            live_is_foreign: live.log_epoch.is_some_and(|epoch| epoch != log_epoch),
            _renewal: AbortOnDropHandle::new(tokio::spawn(renew(
                registry,
                leases.clone(),
                options.lease / 3,
            ))),
            leases,
            projection,
            read_model: sources.read_model.clone(),
        })
    }

    /// Removes a version that is not live; waits for readers of its tables a while.
    pub(super) async fn drop_version(&self, version: i32) -> sqlx::Result<()> {
        let mut registry = self.read_model.registry().await?;
        let mut transaction = registry.begin().await?;
        sqlx::query("SET LOCAL lock_timeout = '10s'").execute(&mut *transaction).await?;
        drop_version(&mut transaction, self.projection, version).await?;
        transaction.commit().await
    }
}

async fn clear(
    connection: &mut PgConnection,
    projection: &Projection,
    live: i32,
) -> Result<(), RebuildError> {
    let unfinished: Vec<(i32, bool)> =
        sqlx::query_as(UNFINISHED).bind(projection.name).bind(live).fetch_all(&mut *connection).await?;
    if unfinished.iter().any(|(_, held)| *held) {
        return Err(RebuildError::AlreadyRunning);
    }
    for (version, _) in unfinished {
        drop_version(connection, projection, version).await?;
    }
    Ok(())
}

/// Keeps the lanes until they are given to the workers; one that is lost before is found out by the next batch.
async fn renew(mut registry: PgConnection, mut leases: Leases, every: Duration) {
    while !leases.is_empty() {
        time::sleep(every).await;
        if let Err(error) = leases.renew(&mut registry).await {
            tracing::warn!(projection = leases.projection, %error, "the lease of a rebuild could not be renewed");
            return;
        }
    }
}
