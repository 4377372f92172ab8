//! From the log into the table, and from the table to work.

use chrono::Utc;
use domain::{
    event::{DecodeError, RecordedEvent, from_stored},
    operation::{OperationEvent, Requested},
    time::Timestamp,
};
use event_store::Log;
use sqlx::{Connection, PgConnection, types::Json};
use uuid::Uuid;

use super::{NAME, Setback, VERSION, replays};

/// The events that are requests.
const TYPES: &[&str] = &["operation.requested", "operation.cancel_requested", replays::REQUEST];
/// Requests read at once.
const LIMIT: i64 = 100;
/// A read model made anew carries out what was asked for in the last so many minutes, not everything ever.
const LOOK_BACK_MINUTES: i64 = 60;
/// Operations are kept so long after their end.
const FORGET: &str = "
DELETE FROM read_model.operations WHERE end_time < clock_timestamp() - interval '30 days'";

/// Something to do.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(super) struct Operation {
    /// As in `/v1/operations/{id}`.
    pub(super) id: Uuid,
    /// What was asked for.
    #[sqlx(json)]
    pub(super) request: Requested,
    /// A process began it before and did not see it through.
    pub(super) again: bool,
}

const PREPARE: &str = "
INSERT INTO read_model.checkpoints (projection, version, lane, position) VALUES ($1, $2, 0, $3)
ON CONFLICT DO NOTHING";

/// Makes the checkpoint, if it is not there.
pub(super) async fn prepare(registry: &mut PgConnection, log: &Log) -> Result<(), Setback> {
    let since = Utc::now() - chrono::Duration::minutes(LOOK_BACK_MINUTES);
    let position = log.position_at(Timestamp::from(since)).await?;
    sqlx::query(PREPARE).bind(NAME).bind(VERSION).bind(position).execute(registry).await?;
    Ok(())
}

const AGAIN: &str = "
UPDATE read_model.operations SET state = CASE WHEN cancel_requested THEN 'cancelled' ELSE 'pending' END,
    end_time = CASE WHEN cancel_requested THEN clock_timestamp() END
WHERE state = 'running' AND kind <> $1 RETURNING id";

/// What a dead process left half done is to be done again, unless it is wanted no more. Returns what has changed by that.
pub(super) async fn begin_again(registry: &mut PgConnection) -> sqlx::Result<Vec<Uuid>> {
    let changed = sqlx::query_scalar(AGAIN).bind(replays::KIND).fetch_all(&mut *registry).await?;
    sqlx::query(FORGET).execute(registry).await?;
    Ok(changed)
}

const LOCK: &str = "
SELECT position FROM read_model.checkpoints WHERE projection = $1 AND version = $2 AND lane = 0 FOR UPDATE";

const ADVANCE: &str = "
UPDATE read_model.checkpoints SET position = $3, event_id = $4, handled = handled + $5
WHERE projection = $1 AND version = $2 AND lane = 0";

/// What was asked for.
#[derive(Debug, Default)]
pub(super) struct TakenIn {
    /// Operations that were spoken of.
    pub(super) spoken_of: Vec<Uuid>,
    /// Those under way that are wanted no more.
    pub(super) unwanted: Vec<Uuid>,
}

/// Takes in what was asked for since the checkpoint.
pub(super) async fn take_in(registry: &mut PgConnection, log: &Log) -> Result<TakenIn, Setback> {
    let mut transaction = registry.begin().await?;
    let position: i64 =
        sqlx::query_scalar(LOCK).bind(NAME).bind(VERSION).fetch_one(&mut *transaction).await?;
    let events = log.read_types(position, TYPES, LIMIT).await?;
    let Some(last) = events.last() else {
        transaction.rollback().await?;
        return Ok(TakenIn::default());
    };
    let mut taken = TakenIn::default();
    for event in &events {
        if event.event_type == replays::REQUEST {
            taken.spoken_of.extend(replays::begin(&mut transaction, event).await?);
            continue;
        }
        taken.spoken_of.push(event.aggregate_id);
        match from_stored(&event.event_type, &event.event_version, event.data.get()) {
            Ok(OperationEvent::CancelRequested(_)) => {
                taken.unwanted.extend(cancel(&mut transaction, event).await?);
            }
            Ok(OperationEvent::Requested(wish)) => insert(&mut transaction, event, Ok(wish)).await?,
            Err(error) => insert(&mut transaction, event, Err(error)).await?,
        }
    }
    sqlx::query(ADVANCE)
        .bind(NAME)
        .bind(VERSION)
        .bind(last.position)
        .bind(last.id.0)
        .bind(i64::try_from(events.len()).unwrap_or(0))
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(taken)
}

