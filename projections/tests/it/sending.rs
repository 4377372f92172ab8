//! Reactors and channels at work, as one process has them.

use std::{sync::Arc, time::Duration};

use chrono::Utc;
use clap::Parser;
use domain::time::{TimeZone, Timestamp};
use event_store::{MasterKey, Pressure, Sealer};
use projections::{
    channels::{
        Sight,
        email::{Email, EmailArgs, Ink},
    },
    deliveries::{self, Channel, Desk, Meters, Wake},
    delivery::Delivery,
    reactors::{self, Means, Reactor},
};
use service::{mail_token::MailTokens, metrics::Metrics, secrets::SecretKey};
use sqlx::PgPool;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::world::{DEADLINE, World};

pub(crate) const URL: &str = "https://tasks.example.com/app";

/// Something at work; dropping it is a crash.
#[derive(Default)]
pub(crate) struct Sending {
    tasks: Vec<JoinHandle<()>>,
    /// Its connections.
    pools: Vec<PgPool>,
    stop: CancellationToken,
}

impl Sending {
    /// Ends it wherever it is, as a crash would; what Postgres was still asked to do is done when this returns.
    pub(crate) async fn crash(mut self) {
        for task in self.tasks.drain(..) {
            task.abort();
            let _ = task.await;
        }
        for pool in self.pools.drain(..) {
            // Who comes back has heard all answers; to close one that has not would leave its last question to be answered later.
            let back = async {
                while pool.num_idle() < pool.size() as usize {
                    tokio::task::yield_now().await;
                }
            };
            tokio::time::timeout(DEADLINE, back).await.expect("connections come back");
            pool.close().await;
        }
    }

    /// Something that ends when it is told to.
    pub(crate) fn one(work: impl Future<Output = ()> + Send + 'static, stop: CancellationToken) -> Self {
        Self { tasks: vec![tokio::spawn(work)], pools: Vec::new(), stop }
    }

    pub(crate) async fn end(mut self) {
        self.stop.cancel();
        for task in self.tasks.drain(..) {
            task.await.unwrap();
        }
    }

    pub(crate) fn and(mut self, other: Self) -> Self {
        let mut other = other;
        self.tasks.append(&mut other.tasks);
        self.pools.append(&mut other.pools);
        let (here, there) = (self.stop.clone(), other.stop.clone());
        self.tasks.push(tokio::spawn(async move {
            here.cancelled().await;
            there.cancel()
        }));
        self
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

pub(crate) fn tokens() -> MailTokens {
    MailTokens::new(&SecretKey::from_bytes([9; 32]))
}

/// Settings as they come from a command line.
pub(crate) fn email(arguments: &[&str]) -> EmailArgs {
    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        email: EmailArgs,
    }
    Line::parse_from([&["test"], arguments].concat()).email
}

impl World {
    pub(crate) fn delivery(&self) -> Delivery {
        Delivery::new(&self.url).unwrap()
    }

    /// Opens what is sealed.
    pub(crate) fn opener(&self) -> Arc<Sealer> {
        Arc::new(Sealer::new(self.log.pool().clone(), &MasterKey([7; 32])))
    }

    /// The reactors that any installation has.
    pub(crate) fn react(&self, lease: Duration) -> Sending {
        self.react_at(lease, || Utc::now().into())
    }

    /// The same by this clock.
    pub(crate) fn react_at(&self, lease: Duration, clock: fn() -> Timestamp) -> Sending {
        self.react_by(&["email"], lease, clock)
    }

    /// The same where there are these channels.
    pub(crate) fn react_by(&self, channels: &[&str], lease: Duration, clock: fn() -> Timestamp) -> Sending {
        self.react_with(self.reactors(channels, clock), lease)
    }

    pub(crate) fn reactors(&self, channels: &[&str], clock: fn() -> Timestamp) -> Vec<Arc<dyn Reactor>> {
        let (log, sealer) = (self.log.clone(), self.opener());
        reactors::reactors(Means { log, sealer, channels, clock, zone: TimeZone::UTC })
    }

    pub(crate) fn react_with(&self, reactors: Vec<Arc<dyn Reactor>>, lease: Duration) -> Sending {
        let sources = reactors::Sources {
            delivery: self.delivery(),
            log: self.log.clone(),
            jetstream: self.sources.jetstream.clone(),
            tail: self.sources.tail.clone(),
            pressure: Pressure::default(),
            lease,
        };
        let stop = CancellationToken::new();
        let run = |reactor| tokio::spawn(reactors::run(reactor, sources.clone(), stop.clone()));
        let pools = vec![sources.delivery.pool().clone()];
        Sending { tasks: reactors.into_iter().map(run).collect(), pools, stop }
    }

    /// One channel.
    pub(crate) fn carry(&self, channel: Arc<dyn Channel>) -> Sending {
        let (delivery, stop) = (self.delivery(), CancellationToken::new());
        let (wake, listening) = Wake::listen(&delivery, stop.clone());
        let pools = vec![delivery.pool().clone()];
        let desk = Desk { delivery, wake, meters: Meters::register(&Metrics::default()) };
        let working = deliveries::run(channel, desk, stop.clone());
        Sending { tasks: vec![tokio::spawn(listening), tokio::spawn(working)], pools, stop }
    }

    /// E-mail with these settings.
    pub(crate) fn email(&self, arguments: &[&str]) -> Sending {
        let sight = Sight::new(&self.delivery(), &self.log);
        let ink = Ink { sealer: self.opener(), tokens: tokens(), sight, public_url: URL.to_owned() };
        self.carry(Arc::new(Email::new(&email(arguments), ink, &self.delivery()).unwrap()))
    }

    /// Waits until everything up to that event, which is one about a user, is decided and carried out.
    pub(crate) async fn mailed(&self, position: i64) {
        let sql =
            "SELECT position >= $2 AND NOT EXISTS (SELECT FROM delivery.deliveries WHERE end_time IS NULL)
            FROM delivery.checkpoints WHERE consumer = $1";
        self.becomes_true(sql, "account_mails", position).await;
    }

    /// Waits until so many deliveries are in this state.
    pub(crate) async fn deliveries_are(&self, state: &str, count: i64) {
        let sql = "SELECT count(*) = $2 FROM delivery.deliveries WHERE state = $1 AND lease_until IS NULL";
        self.becomes_true(sql, state, count).await;
    }

    /// Time passes for who died in the middle of an attempt.
    pub(crate) async fn leases_of_attempts_run_out(&self) {
        self.run("UPDATE delivery.deliveries SET lease_until = '-infinity' WHERE lease_until IS NOT NULL")
            .await;
    }

    /// Time passes for what is to be tried again.
    pub(crate) async fn retries_are_due(&self) {
        self.run("UPDATE delivery.deliveries SET due_at = '-infinity' WHERE state = 'failed' AND due_at > '-infinity'").await;
    }

    /// `1 failed, 2 delivered` for all attempts, in order.
    pub(crate) async fn attempts(&self) -> String {
        let sql =
            "SELECT coalesce(string_agg(number || ' ' || outcome, ', ' ORDER BY delivery_id, number), '')
            FROM delivery.attempts";
        self.text(sql).await.unwrap()
    }
}
