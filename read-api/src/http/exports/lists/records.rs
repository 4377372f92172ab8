//! Records, the oldest first.

use domain::{filter::RecordsAsked, ids::UserId};
use service::problem::Problem;

use super::{List, PIECE, Page, copied};
use crate::{
    ReadApi,
    http::{
        audit_query::Asked,
        fresh::{self, MinPosition},
    },
    model::AuditRecord,
    queries::{Archive, AuditCursor, AuditFilter, ListExport, Search, history::HistoryError},
};

pub(super) struct Records {
    filter: AuditFilter,
    after: AuditCursor,
}

impl Records {
    pub(super) async fn of(
        api: &ReadApi,
        asked: RecordsAsked,
        me: UserId,
        export: &ListExport,
    ) -> Result<Self, Problem> {
        Ok(Self { filter: filter(api, asked, me, export).await?, after: AuditCursor::start(true) })
    }
}

/// What is asked for of that which was there, once all of it can be found.
pub(super) async fn filter(
    api: &ReadApi,
    records: RecordsAsked,
    me: UserId,
    export: &ListExport,
) -> Result<AuditFilter, Problem> {
    MinPosition::at(export.events).wait(api, fresh::AUDIT).await?;
    copied(export)?;
    let mut filter = Asked { records, me }.placed(api).await?;
    filter.end_with(export.events, export.attempts);
    Ok(filter)
}

impl List for Records {
    type Item = AuditRecord;

    async fn next(&mut self, api: &ReadApi) -> Result<Page<AuditRecord>, HistoryError> {
        let search = Search { archive: Archive::of(api), filter: &self.filter, ascending: true };
        let (items, next) = search.page(self.after, PIECE).await?;
        self.after = next.unwrap_or(self.after);
        Ok(Page { items, is_last: next.is_none() })
    }
}
