//! News of single things, for those who watch one.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::watch, time::timeout};
use uuid::Uuid;

/// The things of one kind that somebody watches: news reach those alone whom they concern.
#[derive(Clone, Debug, Default)]
pub(super) struct News(Arc<Mutex<HashMap<Uuid, Watched>>>);

#[derive(Debug, Default)]
struct Watched {
    told: watch::Sender<()>,
    by: usize,
}

impl News {
    pub(super) fn tell(&self, id: Uuid) {
        if let Some(watched) = self.watched().get(&id) {
            watched.told.send_replace(());
        }
    }

    /// Hears of one thing from now on, and looks so often by himself.
    pub(super) fn of(&self, id: Uuid, look: Duration) -> NewsOf {
        let mut all = self.watched();
        let watched = all.entry(id).or_default();
        watched.by += 1;
        NewsOf { id, told: watched.told.subscribe(), look, news: self.clone() }
    }

    fn watched(&self) -> MutexGuard<'_, HashMap<Uuid, Watched>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Hears of one thing; some news may never come.
#[derive(Debug)]
pub struct NewsOf {
    id: Uuid,
    told: watch::Receiver<()>,
    look: Duration,
    news: News,
}

impl NewsOf {
    /// Waits until somebody tells of it, or until it is time to look anyway; says whether anybody has told.
    pub async fn stir(&mut self) -> bool {
        matches!(timeout(self.look, self.told.changed()).await, Ok(Ok(())))
    }
}

impl Drop for NewsOf {
    fn drop(&mut self) {
        let mut all = self.news.watched();
        if let Some(watched) = all.get_mut(&self.id) {
            watched.by -= 1;
            if watched.by == 0 {
                all.remove(&self.id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    const LOOK: Duration = Duration::from_secs(60);

    #[tokio::test]
    async fn news_reach_those_whom_they_concern() {
        let (news, id) = (News::default(), Uuid::now_v7());
        let (mut ours, mut theirs) = (news.of(id, LOOK), news.of(Uuid::now_v7(), LOOK));
        news.tell(id);
        assert_eq!((ours.stir().now_or_never(), theirs.stir().now_or_never()), (Some(true), None));
        assert_eq!(ours.stir().now_or_never(), None);
        // What was told before is in what is read first.
        assert_eq!(news.of(id, LOOK).stir().now_or_never(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_hears_nothing_looks_by_himself() {
        assert!(!News::default().of(Uuid::nil(), LOOK).stir().await);
    }

    #[test]
    fn what_nobody_watches_is_forgotten() {
        let (news, id) = (News::default(), Uuid::now_v7());
        let (one, other) = (news.of(id, LOOK), news.of(id, LOOK));
        drop(one);
        assert_eq!(news.watched().len(), 1);
        drop(other);
        assert_eq!(news.watched().len(), 0);
        news.tell(id);
    }
}
