//! What has changed since the place of a device.

use std::collections::BTreeSet;

use domain::task::values::Visibility;
use service::problem::Problem;
use uuid::Uuid;

use super::{
    Stage,
    filling::{Filling, shown},
};
use crate::{
    http::{failed, unlogged},
    model::{SyncComment, Task, Tombstone},
    queries::{self, Change, Departure, Sight},
};

/// Events looked at in one go.
const LOOK: i64 = 2_000;

/// What some events have touched.
#[derive(Debug, Default)]
struct Touched {
    /// The last event looked at.
    up_to: i64,
    tasks: BTreeSet<Uuid>,
    /// Each with its task.
    comments: BTreeSet<(Uuid, Uuid)>,
    users: BTreeSet<Uuid>,
    /// Tasks that may have been brought into sight, with all that was there before.
    uncovered: BTreeSet<Uuid>,
    /// The same if they are private: the caller was assigned, or made to watch.
    concerning: BTreeSet<Uuid>,
}

impl Touched {
    fn len(&self) -> usize {
        self.tasks.len() + self.comments.len() + self.users.len()
    }

    fn take(&mut self, change: &Change, sight: Sight) {
        self.up_to = change.position;
        let Some(id) = change.aggregate() else { return };
        match change.kind.as_str() {
            "task" => self.take_of_task(id, change, sight),
            "user" => {
                self.users.insert(id);
            }
            _ => {}
        }
    }

    fn take_of_task(&mut self, id: Uuid, change: &Change, sight: Sight) {
        self.tasks.insert(id);
        match change.event_type.as_str() {
            "task.commented" | "task.comment_edited" | "task.comment_deleted" => {
                self.comments.extend(change.part().map(|comment| (id, comment)));
            }
            "task.visibility_changed" | "task.undeleted" => {
                self.uncovered.insert(id);
            }
            "task.assigned" | "task.watched" if change.part().map(Sight::Member) == Some(sight) => {
                self.concerning.insert(id);
            }
            _ => {}
        }
    }

    /// Which of the tasks that are seen may have come into sight.
    fn appeared(&self, seen: &[Task]) -> Vec<Uuid> {
        let appeared = seen.iter().filter(|task| {
            let private = task.visibility == Visibility::Private;
            self.uncovered.contains(&task.id) || private && self.concerning.contains(&task.id)
        });
        appeared.map(|task| task.id).collect()
    }
}

impl Filling<'_> {
    pub(super) async fn more_changes(&mut self) -> Result<(), Problem> {
        let touched = self.touched(self.up_to, self.left()).await?;
        let (from, up_to) = (self.place.position, touched.up_to);
        let seen = self.tasks_of(&touched).await?;
        if self.wanted.comments {
            self.comments_of(&touched, &seen).await?;
        }
        if self.wanted.users && !touched.users.is_empty() {
            let users: Vec<Uuid> = touched.users.iter().copied().collect();
            let users = queries::users_of(&self.api.lists, &users).await.map_err(failed)?;
            self.page.users.extend(users.into_iter().map(shown));
        }
        self.depart(&touched, &seen, from).await?;
        if self.wanted.comments && !touched.appeared(&seen).is_empty() {
            self.place.stage = Stage::Appeared { up_to, task: Uuid::nil(), comment: Uuid::nil() };
        } else {
            self.place.position = up_to;
        }
        if self.wanted.tasks {
            self.page.tasks.extend(seen);
        }
        Ok(())
    }

    /// The comments on what came into sight between the place and `up_to`, which may be many.
    pub(super) async fn more_of_appeared(&mut self, up_to: i64, after: (Uuid, Uuid)) -> Result<(), Problem> {
        let touched = self.touched(up_to, usize::MAX).await?;
        let appeared = touched.appeared(&self.tasks_of(&touched).await?);
        let (sight, limit) = (self.place.sight, self.limit());
        let pool = &self.api.lists;
        let comments =
            queries::comments_behind(pool, sight, Some(appeared), after, limit).await.map_err(failed)?;
        match comments.last() {
            Some(SyncComment { task, comment }) if comments.len() == self.left() => {
                self.place.stage = Stage::Appeared { up_to, task: *task, comment: comment.id };
            }
            _ => (self.place.position, self.place.stage) = (up_to, Stage::Changes),
        }
        self.page.comments.extend(comments);
        Ok(())
    }

    /// What the events behind the place have touched, up to this position and so much at most.
    async fn touched(&self, up_to: i64, most: usize) -> Result<Touched, Problem> {
        let from = self.place.position;
        let changes = queries::changes(&self.api.log, from, up_to, LOOK).await.map_err(unlogged)?;
        let mut touched = Touched { up_to, ..Touched::default() };
        let whole = i64::try_from(changes.len()).is_ok_and(|read| read < LOOK);
        let mut fits = true;
        for change in &changes {
            fits = touched.len() < most;
            if !fits {
                break;
            }
            touched.take(change, self.place.sight);
        }
        if whole && fits {
            touched.up_to = up_to;
        }
        Ok(touched)
    }

    async fn tasks_of(&self, touched: &Touched) -> Result<Vec<Task>, Problem> {
        if touched.tasks.is_empty() {
            return Ok(Vec::new());
        }
        let ids = touched.tasks.iter().copied().collect();
        queries::tasks_of(&self.api.lists, self.place.sight, ids).await.map_err(failed)
    }

    async fn comments_of(&mut self, touched: &Touched, seen: &[Task]) -> Result<(), Problem> {
        let is_seen = |(task, _): &&(Uuid, Uuid)| seen.iter().any(|seen| seen.id == *task);
        let wanted: Vec<(Uuid, Uuid)> = touched.comments.iter().filter(is_seen).copied().collect();
        if wanted.is_empty() {
            return Ok(());
        }
        let found = queries::comments_of(&self.api.lists, self.place.sight, &wanted).await.map_err(failed)?;
        let is_gone = |(_, id): &&(Uuid, Uuid)| !found.iter().any(|found| found.comment.id == *id);
        let gone = wanted.iter().filter(is_gone).map(|(_, id)| Tombstone::deleted("comment", *id));
        self.page.tombstones.extend(gone);
        self.page.comments.extend(found);
        Ok(())
    }

    /// Tells of the tasks that are not seen any more, if they were since `from`.
    async fn depart(&mut self, touched: &Touched, seen: &[Task], from: i64) -> Result<(), Problem> {
        let is_seen = |id: &&Uuid| seen.iter().any(|seen| seen.id == **id);
        let unseen: Vec<Uuid> = touched.tasks.iter().filter(|id| !is_seen(id)).copied().collect();
        if unseen.is_empty() || !(self.wanted.tasks || self.wanted.comments) {
            return Ok(());
        }
        let (log, sight) = (&self.api.log, self.place.sight);
        let gone = queries::departures(log, sight, &unseen, from, touched.up_to).await.map_err(unlogged)?;
        self.page.tombstones.extend(gone.into_iter().map(|(id, departure)| match departure {
            Departure::Deleted => Tombstone::deleted("task", id),
            Departure::AccessLost => Tombstone::access_lost(id),
        }));
        Ok(())
    }
}
