//! The command line; its doc comments are what `--help` prints.

use clap::{Parser, Subcommand};

use crate::core_system::Core;
use crate::operator::{EraseAgain, Import, Keys, MakeFirstAdmin, Migrate, Rebuild, Replay, Reseed, Verify};
use crate::up::Up;

/// Taskledger: tasks, their people and their whole history. Without a command it starts everything (`up`).
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) up: Box<Up>,
}

/// What is to be done.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Start all three services in one process, with a private Postgres and nats-server where none is given.
    Up(Box<Up>),
    /// Bring another tracker's history in, through commands, beside a running installation.
    Import(Box<Import>),
    /// Bring event store and read model up to date, for services that run apart.
    Migrate(Box<Migrate>),
    /// Make the first admin, for services that run apart.
    FirstAdmin(Box<MakeFirstAdmin>),
    /// Rebuild a projection from the log beside the live one, compare the two, switch.
    Rebuild(Box<Rebuild>),
    /// Erase everybody anew whom a restored backup has brought back, from the list that was kept outside.
    EraseAgain(Box<EraseAgain>),
    /// Delete the JetStream stream and create it anew from the log.
    Reseed(Box<Reseed>),
    /// Print a period of the log as it happened.
    Replay(Box<Replay>),
    /// Prove that log and audit log are what was sealed, or name the first position that is not.
    Verify(Box<Verify>),
    /// The keys that sign access tokens: show them, make the next one, drop a stolen one.
    Keys(Box<Keys>),
    /// Start a core system to try the Interface API with, beside a running `up`.
    Core(Box<Core>),
}
