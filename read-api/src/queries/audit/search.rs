//! Records in full, page by page, as far as they pass.

use std::time::{Duration, Instant};

use super::{
    Archive, AuditCursor, AuditFilter, audit_page, complete::complete, page::RecordRef, record::told_records,
};
use crate::{model::AuditRecord, queries::history::HistoryError};

/// Where what a record says is searched, so many are looked at before a page may be short …
const LOOK_AT: i64 = 5_000;
/// … and not much longer than this, so that whoever waits for a page sees that it goes on …
const LOOK_FOR: Duration = Duration::from_millis(100);
/// … and so many at once.
pub(super) const AT_ONCE: i64 = 250;
/// From so many it is guessed how many pass.
pub(super) const SAMPLE: i64 = 1_000;

/// What is looked for, and in which order.
#[derive(Clone, Copy)]
pub struct Search<'a> {
    /// In what.
    pub archive: Archive<'a>,
    /// Which records.
    pub filter: &'a AuditFilter,
    /// The oldest first.
    pub ascending: bool,
}

impl Search<'_> {
    /// The records of a page, and where the next one begins; nowhere at the end.
    pub async fn page(
        &self,
        cursor: AuditCursor,
        size: i64,
    ) -> Result<(Vec<AuditRecord>, Option<AuditCursor>), HistoryError> {
        let (mut items, next) = self.look(cursor, size).await?;
        complete(self.archive, &mut items).await?;
        Ok((items, next))
    }

    /// What is shown beside what was looked for is added to those only that pass.
    pub(super) async fn look(
        &self,
        mut cursor: AuditCursor,
        size: i64,
    ) -> Result<(Vec<AuditRecord>, Option<AuditCursor>), HistoryError> {
        let begun = Instant::now();
        let at_once = if self.filter.is_of_content() { AT_ONCE } else { size + 1 };
        let (mut items, mut looked_at) = (Vec::new(), 0);
        while looked_at < LOOK_AT && (looked_at == 0 || begun.elapsed() < LOOK_FOR) {
            let found = self.may_pass(cursor, at_once).await?;
            for (place, record) in self.judged(&found).await? {
                if i64::try_from(items.len()) == Ok(size) {
                    return Ok((items, Some(cursor)));
                }
                cursor.passes(place);
                items.extend(record);
            }
            let count = i64::try_from(found.len()).unwrap_or(i64::MAX);
            if count < at_once {
                return Ok((items, None));
            }
            looked_at += count;
        }
        Ok((items, Some(cursor)))
    }

    /// Of the first records that may pass so many are looked at, if there are as many; so many do pass.
    pub(super) async fn sample(&self) -> Result<(i64, i64), HistoryError> {
        let found = self.may_pass(AuditCursor::start(self.ascending), SAMPLE).await?;
        let passing = self.judged(&found).await?.filter(|(_, record)| record.is_some()).count();
        let size = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        Ok((size(found.len()), size(passing)))
    }

    async fn may_pass(&self, cursor: AuditCursor, limit: i64) -> Result<Vec<RecordRef>, HistoryError> {
        Ok(audit_page(self.archive.pool, self.filter, self.ascending, cursor, limit).await?)
    }

    /// Each place with its record, if that passes.
    async fn judged<'p>(
        &self,
        found: &'p [RecordRef],
    ) -> Result<impl Iterator<Item = (&'p RecordRef, Option<AuditRecord>)>, HistoryError> {
        let mut records = told_records(self.archive, found).await?.into_iter().peekable();
        Ok(found.iter().map(move |place| {
            let id = place.id().to_string();
            let record = records.next_if(|record| record.id == id);
            (place, record.filter(|record| self.filter.passes(place, record)))
        }))
    }
}
