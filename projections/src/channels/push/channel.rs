//! The channel: from a delivery to a note on one device, and to what becomes of a device that has lost the app.

use std::{fmt, iter, sync::Arc, time::Duration};

use chrono::Utc;
use domain::notification;
use event_store::{Log, Sealer, envelope::Envelope};
use futures_util::future::BoxFuture;
use tokio::time;

use super::{Note, Push, Recipient, note};
use crate::{
    channels::{
        Sight,
        notice::NoticeLetter,
        telling::{Telling, Unwritten},
    },
    commands::{CommandError, Commands},
    deliveries::{Attempted, Channel, ChannelSettings, Job, Outcome, Schedule},
};

/// The channel's name.
pub const NAME: &str = notification::Channel::Push.as_str();

const SETTINGS: ChannelSettings = ChannelSettings {
    concurrency: 32,
    per_recipient: 1,
    per_second: None,
    // Google wants ten seconds at least, and longer ones from time to time.
    schedule: Schedule(&[
        Duration::from_secs(15),
        Duration::from_secs(60),
        Duration::from_secs(5 * 60),
        Duration::from_secs(30 * 60),
        Duration::from_secs(2 * 60 * 60),
        Duration::from_secs(6 * 60 * 60),
    ]),
    // A token is fetched, a note is sent, a device is removed; each call has its own limit.
    deadline: Duration::from_secs(60),
    lease: Duration::from_secs(100),
};
/// Longest wait for a command; the next attempt asks again.
const DEADLINE: Duration = Duration::from_secs(10);

/// What the channel works with.
#[derive(Debug)]
pub struct Parts {
    /// Sends notes.
    pub push: Push,
    /// Opens tokens and names.
    pub sealer: Arc<Sealer>,
    /// Sees whether people still see what they are told of, and which devices they have.
    pub sight: Sight,
    /// Where events are.
    pub log: Log,
    /// Where devices are removed.
    pub commands: Commands,
}

/// Sends notes to devices.
pub struct Devices(Parts);

impl fmt::Debug for Devices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Devices").finish_non_exhaustive()
    }
}

impl Devices {
    /// Connects to nobody yet.
    pub fn new(parts: Parts) -> Self {
        Self(parts)
    }

    async fn attempt(&self, job: &Job) -> Attempted {
        let letter: NoticeLetter = match serde_json::from_value(job.payload.clone()) {
            Ok(letter) => letter,
            // A newer program may have written it, and may be the next to try.
            Err(error) => return Attempted::failed(format!("what to send cannot be read: {error}")),
        };
        let Ok(recipient) = job.recipient.parse() else {
            return Attempted::rejected("the recipient is no device");
        };
        if letter.good_until <= Utc::now().into() {
            return Attempted::skipped("it came too late");
        }
        match self.write(job, &letter, recipient).await {
            Ok((token, note)) => self.carry(job, recipient, &token, &note).await,
            Err(unwritten) => unwritten.into(),
        }
    }

    /// The device's token and the note, as things stand now.
    async fn write(
        &self,
        job: &Job,
        letter: &NoticeLetter,
        recipient: Recipient,
    ) -> Result<(String, Note), Unwritten> {
        let (told, happening) = (&letter.told, &letter.told.happening);
        let view = self.0.sight.look(recipient.user, iter::once(happening)).await?;
        if let Some(reason) = view.hindrance(happening, told.category, notification::Channel::Push) {
            return Err(Unwritten::Needless(reason));
        }
        let devices = &view.reader().map_err(Unwritten::Needless)?.devices;
        let device = devices.iter().find(|known| known.id == recipient.device);
        let device = device.ok_or(Unwritten::Needless("the person has no such device any more"))?;
        let token = self.0.sealer.unseal(&device.token).await?.clear();
        let token = token.ok_or(Unwritten::Needless("the person is erased"))?;
        let telling = Telling::begin(&self.0.sealer, recipient.user, &view, iter::once(happening)).await?;
        Ok((token, note::compose(told, job.position, &telling)))
    }

    /// Google says once that the app is gone: until the device is removed the delivery is not through.
    async fn carry(&self, job: &Job, recipient: Recipient, token: &str, note: &Note) -> Attempted {
        let pushed = self.0.push.send(token, note, Utc::now()).await;
        if !pushed.unregistered {
            return pushed.attempted;
        }
        match self.remove(job, recipient).await {
            Ok(()) => pushed.attempted,
            Err(error) => {
                tracing::warn!(delivery = %job.id, %error, "a device is not removed yet");
                Attempted { outcome: Outcome::Failed { retry_after: None }, ..pushed.attempted }
            }
        }
    }

    /// Asks for it because of this delivery, however often that is tried.
    async fn remove(&self, job: &Job, Recipient { user, device }: Recipient) -> Result<(), CommandError> {
        let commands = self.commands(job).await?;
        let (path, key) = (format!("/v1/users/{user}/devices/{device}"), job.id.to_string());
        let asked = time::timeout(DEADLINE, commands.delete(&path, &key)).await;
        match asked.unwrap_or_else(|_| Err(CommandError::Unanswered("no answer in time".into()))) {
            // Somebody else has removed it.
            Ok(_) | Err(CommandError::Refused { status: 404, .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// What is asked for follows from the event that was told.
    async fn commands(&self, job: &Job) -> Result<Commands, CommandError> {
        let recorded = self.0.log.event_at(job.position).await;
        let recorded = recorded.map_err(|error| CommandError::Unanswered(error.to_string()))?;
        let event = recorded.and_then(|recorded| Envelope::try_from(recorded).ok());
        let told = event.filter(|event| event.id.0 == job.event_id);
        let commands = &self.0.commands;
        Ok(told.map_or_else(|| commands.clone(), |event| commands.caused(event.id, event.correlation_id)))
    }
}

impl Channel for Devices {
    fn name(&self) -> &'static str {
        NAME
    }

    fn settings(&self) -> ChannelSettings {
        SETTINGS
    }

    fn send<'a>(&'a self, job: &'a Job) -> BoxFuture<'a, Attempted> {
        Box::pin(self.attempt(job))
    }
}
