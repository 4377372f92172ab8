//! The channel that steps go through.

use std::time::Duration;

use domain::ids::{EventId, TaskId, UserId};
use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{CHANNEL, Process, hand_over};
use crate::{
    ReadModel,
    commands::{CommandError, Commands},
    deliveries::{Attempted, Channel, ChannelSettings, Job, Outcome, Schedule},
    delivery::Delivery,
};

/// Steps at a time in one process.
const CONCURRENCY: usize = 8;
/// Longer than a command may take.
const DEADLINE: Duration = Duration::from_secs(60);
/// What is left for writing down.
const MARGIN: Duration = Duration::from_secs(30);

/// The system waits for itself, but not for ever: after a day an operator has to look.
const SCHEDULE: Schedule = Schedule(&[
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(5),
    Duration::from_secs(15),
    Duration::from_secs(60),
    Duration::from_secs(5 * 60),
    Duration::from_secs(30 * 60),
    Duration::from_secs(2 * 60 * 60),
    Duration::from_secs(6 * 60 * 60),
    Duration::from_secs(16 * 60 * 60),
]);

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub(super) enum Step {
    /// Find the open tasks of somebody who is gone; each becomes a step of its own.
    FindTasks {
        /// Who.
        user: UserId,
    },
    /// Hand a task over.
    HandOver {
        /// Which.
        task: TaskId,
        /// Who had it.
        from: UserId,
        /// Who gets it.
        to: UserId,
    },
}

/// A step as its delivery bears it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Payload {
    /// Of the event that began the process.
    pub(super) position: i64,
    /// The intent behind that event.
    pub(super) correlation: Uuid,
    #[serde(flatten)]
    pub(super) step: Step,
}

/// Why a step was not taken.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error(transparent)]
    Command(#[from] CommandError),
    #[error(transparent)]
    Tables(#[from] sqlx::Error),
    #[error(transparent)]
    Payload(#[from] serde_json::Error),
    #[error("{0}")]
    Later(String),
}

/// What steps work with.
#[derive(Clone, Debug)]
pub struct StepSources {
    /// Where commands are taken.
    pub commands: Commands,
    /// Where tasks are found.
    pub read_model: ReadModel,
    /// Where further steps go.
    pub delivery: Delivery,
}

/// Takes steps.
#[derive(Debug)]
pub struct StepChannel(pub StepSources);

impl Channel for StepChannel {
    fn name(&self) -> &'static str {
        CHANNEL
    }

    fn settings(&self) -> ChannelSettings {
        ChannelSettings {
            concurrency: CONCURRENCY,
            per_recipient: 1,
            per_second: None,
            schedule: SCHEDULE,
            deadline: DEADLINE,
            lease: DEADLINE + MARGIN,
        }
    }

    fn send<'a>(&'a self, job: &'a Job) -> BoxFuture<'a, Attempted> {
        Box::pin(async move {
            let payload: Payload = match serde_json::from_value(job.payload.clone()) {
                Ok(payload) => payload,
                // A newer program may have written it, and may be the next to try.
                Err(error) => return Attempted::failed(format!("the step cannot be read: {error}")),
            };
            attempted(self.take(job, &payload).await)
        })
    }
}

impl StepChannel {
    async fn take(&self, job: &Job, payload: &Payload) -> Result<String, Failure> {
        let process = Process { id: EventId(job.event_id), position: payload.position };
        match payload.step {
            Step::FindTasks { user } => hand_over::find_tasks(&self.0, process, payload, user).await,
            Step::HandOver { task, from, to } => {
                hand_over::hand_over(&self.0, process, payload, (task, from, to)).await
            }
        }
    }
}

/// What a command was refused for will not change by itself: the task is gone, or was moved on meanwhile.
fn attempted(taken: Result<String, Failure>) -> Attempted {
    match taken {
        Ok(said) => Attempted { response: Some(said), ..Attempted::new(Outcome::Delivered) },
        Err(Failure::Command(CommandError::Refused { status: 404, .. })) => Attempted::skipped("it is gone"),
        Err(Failure::Command(error @ CommandError::Refused { .. })) => {
            Attempted::rejected(&error.to_string())
        }
        Err(error) => Attempted::failed(error),
    }
}
