//! A period of the log, as it happened.

mod people;
mod speed;
mod told;

use std::time::Duration;

use clap::{Args, ValueEnum};
use domain::event::RecordedEvent;
use domain::ids::{TaskKey, UserId};
use domain::webhook::values::Moment;
use event_store::envelope::encode;
use event_store::{Log, Role, connect_options};
use service::shutdown::Shutdown;
use sqlx::postgres::PgPoolOptions;
use uuid::Uuid;

use self::{people::People, speed::Speed};
use super::target::Target;
use crate::{error::Failure, say};

/// Events of one read at most, and how many bytes of payload.
const READ: i64 = 500;
const READ_BYTES: i64 = 4 << 20;

/// Settings of `replay`.
#[derive(Args, Clone, Debug)]
pub(crate) struct Replay {
    /// From this position or time on, `2026-11-21T09:00:00Z`; by default from the beginning.
    #[arg(long, value_name = "MOMENT")]
    from: Option<Moment>,
    /// Up to this position, or before this time; by default to the end of the log.
    #[arg(long, value_name = "MOMENT")]
    to: Option<Moment>,
    /// How much faster than it happened: `60` shows a minute in a second, `max` does not wait at all.
    #[arg(long, default_value = "1", value_name = "FACTOR")]
    speed: Speed,
    /// No pause is longer than so many seconds, however long nothing happened; a pause that is cut short says so.
    #[arg(long, default_value = "5", value_name = "SECONDS")]
    longest_pause: u64,
    /// Only what happened to this task, by its key or id.
    #[arg(long, value_name = "TASK")]
    task: Option<Task>,
    /// Only what this user did, by id.
    #[arg(long, value_name = "USER")]
    actor: Option<Uuid>,
    /// Lines for people, or the events as they were published.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    #[command(flatten)]
    target: Target,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Ndjson,
}

/// A task by its key or its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Task {
    Key(TaskKey),
    Id(Uuid),
}

impl std::str::FromStr for Task {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let key = text.parse().map(Self::Key);
        key.or_else(|_| text.parse().map(Self::Id)).map_err(|_| "expected a key such as T-12, or an id")
    }
}

impl Replay {
    fn takes(&self, event: &RecordedEvent, key: Option<TaskKey>) -> bool {
        let of_task = match self.task {
            None => true,
            Some(Task::Id(id)) => event.aggregate_type == "task" && event.aggregate_id == id,
            Some(Task::Key(wanted)) => key == Some(wanted),
        };
        of_task && self.actor.is_none_or(|actor| event.metadata.actor_id == Some(UserId(actor)))
    }
}

/// Prints a period, each event when its time has come.
pub(crate) async fn replay(arguments: Replay) -> Result<(), Failure> {
    let target = arguments.target.clone().resolve()?;
    let options = connect_options(target.event_store.url()?.expose(), Role::Read)?;
    let log = Log::connect(PgPoolOptions::new().max_connections(2).connect_lazy_with(options));
    let shutdown = Shutdown::default();
    shutdown.on_signals()?;
    let people = People::new(&log, target.secret_key.read().ok());
    tokio::select! {
        shown = show(&arguments, &log, people) => shown,
        () = shutdown.begun() => Err(Failure::Interrupted),
    }
}

async fn show(arguments: &Replay, log: &Log, mut people: People) -> Result<(), Failure> {
    let mut at = match arguments.from {
        Some(from) => log.position_before(from).await?,
        None => 0,
    };
    let head = log.head().await?;
    let end = match arguments.to {
        Some(Moment::Position(to)) => to.min(head),
        Some(before @ Moment::Time(_)) => log.position_before(before).await?,
        None => head,
    };
    let mut before = None;
    while at < end {
        let page = log.read_after(at, READ, READ_BYTES).await?;
        let Some(last) = page.last().map(|event| event.position) else { break };
        for event in page.iter().filter(|event| event.position <= end) {
            let key = people.task_key(event).await?;
            if arguments.takes(event, key) {
                pause(arguments, before.replace(event.recorded_at), event).await;
                tell(arguments.format, event, key, &mut people).await?;
            }
        }
        at = last;
    }
    Ok(())
}

/// Waits until the event's time has come.
async fn pause(arguments: &Replay, before: Option<domain::time::Timestamp>, event: &RecordedEvent) {
    let Some(before) = before else { return };
    let passed = event.recorded_at.as_datetime() - before.as_datetime();
    let passed = passed.to_std().unwrap_or_default();
    let pause = arguments.speed.pause(passed, Duration::from_secs(arguments.longest_pause));
    if pause.cut && arguments.format == Format::Text {
        say::text(&format!("… nothing for {}", told::span(passed)));
    }
    tokio::time::sleep(pause.time).await;
}

async fn tell(
    format: Format,
    event: &RecordedEvent,
    key: Option<TaskKey>,
    people: &mut People,
) -> Result<(), Failure> {
    let line = match format {
        Format::Ndjson => {
            let bytes = encode(event).map_err(|error| Failure::Unreadable(event.position, error))?;
            String::from_utf8_lossy(&bytes).into_owned()
        }
        Format::Text => told::line(event, key, &people.actor(event).await),
    };
    say::text(&line);
    Ok(())
}
