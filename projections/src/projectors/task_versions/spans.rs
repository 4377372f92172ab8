//! The versions of one task, one after the other, and the links that come and go with them.

use std::collections::{BTreeMap, BTreeSet};

use domain::task::TaskEvent;
use event_store::envelope::Envelope;

use super::{
    fold::fold,
    row::{Link, LinkSpan, Mark, VersionRow},
};
use crate::projector::FoldError;

/// What some events have made of a task.
#[derive(Debug, Default)]
pub struct Course {
    /// The version that the table has, and that stands there.
    stored: Option<VersionRow>,
    /// Those after it; the last one stands.
    pub rows: Vec<VersionRow>,
}

impl Course {
    /// Goes on from this version.
    pub fn after(stored: VersionRow) -> Self {
        Self { stored: Some(stored), rows: Vec::new() }
    }

    /// Takes in the next event.
    pub fn take(&mut self, at: &Envelope, event: &TaskEvent) -> Result<(), FoldError> {
        let next = fold(self.rows.last().or(self.stored.as_ref()), at, event)?;
        if let Some(last) = self.rows.last_mut() {
            last.end(next.mark());
        }
        self.rows.push(next);
        Ok(())
    }

    /// The version of the table that stands no more, with its end.
    pub fn ended(&self) -> Option<(&VersionRow, Mark)> {
        Some((self.stored.as_ref()?, self.rows.first()?.mark()))
    }

    /// The links that came, and those of the table that stand no more, each with its end.
    pub fn links(&self) -> (Vec<LinkSpan>, Vec<(Link, Mark)>) {
        let (mut new, mut ended) = (Vec::new(), Vec::new());
        let mut open = BTreeMap::<Link, Mark>::new();
        let mut now = self.stored.as_ref().map(links).unwrap_or_default();
        let Some(task) = self.rows.first().map(|row| row.id) else { return (new, ended) };
        for row in &self.rows {
            let next = links(row);
            for link in now.difference(&next).cloned() {
                match open.remove(&link) {
                    Some(since) => new.push(LinkSpan { link, task, since, until: Some(row.mark()) }),
                    None => ended.push((link, row.mark())),
                }
            }
            open.extend(next.difference(&now).map(|link| (link.clone(), row.mark())));
            now = next;
        }
        new.extend(open.into_iter().map(|(link, since)| LinkSpan { link, task, since, until: None }));
        (new, ended)
    }
}

fn links(row: &VersionRow) -> BTreeSet<Link> {
    let assignees = row.assignees.iter().map(|user| ("assignee", user.to_string()));
    let watchers = row.watchers.iter().map(|user| ("watcher", user.to_string()));
    let labels = row.labels.iter().map(|label| ("label", label.clone()));
    let creator = std::iter::once(("creator", row.creator.to_string()));
    creator.chain(assignees).chain(watchers).chain(labels).collect()
}
