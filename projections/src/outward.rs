//! Settings of what goes out from here: effects outside, and commands that follow from events.

use clap::Args;
use service::outbound::OutboundArgs;

use crate::{channels::email::EmailArgs, commands::CommandArgs};

/// How effects leave, and where commands are taken.
#[derive(Args, Clone, Debug)]
pub struct OutwardArgs {
    /// Mails.
    #[command(flatten)]
    pub email: EmailArgs,
    /// Calls to addresses that users choose.
    #[command(flatten)]
    pub outbound: OutboundArgs,
    /// Commands.
    #[command(flatten)]
    pub commands: CommandArgs,
}