const INSERT: &str = "
INSERT INTO read_model.operations (id, kind, subject, state, create_time, end_time, error, request)
VALUES ($1, $2, $3, $4, $5, CASE WHEN $6::jsonb IS NOT NULL THEN clock_timestamp() END, $6, $7)
ON CONFLICT (id) DO NOTHING";

/// A request that cannot be read is an operation that failed: it blocks nobody and is there to be seen.
async fn insert(
    registry: &mut PgConnection,
    event: &RecordedEvent,
    wish: Result<Requested, DecodeError>,
) -> sqlx::Result<()> {
    let request = wish.as_ref().ok().map(Json);
    let (kind, subject, state, error) = match &wish {
        Ok(Requested { kind, subject, .. }) => (kind.as_str(), subject.as_str(), "pending", None),
        Err(error) => {
            let error = serde_json::json!({ "code": "UNKNOWN_OPERATION", "detail": error.to_string() });
            ("unknown", "", "failed", Some(error))
        }
    };
    sqlx::query(INSERT)
        .bind(event.aggregate_id)
        .bind(kind)
        .bind(subject)
        .bind(state)
        .bind(event.metadata.occurred_at.as_datetime())
        .bind(error)
        .bind(request)
        .execute(registry)
        .await?;
    Ok(())
}

const CANCEL: &str = "
UPDATE read_model.operations SET cancel_requested = true,
    state = CASE state WHEN 'pending' THEN 'cancelled' ELSE state END,
    end_time = CASE state WHEN 'pending' THEN clock_timestamp() END
WHERE id = $1 AND state IN ('pending', 'running') RETURNING state = 'running'";

/// What has not begun is over at once; what ended before stays as it is. Returns the operation if it is under way.
async fn cancel(registry: &mut PgConnection, event: &RecordedEvent) -> sqlx::Result<Option<Uuid>> {
    let running: Option<bool> =
        sqlx::query_scalar(CANCEL).bind(event.aggregate_id).fetch_optional(registry).await?;
    Ok(running.filter(|running| *running).map(|_| event.aggregate_id))
}

/// Whether it was cancelled between its beginning and now.
pub(super) async fn is_unwanted(registry: &mut PgConnection, id: Uuid) -> sqlx::Result<bool> {
    const SQL: &str = "SELECT cancel_requested FROM read_model.operations WHERE id = $1";
    Ok(sqlx::query_scalar(SQL).bind(id).fetch_optional(registry).await?.unwrap_or(false))
}

/// A program of before has written no request down.
const NEXT: &str = "
UPDATE read_model.operations AS o SET state = 'running', start_time = clock_timestamp()
FROM (
    SELECT id, start_time IS NOT NULL AS again FROM read_model.operations
    WHERE state = 'pending' AND (kind = 'export') = $1 ORDER BY create_time, id LIMIT 1
) AS next
WHERE o.id = next.id
RETURNING o.id, coalesce(o.request, jsonb_build_object('kind', kind, 'subject', subject)) AS request, next.again";

/// Which operations wait for each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Queue {
    /// Files for auditors.
    Exports,
    /// Everything else.
    Others,
}

/// The oldest operation of a queue that is not yet begun, begun.
pub(super) async fn next(registry: &mut PgConnection, queue: Queue) -> sqlx::Result<Option<Operation>> {
    sqlx::query_as(NEXT).bind(queue == Queue::Exports).fetch_optional(registry).await
}
