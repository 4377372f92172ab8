//! How fresh an answer is: `min_position`, the `Position` header, `Stale: parked`.

use std::time::Duration;

use domain::webhook::WebhookEvent;
use service::{
    problem::{Code, Flaw, Problem},
    query::Query,
};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::failure::{failed, unlogged};
use crate::{
    ReadApi,
    progress::{Behind, PATIENCE, Projection},
    queries,
};

/// How often the operations are asked while somebody waits for one.
const ASK_AGAIN: Duration = Duration::from_millis(50);

/// What answers about tasks are made from.
pub(super) const TASKS: &[Projection] = &[Projection::Tasks, Projection::Users];
/// What answers to text searches are made from.
pub(super) const SEARCH: &[Projection] = &[Projection::Tasks, Projection::Users, Projection::TaskSearch];
/// What answers about users are made from.
pub(super) const USERS: &[Projection] = &[Projection::Users];

/// The position that an answer must show, if any.
#[derive(Clone, Copy, Debug)]
pub(super) struct MinPosition(Option<i64>);

/// The freshness of an answer about to be made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fresh {
    /// All events up to here are in the answer.
    pub(super) position: i64,
    /// Something that the answer shows has stopped following the log.
    pub(super) parked: bool,
}

impl MinPosition {
    /// Reads the parameter.
    pub(super) fn read(query: &mut Query) -> Self {
        Self(query.one("min_position", |text| match text.parse::<i64>() {
            Ok(position) if position >= 0 => Ok(position),
            _ => Err(Flaw::new("NOT_AN_INTEGER")),
        }))
    }

    /// Waits until all these projections have come as far.
    pub(super) async fn wait(self, api: &ReadApi, projections: &[Projection]) -> Result<Fresh, Problem> {
        if let Self(Some(position)) = self {
            refuse_ahead(api, position).await?;
            api.progress.wait(projections, position).await.map_err(too_slow)?;
        }
        let parked = api.progress.parked().any(projections);
        Ok(Fresh { position: api.progress.lowest(projections), parked })
    }

    /// What is read from the log itself is never behind it.
    pub(super) async fn of_the_log(self, api: &ReadApi) -> Result<Fresh, Problem> {
        let head = api.log.head().await.map_err(unlogged)?;
        api.progress.saw_head(head);
        match self.0 {
            Some(position) if position > head => Err(Problem::new(Code::PositionAhead).with("head", head)),
            _ => Ok(Fresh { position: head, parked: false }),
        }
    }

    /// Waits until all operations have been taken in that were asked for up to the position. They do not follow every
    /// event but look for requests, so they are asked.
    pub(super) async fn wait_for_operations(self, api: &ReadApi) -> Result<Fresh, Problem> {
        self.wait_asking(api, async |api| queries::operations_position(&api.points).await, queries::REQUESTS)
            .await
    }

    /// The same for webhooks: events about other things are not waited for.
    pub(super) async fn wait_for_webhooks(self, api: &ReadApi) -> Result<Fresh, Problem> {
        let types: Vec<_> = WebhookEvent::TYPES.iter().map(|(name, _)| *name).collect();
        self.wait_asking(api, async |api| queries::webhooks_position(&api.points).await, &types).await
    }

    /// Waits until nothing of these types is missing up to the position.
    async fn wait_asking(
        self,
        api: &ReadApi,
        reached: impl AsyncFn(&ReadApi) -> sqlx::Result<i64>,
        types: &[&str],
    ) -> Result<Fresh, Problem> {
        if let Self(Some(position)) = self {
            refuse_ahead(api, position).await?;
        }
        let deadline = Instant::now() + PATIENCE;
        loop {
            let reached = reached(api).await.map_err(failed)?;
            let missing = match self.0 {
                Some(position) if position > reached => {
                    queries::happened(&api.log, types, reached, position).await.map_err(unlogged)?
                }
                _ => false,
            };
            if !missing {
                return Ok(Fresh { position: reached, parked: false });
            }
            if Instant::now() >= deadline {
                return Err(too_slow(Behind { reached }));
            }
            sleep(ASK_AGAIN).await;
        }
    }

    /// Narrows freshness down to one aggregate: 503 if it is parked before the position that is asked for.
    pub(super) fn narrow(
        self,
        api: &ReadApi,
        projections: &[Projection],
        aggregate: Uuid,
        fresh: Fresh,
    ) -> Result<Fresh, Problem> {
        let parked = api.progress.parked().since(projections, aggregate);
        match (parked, self.0) {
            (Some(since), Some(wanted)) if wanted >= since => Err(Code::AggregateParked.into()),
            (parked, _) => Ok(Fresh { parked: parked.is_some(), ..fresh }),
        }
    }
}

fn too_slow(behind: Behind) -> Problem {
    Problem::new(Code::ProjectionBehind).with("position", behind.reached).retry_after(1).caused_by(behind)
}

async fn refuse_ahead(api: &ReadApi, position: i64) -> Result<(), Problem> {
    if position <= api.progress.known_head() {
        return Ok(());
    }
    let head = api.log.head().await.map_err(unlogged)?;
    api.progress.saw_head(head);
    if position > head { Err(Problem::new(Code::PositionAhead).with("head", head)) } else { Ok(()) }
}
