//! What can be asked of a rule.

use super::{
    RuleDefinition,
    values::{Audience, RuleName, Template, Trigger},
};
use crate::{
    filter::Filter,
    notification::{Category, ChannelSet},
};

/// One wish. All values are parsed.
#[derive(Clone, Debug, PartialEq)]
pub enum NotificationRuleCommand {
    /// Make a rule; the claim on the default that it replaces is taken by its event.
    Create(Box<RuleDefinition>),
    /// Change what it says.
    Edit(Box<RuleEdit>),
    /// Let it hold no more; a default that it replaced holds again.
    Delete,
}

/// What to change: `None` keeps.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RuleEdit {
    /// What it is called.
    pub name: Option<RuleName>,
    /// Which of people's preferences count.
    pub category: Option<Category>,
    /// What it goes by.
    pub event_types: Option<Vec<Trigger>>,
    /// Only events that meet this.
    pub filter: Option<Option<Filter>>,
    /// Who is told.
    pub audience: Option<Audience>,
    /// By what ways.
    pub channels: Option<ChannelSet>,
    /// In which words.
    pub template: Option<Template>,
    /// Whether it holds.
    pub enabled: Option<bool>,
}

impl RuleEdit {
    /// What the rule says then.
    pub fn of(self, before: &RuleDefinition) -> RuleDefinition {
        let before = before.clone();
        RuleDefinition {
            name: self.name.unwrap_or(before.name),
            category: self.category.unwrap_or(before.category),
            event_types: self.event_types.unwrap_or(before.event_types),
            filter: self.filter.unwrap_or(before.filter),
            audience: self.audience.unwrap_or(before.audience),
            channels: self.channels.unwrap_or(before.channels),
            template: self.template.unwrap_or(before.template),
            enabled: self.enabled.unwrap_or(before.enabled),
            replaces: before.replaces,
        }
    }
}
