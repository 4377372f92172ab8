//! Taskledger: all three services in one process, and the commands of its operators.

mod admin;
mod cli;
mod connection;
mod core_system;
mod demo;
mod error;
mod import;
mod operator;
mod say;
mod up;

use std::process::ExitCode;

use cli::{Cli, Command};
use error::Failure;

fn main() -> ExitCode {
    let cli: Cli = service::config::load().unwrap_or_else(|error| service::config::exit(&error));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let outcome = match runtime {
        Ok(runtime) => runtime.block_on(run(cli)),
        Err(error) => Err(Failure::Io(error)),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            say::error(&failure.to_string());
            failure.exit_code()
        }
    }
}

async fn run(cli: Cli) -> Result<(), Failure> {
    match cli.command.unwrap_or(Command::Up(cli.up)) {
        Command::Up(arguments) => up::run(*arguments).await,
        Command::Import(arguments) => operator::import(*arguments).await,
        Command::Migrate(arguments) => operator::migrate::migrate(*arguments).await,
        Command::FirstAdmin(arguments) => operator::first_admin(*arguments).await,
        Command::Rebuild(arguments) => operator::rebuild(*arguments).await,
        Command::EraseAgain(arguments) => operator::erase_again(*arguments).await,
        Command::Reseed(arguments) => operator::reseed(*arguments).await,
        Command::Replay(arguments) => operator::replay(*arguments).await,
        Command::Verify(arguments) => operator::verify(*arguments).await,
        Command::Keys(arguments) => operator::keys(*arguments).await,
        Command::Core(arguments) => core_system::run(*arguments).await,
    }
}
