//! Records in full, page by page, as far as they pass.

use std::time::{Duration, Instant};

use super::{Archive, AuditCursor, AuditFilter, audit_page, complete::complete, record::told_records};
use crate::{model::AuditRecord, queries::history::HistoryError};

/// Where what a record says is searched, so many are looked at before a page may be short …
const LOOK_AT: i64 = 5_000;
/// … and not much longer than this, so that whoever waits for a page sees that it goes on …
const LOOK_FOR: Duration = Duration::from_millis(100);
/// … and so many at once.
const AT_ONCE: i64 = 250;

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
    async fn look(
        &self,
        mut cursor: AuditCursor,
        size: i64,
    ) -> Result<(Vec<AuditRecord>, Option<AuditCursor>), HistoryError> {
        let begun = Instant::now();
        let at_once = if self.filter.is_of_content() { AT_ONCE } else { size + 1 };
        let (mut items, mut looked_at) = (Vec::new(), 0);
        while looked_at < LOOK_AT && (looked_at == 0 || begun.elapsed() < LOOK_FOR) {
            let found = audit_page(self.archive.pool, self.filter, self.ascending, cursor, at_once).await?;
            let mut records = told_records(self.archive, &found).await?.into_iter().peekable();
            for place in &found {
                if i64::try_from(items.len()) == Ok(size) {
                    return Ok((items, Some(cursor)));
                }
                cursor.passes(place);
                let id = place.id().to_string();
                let record = records.next_if(|record| record.id == id);
                items.extend(record.filter(|record| self.filter.passes(place, record)));
            }
            let count = i64::try_from(found.len()).unwrap_or(i64::MAX);
            if count < at_once {
                return Ok((items, None));
            }
            looked_at += count;
        }
        Ok((items, Some(cursor)))
    }
}
