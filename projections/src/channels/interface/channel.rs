//! Changes of tasks on their way to the core system.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use chrono::Utc;
use event_store::{Log, envelope};
use futures_util::future::BoxFuture;

use super::{Fields, Interface, LeftAlone};
use crate::deliveries::{AfterLast, Attempted, Channel, ChannelSettings, Job, Outcome, Schedule};

/// The channel's name.
pub const NAME: &str = "interface";

/// Who gets everything on this channel.
pub const RECIPIENT: &str = "core";

/// Three short retries; what has failed then waits for the night.
pub const SCHEDULE: Schedule =
    Schedule(&[Duration::from_secs(5), Duration::from_secs(30), Duration::from_secs(2 * 60)]);
/// Calls at a time in one process, each about another task.
const CONCURRENCY: u32 = 4;
/// A little longer than the client waits for an answer.
const DEADLINE: Duration = Duration::from_secs(20);
const LEASE: Duration = Duration::from_secs(60);
/// What could not be tried for reasons of our own comes again after so long.
const SOON: Duration = Duration::from_secs(1);

/// The channel: the events are read from the log when their turn has come, and told as they were published.
#[derive(Debug)]
pub struct CoreSystem {
    interface: Arc<Interface>,
    log: Log,
    fields: Fields,
    coalesce: bool,
}

impl CoreSystem {
    /// Tells these members of `data`; of several waiting changes of a task only the newest, if that is wished.
    pub fn new(interface: Arc<Interface>, log: Log, fields: Fields, coalesce: bool) -> Self {
        Self { interface, log, fields, coalesce }
    }

    async fn attempt(&self, job: &Job) -> Attempted {
        let event = match self.log.event_at(job.position).await {
            Ok(Some(event)) if event.id.0 == job.event_id => event,
            Ok(_) => return Attempted::skipped("the log holds another event at this position"),
            Err(error) => {
                tracing::warn!(%error, "the core system is told later");
                return Attempted::new(Outcome::Held { pause: SOON });
            }
        };
        let envelope = match envelope::encode(&event) {
            Ok(envelope) => envelope,
            Err(error) => return Attempted::rejected(&error.to_string()),
        };
        let told = match self.fields.cut(&envelope) {
            Ok(told) => told,
            Err(error) => return Attempted::rejected(&error.to_string()),
        };
        match self.interface.send(job.event_id, &told, Utc::now()).await {
            Ok(attempted) => attempted,
            Err(LeftAlone(pause)) => Attempted::new(Outcome::Held { pause: pause.min(SOON) }),
        }
    }
}

impl Channel for CoreSystem {
    fn name(&self) -> &'static str {
        NAME
    }

    fn settings(&self) -> ChannelSettings {
        ChannelSettings {
            concurrency: CONCURRENCY as usize,
            per_recipient: CONCURRENCY,
            per_second: None,
            schedule: SCHEDULE,
            deadline: DEADLINE,
            lease: LEASE,
        }
    }

    fn send<'a>(&'a self, job: &'a Job) -> BoxFuture<'a, Attempted> {
        Box::pin(self.attempt(job))
    }

    fn closed(&self) -> Option<Duration> {
        self.interface.left_alone(Instant::now())
    }

    fn after_last(&self) -> AfterLast {
        AfterLast::Wait
    }

    fn coalesces(&self) -> bool {
        self.coalesce
    }
}
