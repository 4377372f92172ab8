//! What can have happened to a webhook. These shapes are a contract: stored for ever, published as they are.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    WebhookUrl,
    values::{
        Description, DisabledReason, HeaderName, Moment, Ordering, PayloadMode, Signature, Start, Throttle,
    },
};
use crate::{
    event::{Change, EventPattern, Nothing, events},
    filter::Filter,
    ids::{SecretId, UserId},
    personal::Sealed,
    task::values::Reason,
    time::Timestamp,
};

events! {
    /// One fact that became true.
    WebhookEvent {
        /// An endpoint came to be, enabled.
        Created(WebhookCreated) = "webhook.created" v "1",
        /// It wants other things, or to be called elsewhere or in another way.
        Changed(Change<WebhookDefinition>) = "webhook.changed" v "1",
        /// Another secret signs; that of before signs beside it for a while.
        SecretRotated(SecretRotated) = "webhook.secret_rotated" v "1",
        /// Nothing is sent for now; the place in the log is kept.
        Paused(WebhookPaused) = "webhook.paused" v "1",
        /// Goes on from where it stood.
        Resumed(Nothing) = "webhook.resumed" v "1",
        /// Nothing is sent any more; the place in the log is kept.
        Disabled(WebhookDisabled) = "webhook.disabled" v "1",
        /// A test event is to be sent.
        TestRequested(TestRequested) = "webhook.test_requested" v "1",
        /// Events of before are to be sent again.
        ReplayRequested(ReplayRequested) = "webhook.replay_requested" v "1",
        /// Gone.
        Deleted(Nothing) = "webhook.deleted" v "1",
    }
}

/// What an endpoint wants, where and how.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct WebhookDefinition {
    /// Where it is.
    pub url: WebhookUrl,
    /// What it is for.
    pub description: Option<Description>,
    /// Events of any of these types.
    pub event_types: Vec<EventPattern>,
    /// Only events that meet this.
    pub filter: Option<Filter>,
    /// How much of them.
    pub mode: PayloadMode,
    /// What waits for what.
    pub ordering: Ordering,
    /// Deliveries per second at most.
    pub throttle_per_second: Option<Throttle>,
    /// Headers that go along, their values sealed with the owner's key.
    pub headers: BTreeMap<HeaderName, Sealed>,
}

/// Payload of `webhook.created`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct WebhookCreated {
    /// Whose it is.
    pub owner: UserId,
    /// What it wants.
    pub definition: WebhookDefinition,
    /// From where on.
    pub start: Start,
    /// What signs; the secret itself is computed from this and a key of the installation.
    pub secret: SecretId,
    /// How it signs.
    #[serde(default)]
    pub signature: Signature,
}

/// Payload of `webhook.secret_rotated`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct SecretRotated {
    /// What signed before.
    pub from: SecretId,
    /// What signs now.
    pub to: SecretId,
    /// Until then both do.
    pub both_until: Timestamp,
}

/// Payload of `webhook.paused`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct WebhookPaused {
    /// Why, if said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// Payload of `webhook.disabled`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct WebhookDisabled {
    /// Why.
    pub reason: DisabledReason,
}

/// Payload of `webhook.test_requested`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct TestRequested {
    /// The id that the test event will bear.
    pub test: Uuid,
}

/// Payload of `webhook.replay_requested`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct ReplayRequested {
    /// Its name: deliveries bear it.
    pub replay: Uuid,
    /// The first event.
    pub from: Moment,
    /// The first event that is not sent again; none = up to now.
    pub to: Option<Moment>,
}
