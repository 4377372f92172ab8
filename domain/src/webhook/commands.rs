//! What can be asked of a webhook.

use std::collections::BTreeMap;

use super::{
    ReplayRequested, TestRequested, WebhookCreated, WebhookDefinition, WebhookUrl,
    values::{Description, DisabledReason, HeaderName, Ordering, PayloadMode, Throttle},
};
use crate::{event::EventPattern, filter::Filter, ids::SecretId, personal::Sealed, task::values::Reason};

/// One wish. All values are parsed, headers sealed.
#[derive(Clone, Debug, PartialEq)]
pub enum WebhookCommand {
    /// Make an endpoint of one's own.
    Create(Box<WebhookCreated>),
    /// Change what it wants.
    Edit(Box<WebhookEdit>),
    /// Sign with another secret.
    RotateSecret {
        /// Which.
        secret: SecretId,
    },
    /// Send nothing for now.
    Pause {
        /// Why, if said.
        reason: Option<Reason>,
    },
    /// Go on, also after it was disabled.
    Resume,
    /// Send nothing any more: it does not answer as it should.
    Disable {
        /// Why.
        reason: DisabledReason,
    },
    /// Send a test event.
    Test(TestRequested),
    /// Send events of before again.
    Replay(ReplayRequested),
    /// Forget it.
    Delete,
}

/// What to change: `None` keeps.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WebhookEdit {
    /// Where it is.
    pub url: Option<WebhookUrl>,
    /// What it is for.
    pub description: Option<Option<Description>>,
    /// Events of any of these types.
    pub event_types: Option<Vec<EventPattern>>,
    /// Only events that meet this.
    pub filter: Option<Option<Filter>>,
    /// How much of them.
    pub mode: Option<PayloadMode>,
    /// What waits for what.
    pub ordering: Option<Ordering>,
    /// Deliveries per second at most.
    pub throttle_per_second: Option<Option<Throttle>>,
    /// Headers that go along, all of them.
    pub headers: Option<BTreeMap<HeaderName, Sealed>>,
}

impl WebhookEdit {
    /// What the endpoint wants then.
    pub fn of(self, before: &WebhookDefinition) -> WebhookDefinition {
        let before = before.clone();
        WebhookDefinition {
            url: self.url.unwrap_or(before.url),
            description: self.description.unwrap_or(before.description),
            event_types: self.event_types.unwrap_or(before.event_types),
            filter: self.filter.unwrap_or(before.filter),
            mode: self.mode.unwrap_or(before.mode),
            ordering: self.ordering.unwrap_or(before.ordering),
            throttle_per_second: self.throttle_per_second.unwrap_or(before.throttle_per_second),
            headers: self.headers.unwrap_or(before.headers),
        }
    }
}
