//! Words about effects on their way to the outside, as operators name them.

use serde::{Deserialize, Serialize};

use crate::{time::Timestamp, words::words};

words! {
    /// By what way something goes out.
    DeliveryChannel {
        /// A mail.
        Email = "email",
        /// A message to devices.
        Push = "push",
        /// A line in the inbox of the product.
        Inbox = "inbox",
        /// The core system.
        Interface = "interface",
        /// A line of somebody's next digest.
        Digest = "digest",
        /// An integrator's endpoint.
        Webhook = "webhook",
        /// A step of a process: a command that the system asks for.
        Command = "command",
    }
}

words! {
    /// Where a delivery stands.
    DeliveryState {
        /// Not tried yet.
        Pending = "pending",
        /// Tried, and will be again.
        Failed = "failed",
        /// Taken by the receiver.
        Delivered = "delivered",
        /// Tried as often as it would be.
        Exhausted = "exhausted",
        /// The receiver will never take it.
        Rejected = "rejected",
        /// An operator, or a rule, gave it up.
        Skipped = "skipped",
        /// Something newer says the same and more.
        Superseded = "superseded",
    }
}

/// Which deliveries are meant; what is absent does not matter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct DeliverySelection {
    /// By what way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<DeliveryChannel>,
    /// Where they stand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<DeliveryState>,
    /// Made then or after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
    /// Made before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Timestamp>,
}
