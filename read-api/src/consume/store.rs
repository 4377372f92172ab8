//! Groups as they are written down: see `migrations/event_store/0016_consumer_groups.sql`.

use std::time::Duration;

use sqlx::{PgPool, types::Json};
use uuid::Uuid;

use super::listed::{Changes, Listed};
use crate::{
    events::Interest,
    model::{ConsumerGroup, ParkedGroupEvent},
};

/// Groups that one may have.
pub(crate) const MAX_GROUPS: i32 = 20;
/// A group that nobody uses is gone after so many days.
const IDLE_DAYS: i32 = 30;

/// A group as it is taken.
#[derive(sqlx::FromRow)]
pub(super) struct Kept {
    pub(super) id: Uuid,
    pub(super) interest: Json<Interest>,
    pub(super) log_epoch: Uuid,
    pub(super) position: i64,
    pub(super) finished: Vec<i64>,
    pub(super) epoch: i64,
    pub(super) revision: i64,
}

/// What has become of the wish to have a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Made {
    New,
    /// It was there, and wants the same events.
    There,
    /// It was there, and wants other events.
    Differs,
    /// Its owner has as many as there may be.
    Full,
}

/// The groups in the database. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct GroupStore(pub(crate) PgPool);

impl GroupStore {
    /// Makes a group that begins after this place of this log.
    pub(crate) async fn make(
        &self,
        (owner, name): (Uuid, &str),
        interest: &Interest,
        (epoch, after): (Uuid, i64),
    ) -> sqlx::Result<Made> {
        const SQL: &str =
            "SELECT event_store.make_consumer_group($1, $2, $3, $4, $5, $6, make_interval(days => $7))";
        let made: String = sqlx::query_scalar(SQL)
            .bind(owner)
            .bind(name)
            .bind(Json(interest))
            .bind(epoch)
            .bind(after)
            .bind(MAX_GROUPS)
            .bind(IDLE_DAYS)
            .fetch_one(&self.0)
            .await?;
        Ok(match made.as_str() {
            "made" => Made::New,
            "there" => Made::There,
            "full" => Made::Full,
            _ => Made::Differs,
        })
    }

    /// The group of this name.
    pub(crate) async fn get(&self, owner: Uuid, name: &str) -> sqlx::Result<Option<ConsumerGroup>> {
        self.of(owner, Some(name), None, 1).await.map(|mut found| found.pop())
    }

    /// The groups of this owner, or that of this name, in the order of names, those behind a name.
    pub(crate) async fn of(
        &self,
        owner: Uuid,
        name: Option<&str>,
        after: Option<String>,
        limit: i64,
    ) -> sqlx::Result<Vec<ConsumerGroup>> {
        const SQL: &str = "SELECT g.name, g.interest, g.position, g.log_epoch AS epoch, g.skipped, \
             g.created_at AS create_time, g.used_at AS use_time, g.expires_at > clock_timestamp() AS consumed, \
             greatest(0, (SELECT coalesce(max(e.position), 0) FROM event_store.events e) - g.position) AS lag, \
             CASE WHEN g.expires_at > clock_timestamp() THEN g.in_flight ELSE 0 END AS in_flight, \
             (SELECT count(*) FROM event_store.consumer_group_events e \
               WHERE e.group_id = g.id AND e.parked_at IS NOT NULL) AS parked, \
             (SELECT count(*) FROM event_store.consumer_group_events e \
               WHERE e.group_id = g.id AND e.parked_at IS NULL) AS waiting \
             FROM event_store.consumer_groups g WHERE g.owner = $1 AND ($2::text IS NULL OR g.name = $2) \
             AND ($4::text IS NULL OR g.name > $4) \
             AND (g.used_at > clock_timestamp() - make_interval(days => $3) OR g.expires_at > clock_timestamp()) \
             ORDER BY g.name LIMIT $5";
        let query = sqlx::query_as(SQL).bind(owner).bind(name).bind(IDLE_DAYS).bind(after).bind(limit);
        query.fetch_all(&self.0).await
    }

