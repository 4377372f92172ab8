//! Executing commands: load → handle → collect (a [`Draft`]) → append, again while others are faster.

use std::time::Duration;

use domain::event::Timed;
use event_store::{Appender, Outcome, StoredReceipt};

use crate::{
    aggregates::{Aggregates, Remembered, Trust},
    commands::{Caller, Refusal, Refused, Reply},
    draft::{Draft, Stream},
};

/// How often a command is decided when others are faster.
const ATTEMPTS: u32 = 5;
/// The longest pause between two of them.
const MAX_PAUSE: Duration = Duration::from_millis(25);

/// What the log said to a unit that it took.
#[derive(Debug)]
pub(crate) enum Written {
    /// Written now.
    Now {
        /// What the client is told.
        reply: Reply,
        /// Position of the last event.
        position: i64,
        /// Version of the aggregate that was written to last.
        version: i64,
        /// Whether anything has happened; not where it was already so.
        changed: bool,
    },
    /// The key was used before; this was the answer.
    Before(Box<StoredReceipt>),
}

/// A way to decide, as often as needed.
pub(crate) trait Plan: Sync {
    type Aggregate: Remembered + Timed;

    fn caller(&self) -> &Caller;

    fn decide(&self, trust: Trust) -> impl Future<Output = Result<Draft<Self::Aggregate>, Refused>> + Send;
}

/// Decides and appends until nothing that the decision relied on has moved in between.
///
/// What is refused on remembered state is decided once more on what the log has; what is accepted is verified by the
/// append.
pub(crate) async fn execute<P: Plan>(
    aggregates: &Aggregates,
    appender: &Appender,
    plan: &P,
) -> Result<Written, Refused> {
    let mut trust = Trust::Guess;
    for attempt in 0..ATTEMPTS {
        let decided = match plan.decide(trust).await {
            Err(refused) if trust == Trust::Guess && refused.why.is_decision() => {
                plan.decide(Trust::Log).await
            }
            decided => decided,
        };
        let mut draft = decided?;
        let version = draft.streams.last().map_or(0, Stream::version);
        let changed = draft.streams.iter().any(|stream| !stream.events.is_empty());
        match appender.append(draft.unit()?).await.map_err(Refusal::from)? {
            Outcome::Appended { position } => {
                if changed {
                    plan.caller().leaves_event();
                }
                let reply = draft.remember(aggregates);
                return Ok(Written::Now { reply, position, version, changed });
            }
            Outcome::Replayed(receipt) => return Ok(Written::Before(receipt)),
            Outcome::Taken { scope, owner } => return Err(Refusal::Taken { scope, owner }.into()),
            Outcome::Conflict { aggregate } | Outcome::GuardFailed { aggregate } => {
                aggregates.forget(aggregate);
                trust = Trust::Log;
                tokio::time::sleep(pause(attempt)).await;
            }
        }
    }
    Err(Refusal::Moving.into())
}

/// Doubling, with full jitter.
fn pause(attempt: u32) -> Duration {
    let longest = (Duration::from_millis(1) * 2_u32.pow(attempt)).min(MAX_PAUSE);
    longest.mul_f64(rand::random())
}
