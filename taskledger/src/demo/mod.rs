//! A small, lively data set, brought in through commands: `taskledger --demo`.

mod data;
mod people;
mod story;

use chrono::{DateTime, Utc};
use command_api::commands::{Commands, Refusal};
use domain::violation::Violation;

use data::Demo;
use people::People;

/// Why the data set is not, or not wholly, there.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DemoError {
    #[error("demo.toml: {0}")]
    Data(#[from] toml::de::Error),
    #[error("demo.toml: {0}")]
    Value(#[from] Violation),
    #[error("demo.toml: nobody is called {0}")]
    Nobody(String),
    #[error("the demo data set was refused: {0}")]
    Refused(#[from] Refusal),
}

/// Adds the people and tasks that are not there yet; returns how many tasks are new.
pub(crate) async fn add(commands: &Commands, now: DateTime<Utc>) -> Result<usize, DemoError> {
    let demo = Demo::read()?;
    let people = People::ensure(commands, &demo.people, now).await?;
    let mut added = 0;
    for (number, task) in demo.tasks.iter().enumerate() {
        added += usize::from(story::tell(commands, &people, number, task, now).await?);
    }
    Ok(added)
}
