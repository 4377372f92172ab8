//! Rules that say who is told what by what ways; those that everybody begins with are [`DefaultRule`]s, not events.

mod aggregate;
mod commands;
mod defaults;
mod events;
pub mod values;

pub use aggregate::NotificationRule;
pub use commands::{NotificationRuleCommand, RuleEdit};
pub use defaults::DefaultRule;
pub use events::{NotificationRuleEvent, RuleDefinition};
