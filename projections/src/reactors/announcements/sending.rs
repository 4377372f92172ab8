//! What is done when the time of an announcement has come.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use domain::{announcement::AnnouncementEvent, time::Timestamp, user::UserEvent};
use event_store::{Log, LogError};
use serde_json::json;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{NAME, audience::settle};
use crate::{
    commands::{CommandError, Commands},
    delivery::Delivery,
    reactors::{ReachError, StateError, knows, notices},
    schedules::Clock,
};

/// Sends announcements at their time; one that was missed is sent as soon as somebody looks again. Several processes may work:
/// the command is carried out once.
#[derive(Clone, Debug)]
pub struct Sender {
    /// Where announcements, users and recipients are.
    pub delivery: Delivery,
    /// Says whether they are up to date.
    pub log: Log,
    /// Where commands are taken.
    pub commands: Commands,
}

/// Why nothing was sent; it is tried again soon.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The tables cannot be read or written.
    #[error(transparent)]
    Tables(#[from] sqlx::Error),
    /// The states cannot be had.
    #[error(transparent)]
    States(#[from] StateError),
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// Nobody can say how far reactors have come.
    #[error(transparent)]
    Reached(#[from] ReachError),
}

/// Sends what is due until told to stop.
pub async fn run(sender: Sender, clock: Arc<dyn Clock>, stop: CancellationToken) {
    while !stop.is_cancelled() {
        if let Err(error) = sender.send_due(clock.now()).await {
            tracing::warn!(%error, "announcements are held up, trying again");
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = clock.passes() => {}
        }
    }
}

const ANY_DUE: &str =
    "SELECT EXISTS (SELECT FROM announcements WHERE state = 'scheduled' AND send_time <= $1)";

/// One that was moved, and whose time has come again, is begun anew.
const BEGIN: &str = "
INSERT INTO announcement_sendings AS s (announcement_id, version, as_of)
SELECT id, version, $2 FROM announcements WHERE state = 'scheduled' AND send_time <= $1
ON CONFLICT (announcement_id) DO UPDATE SET version = excluded.version, as_of = excluded.as_of, recipients = NULL
WHERE s.version <> excluded.version AND s.event_id IS NULL";

const UNSETTLED: &str = "
SELECT s.announcement_id FROM announcement_sendings AS s
WHERE s.recipients IS NULL AND s.event_id IS NULL AND s.as_of <= $1 FOR UPDATE SKIP LOCKED";

const LAST_AS_OF: &str = "
SELECT max(as_of) FROM announcement_sendings WHERE recipients IS NULL AND event_id IS NULL";

const SETTLED: &str = "
SELECT a.id, a.version, a.send_time, s.recipients FROM announcement_sendings AS s
JOIN announcements AS a ON a.id = s.announcement_id AND a.version = s.version
WHERE s.recipients IS NOT NULL AND s.event_id IS NULL AND a.state = 'scheduled' ORDER BY a.send_time, a.id";

const FORGET: &str = "
DELETE FROM announcement_sendings WHERE announcement_id = $1 AND version = $2 AND event_id IS NULL";

#[derive(Debug, sqlx::FromRow)]
struct Ready {
    id: Uuid,
    version: i64,
    send_time: DateTime<Utc>,
    recipients: i64,
}

impl Sender {
    /// Sends what is due at an instant, as far as users are known; returns how many commands were carried out.
    pub async fn send_due(&self, now: DateTime<Utc>) -> Result<usize, SendError> {
        self.begin(now).await?;
        self.settle().await?;
        let ready: Vec<Ready> = sqlx::query_as(SETTLED).fetch_all(self.delivery.pool()).await?;
        let mut sent = 0;
        for one in &ready {
            sent += usize::from(self.ask(one).await?);
        }
        Ok(sent)
    }

    /// Whoever was active, and had the role, when the time had come is told: what the log holds by now has to be known.
    async fn begin(&self, now: DateTime<Utc>) -> Result<(), SendError> {
        let pool = self.delivery.pool();
        if sqlx::query_scalar::<_, bool>(ANY_DUE).bind(now).fetch_one(pool).await? {
            let head = self.log.head().await?;
            sqlx::query(BEGIN).bind(now).bind(head).execute(pool).await?;
        }
        Ok(())
    }

    async fn settle(&self) -> Result<(), SendError> {
        let pool = self.delivery.pool();
        let Some(as_of): Option<i64> = sqlx::query_scalar(LAST_AS_OF).fetch_one(pool).await? else {
            return Ok(());
        };
        let users: Vec<_> = UserEvent::TYPES.iter().map(|(name, _)| *name).collect();
        let announcements: Vec<_> = AnnouncementEvent::TYPES.iter().map(|(name, _)| *name).collect();
        for reactor in [(notices::NAME, &users[..]), (NAME, &announcements[..])] {
            if !knows(&self.delivery, &self.log, reactor, as_of).await? {
                return Ok(());
            }
        }
        let mut transaction = pool.begin().await?;
        let ids: Vec<Uuid> = sqlx::query_scalar(UNSETTLED).bind(as_of).fetch_all(&mut *transaction).await?;
        for id in ids {
            settle(&mut transaction, &self.log, id).await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    /// Asks for the command that says that it is sent; whether it was carried out.
    async fn ask(&self, ready: &Ready) -> Result<bool, SendError> {
        let Ready { id, version, send_time, recipients } = ready;
        let body = json!({ "at": Timestamp::from(*send_time), "recipients": recipients });
        let (path, key) = (format!("/v1/announcements/{id}/sent"), format!("{id}:{version}:sent"));
        match self.commands.post(&path, &key, &body).await {
            Ok(_) => return Ok(true),
            // Somebody has stopped or moved it: soon that is known here too.
            Err(error @ CommandError::Refused { .. }) => {
                tracing::warn!(announcement = %id, %error, "not sent");
                sqlx::query(FORGET).bind(id).bind(version).execute(self.delivery.pool()).await?;
            }
            Err(error @ CommandError::Unanswered(_)) => {
                tracing::warn!(announcement = %id, %error, "not sent yet, trying again");
            }
        }
        Ok(false)
    }
}
