//! Events for integrators, signed as Standard Webhooks has it.

mod body;
mod call;
mod channel;
mod headers;
mod health;
mod secret;
mod sign;

use std::time::Duration;

pub use call::{Called, Hook, Target};
pub use channel::{Parts, Webhooks};
pub use headers::{InvalidHeader, OwnHeaders};
pub use secret::{InvalidSecret, WebhookSecret};
pub use sign::{OVERLAP, Secrets};

use crate::deliveries::Schedule;

/// When a webhook is tried again; afterwards it is exhausted.
pub const SCHEDULE: Schedule = Schedule(&[
    Duration::from_secs(5),
    minutes(5),
    minutes(30),
    minutes(2 * 60),
    minutes(5 * 60),
    minutes(10 * 60),
    minutes(14 * 60),
    minutes(20 * 60),
    minutes(24 * 60),
]);

const fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(60 * minutes)
}
