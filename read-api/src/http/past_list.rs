//! Lists of tasks as of a moment.

use domain::time::Timestamp;
use service::{
    problem::{Code, Flaw, Problem},
    query::Query,
};

use super::{
    failure::{failed, unlogged},
    fresh::{self, Fresh, MinPosition},
    revisions::as_of,
};
use crate::{
    ReadApi,
    model::Task,
    queries::{Moment, When, history::HistoryError, tasks_at},
};

/// The moment that a list asks for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked(pub(super) Moment);

/// Reads it, if there is one; texts are not searched as they were.
pub(super) fn asked(query: &mut Query) -> Option<Asked> {
    let moment = as_of(query);
    for name in ["as_of", "as_of_occurred"] {
        if query.has(name) && query.has("q") {
            query.refuse("q", Flaw::new("EXCLUDES").param("other", name));
        }
    }
    moment.map(Asked)
}

impl Asked {
    /// What is looked for, once the tasks are there up to that moment.
    pub(super) async fn found(self, api: &ReadApi, min: MinPosition) -> Result<(When, Fresh), Problem> {
        let position = match self.0 {
            Moment::Occurred(time) => {
                return Ok((When::Occurred(time.as_datetime()), min.wait(api, fresh::TASKS).await?));
            }
            Moment::Time(time) => api.log.position_at(time).await.map_err(unlogged)?,
            Moment::Position(position) | Moment::Version(position) => position,
        };
        let fresh = min.or_later(position).wait(api, fresh::TASKS).await?;
        let recorded = match api.log.event_at(position).await.map_err(unlogged)? {
            Some(event) => event.recorded_at,
            None if position == 0 => Timestamp::default(),
            None => return Err(Code::PositionAhead.into()),
        };
        let when = When::position(&api.points, position, recorded.as_datetime()).await.map_err(failed)?;
        Ok((when, fresh))
    }
}

/// These tasks as they were.
pub(super) async fn tasks(api: &ReadApi, ids: &[uuid::Uuid], when: When) -> Result<Vec<Task>, HistoryError> {
    let moment = match when {
        When::Now => return Ok(Vec::new()),
        When::Position { position, .. } => Moment::Position(position),
        When::Occurred(time) => Moment::Occurred(time.into()),
    };
    tasks_at(&api.log, &api.points, ids, moment).await
}
