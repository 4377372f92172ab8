//! What of a task stands no more: its former versions, and the links that it had. Without any SQL.

mod row;
pub(super) mod store;

use std::collections::BTreeMap;

use domain::task::TaskEvent;
use event_store::envelope::Envelope;

pub use row::{Link, Until, VersionRow};

use super::{fold::fold, links::ROLES, row::TaskRow};
use crate::projector::FoldError;

/// What some events have left behind, of one task or of many.
#[derive(Debug, Default)]
pub struct Past {
    /// In the order in which they ended.
    pub versions: Vec<VersionRow>,
    /// Each once, however often it went.
    pub links: BTreeMap<Link, Until>,
}

impl Past {
    /// The row after `event`; what that ends is kept here.
    pub fn fold(
        &mut self,
        row: Option<TaskRow>,
        at: &Envelope,
        event: &TaskEvent,
    ) -> Result<TaskRow, FoldError> {
        let former = row.as_ref().map(|row| VersionRow::ended(row, at));
        let next = fold(row, at, event)?;
        if let Some(former) = former {
            self.leave(&former, &next);
            self.versions.push(former);
        }
        Ok(next)
    }

    /// Notes the links that only the former version has.
    fn leave(&mut self, former: &VersionRow, next: &TaskRow) {
        let [_, assignee, watcher] = ROLES;
        let person = |kind| move |user: &uuid::Uuid| (kind, user.to_string());
        let assignees = without(&former.assignees, &next.assignees).map(person(assignee));
        let watchers = without(&former.watchers, &next.watchers).map(person(watcher));
        let labels = without(&former.labels, &next.labels).map(|label| ("label", label.clone()));
        for (kind, value) in assignees.chain(watchers).chain(labels) {
            let until = former.ended_by();
            let link = Link { kind, value, task: former.id };
            self.links.entry(link).and_modify(|last| *last = last.or_later(until)).or_insert(until);
        }
    }
}

fn without<'a, T: PartialEq>(before: &'a [T], after: &'a [T]) -> impl Iterator<Item = &'a T> {
    before.iter().filter(move |one| !after.contains(one))
}
