//! The sealer at work: table, file and NATS, whoever seals.

use std::{path::PathBuf, time::Duration};

use command_api::sealing::LogSealer;
use event_store::seals::{KeyRing, Ledger, Pace, SUBJECT, Scope, SealKey, SignedSeal, Verified, Verifier};
use futures_util::StreamExt;
use service::metrics::Metrics;
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::relay::world::{DEADLINE, World};

/// What a test has of a sealer: it may be stopped, or just end.
struct Running {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Running {
    async fn stop(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }
}

struct Sealed {
    world: World,
    key: SealKey,
    ring: KeyRing,
    directory: TempDir,
}

impl Sealed {
    async fn new() -> Self {
        let key = SealKey::new([7; 32]);
        let ring = KeyRing::new(key.public(), []);
        Self { world: World::new().await, key, ring, directory: tempfile::tempdir().unwrap() }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn sealer(&self, file: &str) -> LogSealer {
        let pace = Pace { events: 10, after: Duration::from_millis(50) };
        let (pool, key, ring) = (self.world.log.pool().clone(), self.key.clone(), self.ring.clone());
        LogSealer::new(pool, key, ring, pace).keeping(Some(self.file(file)))
    }

    fn run(sealer: LogSealer) -> Running {
        let stop = CancellationToken::new();
        Running { task: tokio::spawn(sealer.run(stop.clone())), stop }
    }

    async fn verify(&self, file: &str) -> Verified {
        let (pool, file) = (self.world.log.pool(), self.file(file));
        let verifier = Verifier { pool, ring: &self.ring, against: Some(&file), progress: &|_| {} };
        verifier.verify(Scope::whole(Ledger::Events)).await.unwrap()
    }

    /// Waits until the file has the seal up to this position.
    async fn kept(&self, file: &str, position: i64) {
        let reached = async {
            loop {
                let text = std::fs::read_to_string(self.file(file)).unwrap_or_default();
                let last = text.lines().filter_map(|line| SignedSeal::parse(line).ok());
                if last.map(|signed| signed.seal.last).max() >= Some(position) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(DEADLINE, reached).await.expect("it is sealed");
    }
}

#[tokio::test]
async fn seals_reach_the_table_the_file_and_nats() {
    let sealed = Sealed::new().await;
    let nats = sealed.world.context.client();
    let mut heard = nats.subscribe(SUBJECT).await.unwrap();
    nats.flush().await.unwrap();
    let metrics = Metrics::default();
    let running = Sealed::run(sealed.sealer("seals").publishing(nats.clone()).metered(&metrics));
    sealed.world.append(27).await;
    sealed.kept("seals", 27).await;
    let text = std::fs::read_to_string(sealed.file("seals")).unwrap();
    for line in text.lines() {
        let message = tokio::time::timeout(DEADLINE, heard.next()).await.unwrap().unwrap();
        assert_eq!(message.payload, line.as_bytes());
    }
    running.stop().await;
    let found = sealed.verify("seals").await;
    assert_eq!((found.finding, found.unsealed, found.seals), (None, 0, found.compared));
    let shown = metrics.encode();
    assert!(shown.contains("taskledger_seals_position{log=\"events\"} 27"), "{shown}");
    assert!(shown.contains("taskledger_seals_alarm{log=\"events\"} 0"), "{shown}");
}

/// Each replica has a file of its own, whoever seals; one that ends without a word is replaced.
#[tokio::test]
async fn replicas_agree_on_one_chain_and_each_keeps_all_of_it() {
    let sealed = Sealed::new().await;
    let first = Sealed::run(sealed.sealer("one"));
    sealed.world.append(25).await;
    sealed.kept("one", 25).await;
    let second = Sealed::run(sealed.sealer("other"));
    sealed.kept("other", 25).await;
    first.task.abort();
    // Its lease would run out in ten seconds.
    sealed.world.execute("UPDATE event_store.leases SET expires_at = '-infinity'").await;
    sealed.world.append(25).await;
    sealed.kept("other", 50).await;
    second.stop().await;
    let third = Sealed::run(sealed.sealer("one"));
    sealed.kept("one", 50).await;
    third.stop().await;
    for file in ["one", "other"] {
        let found = sealed.verify(file).await;
        assert_eq!((found.finding, found.unsealed, found.seals), (None, 0, found.compared), "{file}");
    }
    let [one, other] = ["one", "other"].map(|file| std::fs::read(sealed.file(file)).unwrap());
    assert_eq!(one, other);
}

#[tokio::test]
async fn nothing_is_sealed_on_top_of_a_log_that_was_cut() {
    let sealed = Sealed::new().await;
    let running = Sealed::run(sealed.sealer("seals"));
    sealed.world.append(25).await;
    sealed.kept("seals", 25).await;
    running.stop().await;
    sealed.world.execute("DELETE FROM event_store.events WHERE position > 12").await;
    sealed.world.execute("DELETE FROM event_store.seals WHERE last > 12").await;
    sealed.world.append(20).await;
    let metrics = Metrics::default();
    let running = Sealed::run(sealed.sealer("seals").metered(&metrics));
    let alarm = async {
        while !metrics.encode().contains("taskledger_seals_alarm{log=\"events\"} 1") {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(DEADLINE, alarm).await.expect("an alarm");
    running.stop().await;
    let found = sealed.verify("seals").await;
    let finding = found.finding.expect("it is found");
    assert!(found.last.is_none_or(|last| last.seal.last <= 12), "nothing was sealed");
    assert!((11..=13).contains(&finding.position), "{finding:?}");
}

/// Writes of an idle sealer would keep the machine awake.
#[tokio::test]
async fn an_idle_sealer_writes_nothing() {
    let sealed = Sealed::new().await;
    let running = Sealed::run(sealed.sealer("seals"));
    sealed.world.append(5).await;
    sealed.kept("seals", 5).await;
    let written = async || -> (i64, i64) {
        let sql = "SELECT (SELECT count(*) FROM event_store.seals), (SELECT xmin::text::bigint FROM event_store.leases \
             WHERE name = 'log-sealer')";
        sqlx::query_as(sql).fetch_one(sealed.world.log.pool()).await.unwrap()
    };
    let before = written().await;
    let looks = async || -> i64 {
        let sql =
            "SELECT coalesce(sum(idx_scan), 0)::bigint FROM pg_stat_user_tables WHERE relname = 'seals'";
        sqlx::query_scalar(sql).fetch_one(sealed.world.log.pool()).await.unwrap()
    };
    let looked = looks().await;
    let many = async {
        while looks().await < looked + 20 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(DEADLINE, many).await.expect("it looks");
    assert_eq!(written().await, before);
    running.stop().await;
}
