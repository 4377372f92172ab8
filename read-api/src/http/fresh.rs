//! How fresh an answer is: `min_position`, the `Position` header, `Stale: parked`.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use domain::{announcement::AnnouncementEvent, webhook::WebhookEvent};
use event_store::LogError;
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

const POSITION: HeaderName = HeaderName::from_static("position");
const STALE: HeaderName = HeaderName::from_static("stale");
/// What answers to auditors are made from.
pub(super) const AUDIT: &[Projection] = &[Projection::Audit, Projection::Users];
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

impl Fresh {
    /// Says so in an answer.
    pub(super) fn tell(self, headers: &mut HeaderMap) {
        headers.insert(POSITION, self.position.into());
        if self.parked {
            headers.insert(STALE, HeaderValue::from_static("parked"));
        }
    }
}

impl MinPosition {
    /// Reads the parameter.
    pub(super) fn read(query: &mut Query) -> Self {
        Self(query.one("min_position", |text| match text.parse::<i64>() {
            Ok(position) if position >= 0 => Ok(position),
            _ => Err(Flaw::new("NOT_AN_INTEGER")),
        }))
    }

    /// This one.
    pub(super) fn at(position: i64) -> Self {
        Self(Some(position))
    }

    /// This one or a later one.
    pub(super) fn or_later(self, position: i64) -> Self {
        Self(self.0.max(Some(position)))
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

    /// For answers from the log itself.
    pub(super) async fn in_log(self, api: &ReadApi) -> Result<Fresh, Problem> {
        let position = api.log.head().await.map_err(unlogged)?;
        api.progress.saw_head(position);
        match self.0 {
            Some(wanted) if wanted > position => {
                Err(Problem::new(Code::PositionAhead).with("head", position))
            }
            _ => Ok(Fresh { position, parked: false }),
        }
    }

    /// Waits until everything is told up to the position, and the tasks that it is about are there.
    pub(super) async fn wait_for_notices(self, api: &ReadApi) -> Result<Fresh, Problem> {
        let tasks = self.wait(api, TASKS).await?;
        let told = self.ask_again(api, Silent::Notices).await?;
        Ok(Fresh { position: told.position.min(tasks.position), ..tasks })
    }

    /// Waits until all operations have been taken in that were asked for up to the position.
    pub(super) async fn wait_for_operations(self, api: &ReadApi) -> Result<Fresh, Problem> {
        self.ask_again(api, Silent::Operations).await
    }

    /// The same, and all announcements, which are operations too.
    pub(super) async fn wait_for_all_operations(self, api: &ReadApi) -> Result<Fresh, Problem> {
        let announced = self.wait_for_announcements(api).await?;
        let asked = self.wait_for_operations(api).await?;
        Ok(Fresh { position: asked.position.min(announced.position), ..asked })
    }

    /// Waits until webhooks are as they were at the position, or later.
    pub(super) async fn wait_for_webhooks(self, api: &ReadApi) -> Result<Fresh, Problem> {
        self.ask_again(api, Silent::Webhooks).await
    }

    /// Waits until announcements are as they were at the position, or later.
    pub(super) async fn wait_for_announcements(self, api: &ReadApi) -> Result<Fresh, Problem> {
        self.ask_again(api, Silent::Announcements).await
    }

    /// Asks how far somebody has come who says nothing by himself, until nothing is missing up to the position.
    async fn ask_again(self, api: &ReadApi, whom: Silent) -> Result<Fresh, Problem> {
        if let Self(Some(position)) = self {
            refuse_ahead(api, position).await?;
        }
        let deadline = Instant::now() + PATIENCE;
        loop {
            let reached = whom.reached(api).await.map_err(failed)?;
            let missing = match self.0 {
                Some(position) if position > reached => {
                    whom.misses(api, reached, position).await.map_err(unlogged)?
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

/// Who does not follow every event but looks for those that are its business, and says nothing of how far it is.
#[derive(Clone, Copy, Debug)]
enum Silent {
    Operations,
    Webhooks,
    Notices,
    Announcements,
}

impl Silent {
    async fn reached(self, api: &ReadApi) -> sqlx::Result<i64> {
        match self {
            Self::Operations => queries::operations_position(&api.points).await,
            Self::Webhooks => queries::webhooks_position(&api.points).await,
            Self::Notices => queries::notices_position(&api.points).await,
            Self::Announcements => queries::announcements_position(&api.points).await,
        }
    }

    /// Whether anything between these positions (the second included) has yet to be taken in.
    async fn misses(self, api: &ReadApi, after: i64, up_to: i64) -> Result<bool, LogError> {
        match self {
            Self::Operations => queries::happened(&api.log, queries::REQUESTS, after, up_to).await,
            Self::Webhooks => {
                let types: Vec<_> = WebhookEvent::TYPES.iter().map(|(name, _)| *name).collect();
                queries::happened(&api.log, &types, after, up_to).await
            }
            Self::Notices => queries::notices_missing(&api.log, after, up_to).await,
            Self::Announcements => {
                let types: Vec<_> = AnnouncementEvent::TYPES.iter().map(|(name, _)| *name).collect();
                queries::happened(&api.log, &types, after, up_to).await
            }
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
