//! The engine that carries deliveries out, whatever the channel.
//!
//! A delivery is one effect outside for one recipient: a row that a reactor has written. A worker claims rows that are due,
//! writes an attempt down before the call and what came of it after, and tries again by the channel's schedule. A process
//! that dies in between leaves an attempt of unknown outcome and a lease that runs out: the delivery is due again, so it
//! reaches the outside at least once. Several processes may work: a row is claimed by one of them.

mod channel;
mod claim;
mod forget;
mod metrics;
mod pace;
mod rate;
mod record;
mod schedule;
mod steer;
mod wake;
mod worker;

pub use channel::{AfterLast, Attempted, Channel, ChannelSettings, Job, NewDelivery, Outcome, insert};
pub use forget::forget;
pub use metrics::Meters;
pub use schedule::Schedule;
pub(crate) use steer::{SteerError, retry, retry_all, skip, skip_all};
pub use wake::Wake;
pub(crate) use wake::tell;
pub use worker::{Desk, run};
