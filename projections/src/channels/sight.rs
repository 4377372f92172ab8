//! What a notice is about as it is when the notice goes out: whoever has lost sight of the task meanwhile is told nothing.

use domain::{
    announcement::{Announcement, AnnouncementContent},
    ids::UserId,
    notice::{Happening, sees},
    notification::{Category, Channel, Mode},
    task::Task,
    user::User,
};
use event_store::Log;
use uuid::Uuid;

use crate::{
    delivery::Delivery,
    reactors::{StateError, States, announcements, notices},
};

/// Knows people and tasks as the reactor of notices does.
#[derive(Clone, Debug)]
pub struct Sight {
    delivery: Delivery,
    log: Log,
}

impl Sight {
    /// In these tables.
    pub fn new(delivery: &Delivery, log: &Log) -> Self {
        Self { delivery: delivery.clone(), log: log.clone() }
    }

    /// Looks at all that these happenings name, and at one who is told of them.
    pub(crate) async fn look<'a>(
        &self,
        reader: UserId,
        happenings: impl Iterator<Item = &'a Happening> + Clone,
    ) -> Result<View, StateError> {
        let mut tables = self.delivery.pool().acquire().await?;
        let people = happenings.clone().flat_map(Happening::people).chain([reader]);
        let people: Vec<_> = people.map(|id| id.0).collect();
        let tasks: Vec<_> = happenings.map(|one| one.task.0).collect();
        Ok(View {
            reader,
            people: States::read(&mut tables, &self.log, notices::NAME, &people).await?,
            tasks: States::read(&mut tables, &self.log, notices::NAME, &tasks).await?,
        })
    }

    /// Who announces it, and what.
    pub(crate) async fn announced(
        &self,
        id: Uuid,
    ) -> Result<Option<(Option<UserId>, AnnouncementContent)>, StateError> {
        let mut tables = self.delivery.pool().acquire().await?;
        let known = States::<Announcement>::read(&mut tables, &self.log, announcements::NAME, &[id]).await?;
        Ok(known.get(id).and_then(|one| Some((one.author, one.content.clone()?))))
    }

    /// Looks at people alone: at one who is told, and at others.
    pub(crate) async fn meet(
        &self,
        reader: UserId,
        others: impl Iterator<Item = UserId>,
    ) -> Result<View, StateError> {
        let mut tables = self.delivery.pool().acquire().await?;
        let people: Vec<_> = others.chain([reader]).map(|id| id.0).collect();
        Ok(View {
            reader,
            people: States::read(&mut tables, &self.log, notices::NAME, &people).await?,
            tasks: States::read(&mut tables, &self.log, notices::NAME, &[]).await?,
        })
    }
}

/// People and tasks as they are now.
#[derive(Debug)]
pub(crate) struct View {
    reader: UserId,
    people: States<User>,
    tasks: States<Task>,
}

impl View {
    pub(crate) fn person(&self, id: UserId) -> Option<&User> {
        self.people.get(id.0)
    }

    /// Whoever is told.
    pub(crate) fn reader(&self) -> Result<&User, &'static str> {
        let reader = self.person(self.reader).filter(|user| user.is_active());
        reader.ok_or("the person is not active")
    }

    /// Why the reader is not to be told of this, if so. That a task was deleted may be told of a deleted task.
    pub(crate) fn hindrance(
        &self,
        happening: &Happening,
        category: Category,
        channel: Channel,
    ) -> Option<&'static str> {
        let Ok(reader) = self.reader() else { return Some("the person is not active") };
        let Some(task) = self.tasks.get(happening.task.0) else { return Some("there is no such task") };
        if !sees(self.reader, reader, task) {
            return Some("the person does not see the task");
        }
        if task.deleted && happening.trigger != "task.deleted" {
            return Some("the task is deleted");
        }
        if happening.urges() && task.open_due().is_none() {
            return Some("the task is not due any more");
        }
        let off = reader.preferences.mode(category, channel) == Mode::Off;
        off.then_some("the person does not want it")
    }
}