    /// The parked events of a group behind a position, in the order of the log.
    pub(crate) async fn parked(
        &self,
        owner: Uuid,
        name: &str,
        after: i64,
        limit: i64,
    ) -> sqlx::Result<Vec<ParkedGroupEvent>> {
        const SQL: &str = "SELECT e.position, e.aggregate_id AS subject, e.attempts, e.reason, e.parked_at AS park_time, \
             (SELECT count(*) FROM event_store.consumer_group_events b \
               WHERE b.group_id = g.id AND b.aggregate_id = e.aggregate_id AND b.position > e.position) AS behind \
             FROM event_store.consumer_groups g JOIN event_store.consumer_group_events e ON e.group_id = g.id \
             WHERE g.owner = $1 AND g.name = $2 AND e.parked_at IS NOT NULL AND e.position > $3 \
             ORDER BY e.position LIMIT $4";
        sqlx::query_as(SQL).bind(owner).bind(name).bind(after).bind(limit).fetch_all(&self.0).await
    }

    /// Sets a group to this place of this log; false if there is none.
    pub(crate) async fn move_to(
        &self,
        (owner, name): (Uuid, &str),
        (epoch, after): (Uuid, i64),
    ) -> sqlx::Result<bool> {
        const SQL: &str = "SELECT event_store.move_consumer_group($1, $2, $3, $4)";
        sqlx::query_scalar(SQL).bind(owner).bind(name).bind(epoch).bind(after).fetch_one(&self.0).await
    }

    /// Has parked events tried again, or takes them for finished; these, or all. How many; none if there is no group.
    pub(crate) async fn settle(
        &self,
        (owner, name): (Uuid, &str),
        positions: Option<&[i64]>,
        again: bool,
    ) -> sqlx::Result<Option<i64>> {
        const SQL: &str = "SELECT event_store.settle_consumer_group($1, $2, $3, $4)";
        sqlx::query_scalar(SQL).bind(owner).bind(name).bind(positions).bind(again).fetch_one(&self.0).await
    }

    /// Forgets a group; false if there is none.
    pub(crate) async fn remove(&self, owner: Uuid, name: &str) -> sqlx::Result<bool> {
        const SQL: &str = "SELECT event_store.drop_consumer_group($1, $2)";
        sqlx::query_scalar(SQL).bind(owner).bind(name).fetch_one(&self.0).await
    }

    /// The id of a group.
    pub(crate) async fn find(&self, owner: Uuid, name: &str) -> sqlx::Result<Option<Uuid>> {
        const SQL: &str = "SELECT id FROM event_store.consumer_groups WHERE owner = $1 AND name = $2";
        sqlx::query_scalar(SQL).bind(owner).bind(name).fetch_optional(&self.0).await
    }

    /// Takes a group, if nobody has it.
    pub(super) async fn hold(&self, id: Uuid, lease: Duration) -> sqlx::Result<Option<Kept>> {
        const SQL: &str = "SELECT id, interest, log_epoch, position, finished, epoch, revision \
             FROM event_store.hold_consumer_group($1, $2)";
        sqlx::query_as(SQL).bind(id).bind(milliseconds(lease)).fetch_optional(&self.0).await
    }

    /// What is listed of a group.
    pub(super) async fn listed(&self, id: Uuid) -> sqlx::Result<Vec<Listed>> {
        const SQL: &str = "SELECT position, aggregate_id, attempts, due_at, parked_at, reason \
             FROM event_store.consumer_group_events WHERE group_id = $1 ORDER BY position";
        sqlx::query_as(SQL).bind(id).fetch_all(&self.0).await
    }

    /// Writes down what has changed and goes on holding for so long; the group's revision. None: it is held no more.
    pub(super) async fn keep(
        &self,
        (id, epoch): (Uuid, i64),
        lease: Duration,
        changes: &Changes,
        in_flight: usize,
    ) -> sqlx::Result<Option<i64>> {
        const SQL: &str = "SELECT event_store.keep_consumer_group($1, $2, $3, $4, $5, $6, $7, $8, $9)";
        sqlx::query_scalar(SQL)
            .bind(id)
            .bind(epoch)
            .bind(milliseconds(lease))
            .bind(changes.position)
            .bind(&changes.finished)
            .bind(i32::try_from(in_flight).unwrap_or(i32::MAX))
            .bind(changes.skipped)
            .bind(Json(&changes.listed))
            .bind(&changes.settled)
            .fetch_one(&self.0)
            .await
    }
}

fn milliseconds(time: Duration) -> i32 {
    i32::try_from(time.as_millis()).unwrap_or(i32::MAX)
}
