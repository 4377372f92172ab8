//! Which changes the core system is to hear of.

use clap::{Args, ValueEnum};
use domain::{
    event::EventPattern,
    filter::{Filter, FilterOver},
};

use super::Choice;
use crate::reactors::Begins;

/// Settings of what is told.
#[derive(Args, Clone, Debug)]
pub struct ChoiceArgs {
    /// Types of events about tasks that the core system hears of, `task.completed,task.assigned`, or all that begin alike.
    #[arg(long, env = "INTERFACE_EVENTS", value_name = "TYPES", value_delimiter = ',', default_value = "task.*",
        value_parser = pattern)]
    pub interface_events: Vec<EventPattern>,
    /// Only changes that this filter asks for, `visibility = team AND NOT label = private`, over the task as it is after them.
    #[arg(long, env = "INTERFACE_FILTER", value_name = "FILTER", value_parser = filter)]
    pub interface_filter: Option<Filter>,
    /// Which change is the first that a core system hears of which was never told anything.
    #[arg(long, env = "INTERFACE_START", value_name = "WHEN", value_enum, default_value_t = Start::Now)]
    pub interface_start: Start,
}

/// Where a core system comes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Start {
    /// What happens from now on.
    Now,
    /// Everything that has ever happened.
    Beginning,
}

impl ChoiceArgs {
    /// The choice that they make.
    pub fn choice(&self) -> Choice {
        let begins = match self.interface_start {
            Start::Now => Begins::Now,
            Start::Beginning => Begins::WithTheLog,
        };
        Choice { events: self.interface_events.clone(), filter: self.interface_filter.clone(), begins }
    }
}

fn pattern(text: &str) -> Result<EventPattern, String> {
    let pattern = EventPattern::parse(text.trim()).map_err(|violation| violation.to_string())?;
    // Nothing else has a core system that keeps tasks in mind.
    if pattern.as_str().starts_with("task.") { Ok(pattern) } else { Err("only task.* is told".to_owned()) }
}

fn filter(text: &str) -> Result<Filter, String> {
    Filter::parse(text, FilterOver::Events).map_err(|violation| violation.to_string())
}
