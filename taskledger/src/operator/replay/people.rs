//! Who acted and what a task is called, as far as it can be told.

use std::collections::HashMap;

use domain::event::{RecordedEvent, from_stored};
use domain::ids::TaskKey;
use domain::task::TaskEvent;
use domain::user::User;
use event_store::{Log, LogError, MasterKey, Sealer, load};
use service::secrets::SecretKey;
use uuid::Uuid;

/// Remembers what was looked up.
pub(super) struct People {
    log: Log,
    /// None without the secret key: then ids stand for names.
    sealer: Option<Sealer>,
    names: HashMap<Uuid, String>,
    keys: HashMap<Uuid, Option<TaskKey>>,
}

impl People {
    pub(super) fn new(log: &Log, secret: Option<SecretKey>) -> Self {
        let master = secret.map(|secret| MasterKey(secret.derive(MasterKey::LABEL)));
        let sealer = master.map(|master| Sealer::new(log.pool().clone(), &master));
        Self { log: log.clone(), sealer, names: HashMap::new(), keys: HashMap::new() }
    }

    /// The name that who acted has today, else the id; of nobody in particular what kind of actor it was.
    pub(super) async fn actor(&mut self, event: &RecordedEvent) -> String {
        let Some(id) = event.metadata.actor_id else { return event.metadata.actor_type.as_str().to_owned() };
        if let Some(name) = self.names.get(&id.0) {
            return name.clone();
        }
        let name = self.name(id.0).await.unwrap_or_else(|| id.to_string());
        self.names.insert(id.0, name.clone());
        name
    }

    /// None also of who is erased.
    async fn name(&self, id: Uuid) -> Option<String> {
        let user = load::<User>(&self.log, id).await.ok()?;
        let sealed = user.aggregate.name?;
        self.sealer.as_ref()?.unseal(&sealed).await.ok()?.clear()
    }

    /// The key of the task that the event is of.
    pub(super) async fn task_key(&mut self, event: &RecordedEvent) -> Result<Option<TaskKey>, LogError> {
        if event.aggregate_type != "task" {
            return Ok(None);
        }
        if let Some(key) = self.keys.get(&event.aggregate_id) {
            return Ok(*key);
        }
        let first = self.log.read_aggregate_at("task", event.aggregate_id, &[1]).await?;
        let key = first.first().and_then(key);
        self.keys.insert(event.aggregate_id, key);
        Ok(key)
    }
}

fn key(first: &RecordedEvent) -> Option<TaskKey> {
    match from_stored(&first.event_type, &first.event_version, first.data.get()) {
        Ok(TaskEvent::Created(created)) => Some(created.key),
        _ => None,
    }
}
