//! A log with seals, and a way to harm it that leaves no trace behind.

use std::{path::PathBuf, time::Duration};

use event_store::{
    NewEvent, Role,
    seals::{
        Finding, KeyRing, Ledger, Pace, Scope, SealFile, SealKey, Sealing, Verified, Verifier, VerifyError,
    },
};
use sqlx::{PgPool, postgres::PgPoolOptions};
use tempfile::TempDir;

use crate::store::{self, Store, event, stream, task, unit};

/// Events of a block here.
pub(super) const BLOCK: i64 = 8;

pub(super) struct World {
    pub(super) store: Store,
    pub(super) key: SealKey,
    pub(super) ring: KeyRing,
    directory: TempDir,
}

impl World {
    pub(super) async fn new() -> Self {
        let key = SealKey::new([7; 32]);
        let ring = KeyRing::new(key.public(), []);
        Self { store: Store::new().await, key, ring, directory: tempfile::tempdir().unwrap() }
    }

    /// The same with so many events, of which as many as fill blocks are sealed, in the table and in the file.
    pub(super) async fn sealed(events: i64) -> Self {
        let world = Self::new().await;
        world.append(events).await;
        world.seal(Ledger::Events, &world.sealing(Duration::MAX)).await;
        world.complete().await;
        world
    }

    /// Appends so many events to some aggregates.
    pub(super) async fn append(&self, events: i64) {
        let mut left = events;
        while left > 0 {
            let count = left.min(3);
            let mut some = stream(task(), 0, usize::try_from(count).unwrap());
            some.events = some.events.into_iter().map(named).collect();
            self.store.append(unit(vec![some])).await;
            left -= count;
        }
    }

    /// Seals small blocks; smaller ones when they are so old.
    pub(super) fn sealing(&self, after: Duration) -> Sealing {
        self.sealing_with(&self.key, after)
    }

    pub(super) fn sealing_with(&self, key: &SealKey, after: Duration) -> Sealing {
        let ring = KeyRing::new(key.public(), []);
        Sealing::new(self.store.pool().clone(), key.clone(), ring, Pace { events: BLOCK, after })
    }

    /// Seals whatever is due.
    pub(super) async fn seal(&self, ledger: Ledger, sealing: &Sealing) {
        loop {
            let standing = sealing.standing(ledger).await.unwrap();
            if !standing.is_due() {
                return;
            }
            sealing.seal_after(ledger, &standing).await.unwrap();
        }
    }

    pub(super) fn file(&self) -> PathBuf {
        self.directory.path().join("seals.ndjson")
    }

    /// Brings the file up to the table.
    pub(super) async fn complete(&self) {
        let mut file = SealFile::new(self.file());
        for ledger in Ledger::ALL {
            file.complete(self.store.pool(), &self.ring, ledger).await.unwrap();
        }
    }

    /// A pool of one connection with all rights, so that a transaction is everybody's.
    pub(super) async fn owner(&self) -> PgPool {
        let pool = PgPoolOptions::new().max_connections(1).acquire_timeout(store::PATIENCE);
        pool.connect(self.store.url()).await.unwrap()
    }

    /// What is found by somebody who may only read.
    pub(super) async fn verify(&self, ledger: Ledger) -> Verified {
        let reader = store::pool(self.store.url(), Role::Read);
        verify(&reader, &self.ring, None, Scope::whole(ledger)).await.unwrap()
    }

    /// What is found in the events after this harm, without and with the file; then nothing has happened.
    pub(super) async fn harmed(&self, owner: &PgPool, harm: &str) -> [Option<Finding>; 2] {
        [
            self.harmed_against(owner, harm, None).await,
            self.harmed_against(owner, harm, Some(self.file())).await,
        ]
    }

    /// Reads that are given up when something is found may end their connection, and the transaction with it.
    async fn harmed_against(&self, owner: &PgPool, harm: &str, against: Option<PathBuf>) -> Option<Finding> {
        sqlx::raw_sql("BEGIN").execute(owner).await.unwrap();
        sqlx::raw_sql(harm).execute(owner).await.unwrap_or_else(|error| panic!("{harm}: {error}"));
        let found = verify(owner, &self.ring, against, Scope::whole(Ledger::Events)).await.unwrap();
        sqlx::raw_sql("ROLLBACK").execute(owner).await.unwrap();
        found.finding
    }
}

pub(super) async fn verify(
    pool: &PgPool,
    ring: &KeyRing,
    against: Option<PathBuf>,
    scope: Scope,
) -> Result<Verified, VerifyError> {
    Verifier { pool, ring, against: against.as_deref(), progress: &|_| {} }.verify(scope).await
}

/// A type in which a point and a v stand where the version could begin.
fn named(event: NewEvent) -> NewEvent {
    NewEvent { event_type: "task.visibility_changed".into(), ..event }
}

/// An event that nobody has named.
pub(super) fn noted(payload: &str) -> NewEvent {
    event(payload)
}
