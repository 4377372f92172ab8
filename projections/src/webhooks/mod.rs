//! What reactor and channel share of webhooks: the endpoints, what is on its way to them, and who may see what.

mod endpoint;
mod judge;
mod letters;
mod message;

pub(crate) use endpoint::{Endpoint, at_head, find};
pub(crate) use judge::Judge;
pub(crate) use letters::Trouble;
pub(crate) use message::{Message, Route};

/// The channel, as in `delivery.deliveries`.
pub(crate) const NAME: &str = "webhook";
