use std::{collections::HashMap, time::Duration};

use async_nats::jetstream::stream::{Config, DiscardPolicy, RetentionPolicy, StorageType};
use uuid::Uuid;

use super::{NAME, SUBJECTS};

/// The metadata key that holds the epoch of the log.
const EPOCH: &str = "taskledger-epoch";

/// JetStream accepts no shorter one. A duplicate in a pipeline would make all later messages fail; the expected
/// sequence already keeps an event from being stored twice.
const DUPLICATE_WINDOW: Duration = Duration::from_millis(100);

/// How much of the log the stream keeps; older events are read from the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamConfig {
    /// Events that were published longer ago are dropped; zero = kept for ever.
    pub max_age: Duration,
    /// The oldest events are dropped beyond this many bytes; zero or less = no bound.
    pub max_bytes: i64,
    /// 1, or 3 in a cluster.
    pub replicas: usize,
}

impl Default for StreamConfig {
    /// A week, at most 1 GiB, one replica.
    fn default() -> Self {
        Self { max_age: Duration::from_secs(7 * 24 * 3600), max_bytes: 1 << 30, replicas: 1 }
    }
}

impl StreamConfig {
    pub(super) fn definition(&self, epoch: Uuid, first_sequence: u64) -> Config {
        Config {
            name: NAME.into(),
            description: Some("A copy of Taskledger's log: sequence = position".into()),
            subjects: vec![SUBJECTS.into()],
            retention: RetentionPolicy::Limits,
            storage: StorageType::File,
            num_replicas: self.replicas,
            max_age: self.max_age,
            max_bytes: self.byte_limit(),
            max_messages: -1,
            max_messages_per_subject: -1,
            max_consumers: -1,
            discard: DiscardPolicy::Old,
            duplicate_window: DUPLICATE_WINDOW,
            allow_direct: true,
            deny_delete: true,
            deny_purge: true,
            first_sequence: Some(first_sequence),
            metadata: HashMap::from([(EPOCH.into(), epoch.to_string())]),
            ..Config::default()
        }
    }

    /// The configuration to bring an existing stream to; none if its limits are as they should be.
    pub(super) fn changed(&self, current: &Config) -> Option<Config> {
        let same = current.max_age == self.max_age
            && current.max_bytes == self.byte_limit()
            && current.num_replicas == self.replicas;
        (!same).then(|| Config {
            max_age: self.max_age,
            max_bytes: self.byte_limit(),
            num_replicas: self.replicas,
            ..current.clone()
        })
    }

    fn byte_limit(&self) -> i64 {
        if self.max_bytes > 0 { self.max_bytes } else { -1 }
    }
}

pub(super) fn epoch(config: &Config) -> Option<Uuid> {
    config.metadata.get(EPOCH)?.parse().ok()
}
