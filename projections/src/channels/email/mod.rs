//! E-mail: what a delivery says is opened, put into words and handed to a mail server, or to the mailbox of this machine
//! where none is configured.

mod account;
mod args;
mod compose;
mod letter;
pub mod mailbox;
mod message;
mod night;
mod notice;
mod server;
mod smtp;
mod texts;

use std::{sync::Arc, time::Duration};

use chrono::Utc;
use event_store::Sealer;
use futures_util::future::BoxFuture;
use service::{config::ConfigError, mail_token::MailTokens};

use crate::{
    channels::Sight,
    deliveries::{Attempted, Channel, ChannelSettings, Job, Outcome, Schedule},
    delivery::Delivery,
};

pub use account::{AccountLetter, Occasion};
pub use args::{EmailArgs, MailFrom};
pub use letter::Letter;
pub use night::{CoreChecksum, CoreDifference, CoreFailure, CoreLetter, CoreReport};
pub use notice::DigestLetter;
pub use server::SmtpUrl;

use compose::{Mail, Writer};
use mailbox::Mailbox;
use smtp::Smtp;

/// The channel's name.
pub const NAME: &str = "email";

/// A server that is down for a night finds the mails of the evening before; what matters less long ends earlier.
const SCHEDULE: Schedule = Schedule(&[
    Duration::from_secs(10),
    Duration::from_secs(60),
    Duration::from_secs(5 * 60),
    Duration::from_secs(30 * 60),
    Duration::from_secs(2 * 60 * 60),
    Duration::from_secs(6 * 60 * 60),
    Duration::from_secs(12 * 60 * 60),
]);
/// Mails at a time to one recipient.
const PER_RECIPIENT: u32 = 2;
/// What writing an attempt down may take.
const MARGIN: Duration = Duration::from_secs(30);

/// What mails are made from.
#[derive(Clone, Debug)]
pub struct Ink {
    /// Opens addresses and names.
    pub sealer: Arc<Sealer>,
    /// Computes the tokens of links.
    pub tokens: MailTokens,
    /// Sees whether people still see what they are told of.
    pub sight: Sight,
    /// What links begin with.
    pub public_url: String,
}

/// The channel.
pub struct Email {
    writer: Writer,
    transport: Transport,
    settings: ChannelSettings,
}

enum Transport {
    Smtp(Box<Smtp>),
    Mailbox(Mailbox),
}

impl Email {
    /// Mails go to the configured server, or stay in the mailbox.
    pub fn new(args: &EmailArgs, ink: Ink, delivery: &Delivery) -> Result<Self, ConfigError> {
        let transport = match &args.smtp_url {
            Some(server) => Transport::Smtp(Box::new(Smtp::new(server, args, &ink.public_url)?)),
            None => Transport::Mailbox(Mailbox::new(delivery)),
        };
        let settings = ChannelSettings {
            concurrency: args.smtp_connections.into(),
            per_recipient: PER_RECIPIENT,
            per_second: args.mail_rate,
            schedule: SCHEDULE,
            deadline: args.smtp_timeout.0,
            lease: args.smtp_timeout.0 + MARGIN,
        };
        Ok(Self { writer: Writer(ink), transport, settings })
    }

    async fn attempt(&self, job: &Job) -> Attempted {
        let letter: Letter = match serde_json::from_value(job.payload.clone()) {
            Ok(letter) => letter,
            // A newer program may have written it, and may be the next to try.
            Err(error) => return Attempted::failed(format!("what to send cannot be read: {error}")),
        };
        if letter.good_until() <= Utc::now().into() {
            return Attempted::skipped("it came too late");
        }
        match self.writer.compose(&letter).await {
            Ok(mail) => self.carry(job, &mail).await,
            Err(unwritten) => unwritten.into(),
        }
    }

    async fn carry(&self, job: &Job, mail: &Mail) -> Attempted {
        match &self.transport {
            Transport::Smtp(smtp) => smtp.carry(job, mail).await,
            Transport::Mailbox(mailbox) => match mailbox.put(job, mail).await {
                Ok(()) => Attempted::new(Outcome::Delivered),
                Err(error) => Attempted::failed(error),
            },
        }
    }
}

impl Channel for Email {
    fn name(&self) -> &'static str {
        NAME
    }

    fn settings(&self) -> ChannelSettings {
        self.settings
    }

    fn send<'a>(&'a self, job: &'a Job) -> BoxFuture<'a, Attempted> {
        Box::pin(self.attempt(job))
    }
}
