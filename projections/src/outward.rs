//! Settings of what goes out from here, how and when: effects outside, and commands that follow from events.

use std::sync::Arc;

use clap::Args;
use event_store::Log;
use service::{config::ConfigError, outbound::OutboundArgs};

use crate::{
    channels::{
        email::EmailArgs,
        interface::{CoreSystem, InterfaceArgs},
        push::PushArgs,
    },
    commands::CommandArgs,
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

/// How effects leave, where commands are taken, and what is done by the clock.
#[derive(Args, Clone, Debug)]
pub struct OutwardArgs {
    /// Mails.
    #[command(flatten)]
    pub email: EmailArgs,
    /// Messages to devices.
    #[command(flatten)]
    pub push: PushArgs,
    /// Calls to addresses that users choose.
    #[command(flatten)]
    pub outbound: OutboundArgs,
    /// Commands.
    #[command(flatten)]
    pub commands: CommandArgs,
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

impl OutwardArgs {
    /// None without a core system.
    pub(crate) fn to_core(&self, log: &Log, delivery: &Delivery) -> Result<Option<ToCore>, ConfigError> {
        let Some(interface) = self.interface.open(self.outbound.authorities()?)? else { return Ok(None) };
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
