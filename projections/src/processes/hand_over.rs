//! Somebody was deactivated or erased: each open task of theirs is handed to its creator.

use domain::ids::{TaskId, UserId};
use serde_json::json;
use sqlx::PgPool;
use uuid::Uuid;

use super::{
    Process,
    step::{Failure, Payload, Step, StepSources},
};
use crate::{commands::CommandError, deliveries, deliveries::NewDelivery};

/// Tasks in one transaction.
const PAGE: i64 = 1_000;

const REACHED: &str = "
SELECT min(c.position) FROM read_model.projections AS p
JOIN read_model.checkpoints AS c ON c.projection = p.name AND c.version = p.live_version WHERE p.name = 'tasks'";

const OPEN_TASKS: &str = "
SELECT t.id, t.creator FROM read_model.task_people AS p JOIN read_model.tasks AS t ON t.id = p.task_id
WHERE p.user_id = $1 AND p.role = 'assignee' AND p.task_id > $2
    AND t.status NOT IN ('done', 'cancelled') AND t.delete_time IS NULL
ORDER BY p.task_id LIMIT $3";

/// Makes a step for each open task. Nobody assigns anything to who is gone, so what the read model shows when it has come to
/// the event is all there is, or more than is left.
pub(super) async fn find_tasks(
    sources: &StepSources,
    process: Process,
    payload: &Payload,
    user: UserId,
) -> Result<String, Failure> {
    let pool = sources.read_model.look_ups();
    let reached: Option<i64> = sqlx::query_scalar(REACHED).fetch_one(pool).await?;
    if reached.unwrap_or(0) < process.position {
        return Err(Failure::Later("the read model is not there yet".into()));
    }
    let (mut after, mut found) = (Uuid::nil(), 0);
    loop {
        let tasks = open_tasks(pool, user, after).await?;
        let Some((last, _)) = tasks.last() else { return Ok(format!("{found} tasks")) };
        (after, found) = (*last, found + tasks.len());
        let hand_over = |(task, creator): &(Uuid, Uuid)| {
            let step = Step::HandOver { task: TaskId(*task), from: user, to: UserId(*creator) };
            process.step(format!("tasks/{task}"), &step, payload.correlation, None)
        };
        let steps: Vec<NewDelivery> = tasks.iter().map(hand_over).collect::<Result<_, _>>()?;
        let mut transaction = sources.delivery.pool().begin().await?;
        deliveries::insert(&mut transaction, &steps).await?;
        transaction.commit().await?;
    }
}

async fn open_tasks(pool: &PgPool, user: UserId, after: Uuid) -> sqlx::Result<Vec<(Uuid, Uuid)>> {
    sqlx::query_as(OPEN_TASKS).bind(user.0).bind(after).bind(PAGE).fetch_all(pool).await
}

/// Takes the task away from who is gone and gives it to its creator, if that is somebody who can have it.
pub(super) async fn hand_over(
    sources: &StepSources,
    process: Process,
    payload: &Payload,
    (task, from, to): (TaskId, UserId, UserId),
) -> Result<String, Failure> {
    let commands = sources.commands.caused(process.id, payload.correlation);
    let path = |verb: &str| format!("/v1/tasks/{task}/{verb}");
    let key = |verb: &str| format!("{}:{task}:{verb}", process.id);
    if from != to {
        let given = commands.post(&path("assign"), &key("assign"), &json!({ "assignees": [to] })).await;
        match given {
            Ok(_) => {}
            // The creator is gone too: the task is nobody's, and shows in lists as such.
            Err(CommandError::Refused { status: 422, .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    commands.post(&path("unassign"), &key("unassign"), &json!({ "assignees": [from] })).await?;
    Ok("handed over".into())
}
