//! Tasks as they stood after one event and the next.

use std::collections::HashMap;

use domain::task::Task;
use event_store::{Log, LogError, envelope::Envelope, past::replay};
use uuid::Uuid;

/// The tasks of one batch, each folded from the log no further than asked.
pub(super) struct Tasks<'a> {
    log: &'a Log,
    known: HashMap<Uuid, (Task, i64)>,
}

impl<'a> Tasks<'a> {
    pub(super) fn new(log: &'a Log) -> Self {
        Self { log, known: HashMap::new() }
    }

    /// The task after this event; to be asked in the order of the log.
    pub(super) async fn as_of(&mut self, at: &Envelope) -> Result<&Task, LogError> {
        let (task, version) = self.known.entry(at.aggregate_id).or_default();
        replay(self.log, at.aggregate_id, task, *version, at.version).await?;
        *version = at.version;
        Ok(task)
    }
}
