//! What an intent has set off, in the order of the log.

use domain::filter::Traced;
use service::problem::Problem;
use uuid::Uuid;

use super::{List, PIECE, Page};
use crate::{
    ReadApi,
    http::failure::untold,
    model::TraceEntry,
    queries::{ListExport, history::HistoryError, intent, trace},
};

pub(super) struct Trace {
    /// None where there is no such event.
    correlation: Option<Uuid>,
    after: i64,
    up_to: i64,
}

impl Trace {
    pub(super) async fn of(api: &ReadApi, of: Traced, export: &ListExport) -> Result<Self, Problem> {
        let correlation = intent(&api.log, of).await.map_err(untold)?.map(|(correlation, _)| correlation);
        Ok(Self { correlation, after: 0, up_to: export.events })
    }
}

impl List for Trace {
    type Item = TraceEntry;

    async fn next(&mut self, api: &ReadApi) -> Result<Page<TraceEntry>, HistoryError> {
        let Some(correlation) = self.correlation else { return Ok(Page::of(Vec::new())) };
        let mut items = trace(&api.log, &api.lists, correlation, self.after, PIECE).await?;
        self.after = items.last().map_or(self.after, |entry| entry.position);
        items.retain(|entry| entry.position <= self.up_to);
        Ok(Page::of(items))
    }
}
