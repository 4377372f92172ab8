//! How many records there are, by what they have in common.

use domain::{
    filter::{RecordGroup, RecordsAsked},
    ids::UserId,
    time::TimeZone,
};
use service::problem::Problem;

use super::{List, PIECE, Page, records::filter};
use crate::{
    ReadApi,
    model::Count,
    queries::{
        Archive, AuditCursor, AuditFilter, Found, ListExport, Search, audit_count_by, history::HistoryError,
    },
};

/// More values are not told.
const MOST: i64 = 100_000;

pub(super) struct Counts {
    group_by: RecordGroup,
    zone: TimeZone,
    filter: AuditFilter,
    /// Where records are still to be read to know whether they pass.
    unread: Option<AuditCursor>,
    found: Found,
}

impl Counts {
    pub(super) async fn of(
        api: &ReadApi,
        group_by: RecordGroup,
        asked: RecordsAsked,
        me: UserId,
        export: &ListExport,
    ) -> Result<Self, Problem> {
        let zone = asked.zone;
        let filter = filter(api, asked, me, export).await?;
        let unread = filter.is_of_content().then(|| AuditCursor::start(true));
        Ok(Self { group_by, zone, filter, unread, found: Found::default() })
    }
}

impl List for Counts {
    type Item = Count;

    async fn next(&mut self, api: &ReadApi) -> Result<Page<Count>, HistoryError> {
        if let Some(cursor) = self.unread {
            let search = Search { archive: Archive::of(api), filter: &self.filter, ascending: true };
            let (records, next) = search.page(cursor, PIECE).await?;
            self.found.add(&records);
            self.unread = next;
            return Ok(Page { items: Vec::new(), is_last: false });
        }
        let found = self.filter.is_of_content().then_some(&self.found);
        let items = audit_count_by(&api.lists, &self.filter, found, self.group_by, self.zone, MOST).await?;
        Ok(Page { items, is_last: true })
    }
}
