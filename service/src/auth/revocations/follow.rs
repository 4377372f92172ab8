//! Keeping the set true: the poll, and the hints that make it come sooner.

use std::{sync::atomic::Ordering, time::Duration};

use async_nats::Client;
use sqlx::{ConnectOptions, PgConnection, postgres::PgConnectOptions};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use uuid::Uuid;

use super::{MAX_SILENCE, REMEMBERED, Revocations, Revoked};
use crate::{nats, process::Surroundings};

/// Where processes hint to each other that something was revoked. What a message says is not looked at.
const SUBJECT: &str = "security.revoked";
const POLL: Duration = Duration::from_secs(1);
/// Between two polls, however many hints come.
const PAUSE: Duration = Duration::from_millis(20);
/// A connection that does not answer within this is made anew.
const ANSWER: Duration = Duration::from_secs(2);
/// Each poll looks further back than the last one: a write becomes visible later than it says it was made, by as much as
/// a request may take and the clock of a server may be set back.
const OVERLAP: Duration = Duration::from_secs(60);

/// Where the truth is.
#[derive(Clone, Debug)]
pub struct Truth {
    /// How to connect to the event store; one connection is kept for this alone, however busy the others are.
    pub event_store: PgConnectOptions,
    /// The types of the events that raise a user's epoch by one.
    pub epoch_events: &'static [&'static str],
}

impl Revocations {
    /// Reads the truth until the shutdown, and says in `/readyz` whether it is known; returns when it is, or after
    /// [`MAX_SILENCE`]. The services of one process share a set: the first one's truth is read.
    pub async fn follow(&self, truth: Truth, surroundings: &Surroundings) {
        if !self.0.followed.swap(true, Ordering::AcqRel) {
            self.start(truth, surroundings);
        }
        if timeout(MAX_SILENCE, self.loaded()).await.is_err() {
            tracing::warn!("what was revoked cannot be read yet; nobody is let in until then");
        }
    }

    fn start(&self, truth: Truth, surroundings: &Surroundings) {
        crate::tls::install();
        let revocations = self.clone();
        surroundings.health.check("revocations", move || {
            let known = revocations.are_known();
            async move { if known { Ok(()) } else { Err("unknown".to_owned()) } }
        });
        let (revocations, ended) = (self.clone(), surroundings.shutdown.token().clone());
        surroundings.shutdown.spawn(async move {
            tokio::select! {
                () = ended.cancelled() => {}
                () = revocations.poll(&truth) => {}
            }
        });
    }

    /// Hears hints and gives them, until the shutdown; only the first call does anything.
    pub fn exchange_hints(&self, client: Client, surroundings: &Surroundings) {
        if self.0.heard.swap(true, Ordering::AcqRel) {
            return;
        }
        let (revocations, ended) = (self.clone(), surroundings.shutdown.token().clone());
        surroundings.shutdown.spawn(async move {
            tokio::select! {
                () = ended.cancelled() => {}
                never = nats::listen(&client, SUBJECT, |_| revocations.0.look.notify_one()) => match never {},
                () = revocations.hint(&client) => {}
            }
        });
    }

    async fn poll(&self, truth: &Truth) {
        let (mut connection, mut last): (_, Option<Instant>) = (None, None);
        loop {
            let begun = Instant::now();
            let look_back = last.map_or(REMEMBERED, |last| (begun - last + OVERLAP).min(REMEMBERED));
            match timeout(ANSWER, ask(&mut connection, truth, look_back)).await {
                Ok(Ok(revoked)) => {
                    self.take_in(revoked.into_iter());
                    self.known_as_of(begun);
                    last = Some(begun);
                }
                Ok(Err(error)) => {
                    tracing::warn!(%error, "what was revoked cannot be read");
                    connection = None;
                }
                Err(_) => {
                    tracing::warn!("what was revoked cannot be read: no answer");
                    connection = None;
                }
            }
            sleep(PAUSE).await;
            tokio::select! {
                () = self.0.look.notified() => {}
                () = sleep_until(begun + POLL) => {}
            }
        }
    }

    async fn hint(&self, nats: &Client) {
        loop {
            self.0.tell.notified().await;
            if let Err(error) = nats.publish(SUBJECT, bytes::Bytes::new()).await {
                tracing::warn!(%error, "others cannot be hinted at a revocation; they poll");
            }
        }
    }
}

type Row = (String, String, Option<i64>, f64);

async fn ask(
    connection: &mut Option<PgConnection>,
    truth: &Truth,
    look_back: Duration,
) -> Result<Vec<(Revoked, Duration)>, sqlx::Error> {
    const SQL: &str = "SELECT kind, id, epoch, age FROM event_store.revoked($1, make_interval(secs => $2))";
    let connection = match connection {
        Some(connection) => connection,
        None => connection.insert(truth.event_store.clone().application_name("revocations").connect().await?),
    };
    let query = sqlx::query_as(SQL).bind(truth.epoch_events).bind(look_back.as_secs_f64());
    let rows: Vec<Row> = query.fetch_all(connection).await?;
    rows.into_iter().map(read).collect()
}

fn read((kind, id, epoch, age): Row) -> Result<(Revoked, Duration), sqlx::Error> {
    let unknown = || sqlx::Error::Decode(format!("revoked: {kind} {id}").into());
    let uuid = || Uuid::try_parse(&id).map_err(|_| unknown());
    let revoked = match kind.as_str() {
        "session" => Revoked::Session(uuid()?),
        "user" => Revoked::User(uuid()?, epoch.unwrap_or_default().unsigned_abs()),
        "key" => Revoked::Key(id),
        _ => return Err(unknown()),
    };
    Ok((revoked, Duration::try_from_secs_f64(age).unwrap_or_default()))
}
