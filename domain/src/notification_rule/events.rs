//! What can have happened to a rule. These shapes are a contract: stored for ever, published as they are.

use serde::{Deserialize, Serialize};

use super::{
    DefaultRule,
    values::{Audience, RuleName, Template, Trigger},
};
use crate::{
    event::{Change, Nothing, events},
    filter::Filter,
    notification::{Category, ChannelSet},
};

events! {
    /// One fact that became true.
    NotificationRuleEvent {
        /// A rule came to be; it holds from this event on.
        Created(RuleDefinition) = "notification_rule.created" v "1",
        /// It says something else from this event on.
        Changed(Change<RuleDefinition>) = "notification_rule.changed" v "1",
        /// It holds no more.
        Deleted(Nothing) = "notification_rule.deleted" v "1",
    }
}

/// What a rule says: who is told of what by what ways.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct RuleDefinition {
    /// What it is called.
    pub name: RuleName,
    /// Which of people's preferences count.
    pub category: Category,
    /// What it goes by: any of these.
    pub event_types: Vec<Trigger>,
    /// Only events that meet this.
    pub filter: Option<Filter>,
    /// Who is told.
    pub audience: Audience,
    /// By what ways, if they want.
    pub channels: ChannelSet,
    /// In which words.
    pub template: Template,
    /// Whether it holds.
    pub enabled: bool,
    /// The default in whose place it stands.
    pub replaces: Option<DefaultRule>,
}

impl RuleDefinition {
    /// Whether it goes by this type of event, or this reminder.
    pub fn goes_by(&self, name: &str) -> bool {
        self.event_types.iter().any(|trigger| trigger.matches(name))
    }
}
