//! Settings of what goes to the outside.

use std::sync::Arc;

use clap::Args;
use event_store::Log;
use service::config::ConfigError;

use crate::{
    channels::{
        email::EmailArgs,
        interface::{CoreSystem, InterfaceArgs},
    },
    deliveries::Channel,
    delivery::Delivery,
    reactors::{
        Reactor,
        interface::{ChoiceArgs, ToldToCore},
    },
    schedules::{
        Job, ScheduleArgs,
        interface_night::{InterfaceNight, Pace},
    },
};

/// What goes to the outside, how and when.
#[derive(Args, Clone, Debug)]
pub struct OutsideArgs {
    /// Mails.
    #[command(flatten)]
    pub email: EmailArgs,
    /// The core system.
    #[command(flatten)]
    pub interface: InterfaceArgs,
    /// What it is told.
    #[command(flatten)]
    pub choice: ChoiceArgs,
    /// What is done by the clock.
    #[command(flatten)]
    pub schedules: ScheduleArgs,
}

/// What an installation with a core system has besides: who decides what is told, who tells it, and who tells it again.
pub(crate) struct ToCore {
    pub(crate) reactor: Arc<dyn Reactor>,
    pub(crate) channel: Arc<dyn Channel>,
    pub(crate) job: Arc<dyn Job>,
}

impl OutsideArgs {
    /// None without a core system.
    pub(crate) fn to_core(&self, log: &Log, delivery: &Delivery) -> Result<Option<ToCore>, ConfigError> {
        let Some(interface) = self.interface.open(Vec::new())? else { return Ok(None) };
        let (interface, log, delivery) = (Arc::new(interface), log.clone(), delivery.clone());
        let (fields, coalesce) =
            (self.interface.interface_fields.clone().unwrap_or_default(), self.interface.interface_coalesce);
        let cron = self.schedules.interface_nightly.clone();
        Ok(Some(ToCore {
            reactor: Arc::new(ToldToCore::new(self.choice.choice(), log.clone())),
            channel: Arc::new(CoreSystem::new(interface.clone(), log.clone(), fields, coalesce)),
            job: Arc::new(InterfaceNight { cron, delivery, log, interface, pace: Pace::default() }),
        }))
    }
}
