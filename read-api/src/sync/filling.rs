//! Filling a page, stage by stage.

use service::problem::Problem;
use uuid::Uuid;

use super::{Place, Stage};
use crate::{
    ReadApi,
    http::failed,
    model::{SyncPage, User},
    queries::{self, UserRow},
};

/// Steps for one page at most: who was away for long gets empty pages rather than none for long.
const MAX_STEPS: usize = 12;

/// Of which kinds the device wants things.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) tasks: bool,
    pub(crate) comments: bool,
    pub(crate) users: bool,
}

/// A page on its way.
pub(crate) struct Filling<'a> {
    pub(super) api: &'a ReadApi,
    pub(super) wanted: Wanted,
    pub(super) place: Place,
    /// All rows are as far as this.
    pub(super) up_to: i64,
    pub(super) page: SyncPage,
    size: usize,
}

impl<'a> Filling<'a> {
    /// An empty page of this size for a device at this place.
    pub(crate) fn new(api: &'a ReadApi, wanted: Wanted, place: Place, up_to: i64, size: usize) -> Self {
        Self { api, wanted, place, up_to, page: SyncPage::default(), size }
    }

    /// Fills it; the page, and where the device is with it.
    pub(crate) async fn fill(mut self) -> Result<(SyncPage, Place), Problem> {
        for _ in 0..MAX_STEPS {
            if self.left() == 0 || !self.is_more() {
                break;
            }
            self.step().await?;
        }
        self.page.has_more = self.is_more();
        Ok((self.page, self.place))
    }

    fn is_more(&self) -> bool {
        self.place.stage != Stage::Changes || self.place.position < self.up_to
    }

    pub(super) fn left(&self) -> usize {
        self.size.saturating_sub(self.page.count())
    }

    pub(super) fn limit(&self) -> i64 {
        i64::try_from(self.left()).unwrap_or(i64::MAX)
    }

    async fn step(&mut self) -> Result<(), Problem> {
        match self.place.stage {
            Stage::Tasks(after) => self.more_tasks(after).await,
            Stage::Comments(task, comment) => self.more_comments((task, comment)).await,
            Stage::Users(after) => self.more_users(after).await,
            Stage::Changes => self.more_changes().await,
            Stage::Appeared { up_to, task, comment } => self.more_of_appeared(up_to, (task, comment)).await,
        }
    }

    async fn more_tasks(&mut self, after: Uuid) -> Result<(), Problem> {
        let limit = self.limit();
        let tasks = match self.wanted.tasks {
            true => queries::tasks_behind(&self.api.lists, self.place.sight, after, limit)
                .await
                .map_err(failed)?,
            false => Vec::new(),
        };
        self.place.stage = match tasks.last() {
            Some(last) if tasks.len() == self.left() => Stage::Tasks(last.id),
            _ => Stage::Comments(Uuid::nil(), Uuid::nil()),
        };
        self.page.tasks.extend(tasks);
        Ok(())
    }

    async fn more_comments(&mut self, after: (Uuid, Uuid)) -> Result<(), Problem> {
        let (sight, limit) = (self.place.sight, self.limit());
        let comments = match self.wanted.comments {
            true => {
                queries::comments_behind(&self.api.lists, sight, None, after, limit).await.map_err(failed)?
            }
            false => Vec::new(),
        };
        self.place.stage = match comments.last() {
            Some(last) if comments.len() == self.left() => Stage::Comments(last.task, last.comment.id),
            _ => Stage::Users(Uuid::nil()),
        };
        self.page.comments.extend(comments);
        Ok(())
    }

    async fn more_users(&mut self, after: Uuid) -> Result<(), Problem> {
        let limit = self.limit();
        let users = match self.wanted.users {
            true => queries::users_behind(&self.api.lists, after, limit).await.map_err(failed)?,
            false => Vec::new(),
        };
        self.place.stage = match users.last() {
            Some(last) if users.len() == self.left() => Stage::Users(last.user.id),
            _ => Stage::Changes,
        };
        self.page.users.extend(users.into_iter().map(shown));
        Ok(())
    }
}

/// With what everybody may see.
pub(super) fn shown(UserRow { user, .. }: UserRow) -> User {
    User { private: None, ..user }
}
