//! Somebody's inbox as it changes, for those who listen.

use uuid::Uuid;

use crate::{
    ReadApi,
    model::Notice,
    progress::{NewsOf, Projection},
    queries::{self, InboxState, NoticeCursor, Sight},
};

/// Notices that are read at a time.
const PAGE: i64 = 100;
/// What notices are shown with.
const SHOWN_WITH: &[Projection] = &[Projection::Tasks, Projection::Users];

/// An inbox, told up to some place.
pub(crate) struct LiveInbox {
    api: ReadApi,
    user: Uuid,
    sight: Sight,
    news: NewsOf,
    seen: Option<InboxState>,
    /// Up to there it was told.
    after: NoticeCursor,
}

impl LiveInbox {
    /// Told from behind a position on, or from now on.
    pub(crate) async fn open(
        api: &ReadApi,
        (user, sight): (Uuid, Sight),
        after: Option<i64>,
    ) -> sqlx::Result<Self> {
        // Before anything is read: what changes meanwhile is heard of.
        let news = api.progress.inbox(user);
        let after = match after {
            Some(position) => NoticeCursor::behind(position),
            None => queries::inbox_state(&api.points, user).await?.newest,
        };
        Ok(Self { api: api.clone(), user, sight, news, seen: None, after })
    }

    /// Waits until it looks different, at once the first time; gives the newest notice there is. While the database does not
    /// answer it has not changed.
    pub(crate) async fn change(&mut self) -> NoticeCursor {
        loop {
            if let Some(now) = self.look().await {
                self.seen = Some(now);
                return now.newest;
            }
            self.news.stir().await;
        }
    }

    /// How it stands, if that can be told and has changed.
    async fn look(&self) -> Option<InboxState> {
        match queries::inbox_state(&self.api.points, self.user).await {
            Ok(now) => (self.seen != Some(now) && self.is_shown(now).await).then_some(now),
            Err(error) => {
                tracing::debug!(%error, "an inbox cannot be looked at");
                None
            }
        }
    }

    /// Whether the tasks that the newest notice is about are there: what is looked for before is taken for hidden.
    async fn is_shown(&self, now: InboxState) -> bool {
        self.api.progress.wait(SHOWN_WITH, now.newest.position()).await.is_ok()
    }

    /// The next notices up to there, the oldest first, each with whether it is the last one of its event; none when all are
    /// told.
    pub(crate) async fn next(&mut self, up_to: NoticeCursor) -> sqlx::Result<Vec<(Notice, bool)>> {
        let mine = (self.user, self.sight);
        let found = queries::notices_between(&self.api.lists, mine, (self.after, up_to), PAGE).await?;
        let full = found.len() >= usize::try_from(PAGE).unwrap_or(usize::MAX);
        match found.last() {
            Some(last) if full => self.after = NoticeCursor::of(last),
            _ => self.after = self.after.max(up_to),
        }
        let positions: Vec<_> = found.iter().skip(1).map(|notice| Some(notice.position)).collect();
        let following = positions.into_iter().chain([None]);
        let last = |(notice, following): (Notice, Option<i64>)| {
            let last = following.map_or(!full, |position| position > notice.position);
            (notice, last)
        };
        Ok(found.into_iter().zip(following).map(last).collect())
    }

    /// Everything up to there was told.
    pub(crate) fn told(&self) -> i64 {
        self.after.position()
    }

    /// How many are not read.
    pub(crate) async fn unread(&self) -> sqlx::Result<i64> {
        queries::unread(&self.api.lists, self.user, self.sight).await
    }
}
