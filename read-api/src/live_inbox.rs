//! Somebody's inbox as it changes, for those who listen.

use uuid::Uuid;

use crate::{
    ReadApi,
    model::Notice,
    progress::{NewsOf, Projection},
    queries::{self, InboxState, Sight},
};

/// Notices that are read at a time.
const PAGE: i64 = 100;
/// What notices are shown with.
const SHOWN_WITH: &[Projection] = &[Projection::Tasks, Projection::Users];

/// An inbox, told up to some notice.
pub(crate) struct LiveInbox {
    api: ReadApi,
    user: Uuid,
    sight: Sight,
    news: NewsOf,
    /// The last act of reading that was told.
    read: Option<i64>,
    /// Number of the notice up to which all was told.
    after: i64,
}

impl LiveInbox {
    /// Told from behind a notice on.
    pub(crate) fn open(api: &ReadApi, (user, sight): (Uuid, Sight), after: i64) -> Self {
        // Before anything is read: what changes meanwhile is heard of.
        Self { api: api.clone(), user, sight, news: api.progress.inbox(user), read: None, after }
    }

    /// Waits until it looks different, at once the first time; gives the newest notice there is. While the database does not
    /// answer it has not changed.
    pub(crate) async fn change(&mut self) -> i64 {
        loop {
            match queries::inbox_state(&self.api.points, self.user, self.after).await {
                Ok(now) if now.newest > self.after || self.read != Some(now.read) => {
                    self.is_shown(now).await;
                    self.read = Some(now.read);
                    return now.newest;
                }
                Ok(_) => {}
                Err(error) => tracing::debug!(%error, "an inbox cannot be looked at"),
            }
            self.news.stir().await;
        }
    }

    /// Waits until the tasks that are told of are there: what is looked for before is taken for hidden.
    async fn is_shown(&self, now: InboxState) {
        while self.api.progress.wait(SHOWN_WITH, now.position).await.is_err() {}
    }

    /// The next notices up to there, in the order in which they came, each with its number; none when all are told.
    pub(crate) async fn next(&mut self, up_to: i64) -> sqlx::Result<Vec<(i64, Notice)>> {
        let mine = (self.user, self.sight);
        let found = queries::notices_between(&self.api.lists, mine, (self.after, up_to), PAGE).await?;
        // Behind the last one there may be some that are hidden.
        self.after = found.last().map_or(up_to, |(number, _)| *number);
        Ok(found)
    }

    /// Everything up to this notice was told.
    pub(crate) fn told(&self) -> i64 {
        self.after
    }

    /// How many are not read.
    pub(crate) async fn unread(&self) -> sqlx::Result<i64> {
        queries::unread(&self.api.lists, self.user, self.sight).await
    }
}
