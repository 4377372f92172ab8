//! Tasks as they were, in the order of their keys.

use domain::filter::{AsOf, TasksAsked, Then};
use service::problem::Problem;

use super::{List, PIECE, Page};
use crate::{
    ReadApi,
    http::{fresh::MinPosition, past_list},
    model::Task,
    queries::{self, ListExport, Sight, Sort, SortKey, TaskCursor, TaskFilter, Words, history::HistoryError},
};

const SORT: Sort = Sort { key: SortKey::Key, descending: false };

pub(super) struct Tasks {
    filter: TaskFilter,
    sight: Sight,
    after: Option<TaskCursor>,
}

impl Tasks {
    pub(super) async fn of(
        api: &ReadApi,
        sight: Sight,
        asked: TasksAsked,
        then: Option<Then>,
        export: &ListExport,
    ) -> Result<Self, Problem> {
        let then = then.unwrap_or(Then::Recorded(AsOf::Position(export.events)));
        let min = MinPosition::at(export.events);
        let (when, _) = past_list::Asked(then.into()).found(api, min).await?;
        Ok(Self { filter: TaskFilter { asked, words: Words::default(), when }, sight, after: None })
    }
}

impl List for Tasks {
    type Item = Task;

    async fn next(&mut self, api: &ReadApi) -> Result<Page<Task>, HistoryError> {
        let (filter, after) = (&self.filter, self.after.as_ref());
        let ids = queries::past_page(&api.lists, filter, self.sight, SORT, after, PIECE).await?;
        let items = past_list::tasks(api, &ids, self.filter.when).await?;
        self.after = items.last().map(|task| TaskCursor::behind(SORT, task)).or(self.after.take());
        let is_last = Page::of(ids).is_last || items.is_empty();
        Ok(Page { items, is_last })
    }
}
