//! The JetStream stream `EVENTS`: a copy of the log whose sequence is the position, and disposable.
//!
//! It is created with `first_seq` = position of the first event it will hold and written by the event relay alone, each
//! message fenced by the expected last sequence. Its metadata names the epoch of the log that it was copied from.

mod definition;
mod error;
mod reseed;

use std::{collections::HashMap, ops::RangeInclusive, time::Duration};

use async_nats::{
    HeaderMap,
    jetstream::{
        Context, ErrorCode,
        context::{CreateStreamErrorKind, DeleteStreamErrorKind, GetStreamErrorKind},
        stream::{LastRawMessageErrorKind, Stream},
    },
};
use domain::ids::EventId;
use futures_util::{StreamExt, TryStreamExt};
use uuid::Uuid;

pub use definition::StreamConfig;
pub use error::StreamError;
pub use reseed::{default_start, reseed};

/// The name of the stream.
pub const NAME: &str = "EVENTS";

/// The subjects that it takes: `events.<event type>.<aggregate uuid>`.
pub const SUBJECTS: &str = "events.>";

/// Longest wait for one answer of JetStream.
const DEADLINE: Duration = Duration::from_secs(2);

/// The same when files are made or removed: whoever gave up on a slow disk would not know what has become of it.
const CHANGE_DEADLINE: Duration = Duration::from_secs(10);

/// How many messages are asked for at once.
const READS_AT_ONCE: usize = 32;

/// What the stream says of itself.
#[derive(Clone, Debug)]
pub struct StreamState {
    /// Position of the first event that it holds, or will hold when empty.
    pub first: i64,
    /// Position of the last event that it took; `first - 1` when it took none.
    pub last: i64,
    /// Epoch of the log that it is a copy of; none for a stream that is not ours.
    pub epoch: Option<Uuid>,
    config: async_nats::jetstream::stream::Config,
}

/// A handle on the stream, whether it exists or not.
#[derive(Clone, Debug)]
pub struct EventStream {
    context: Context,
}

impl EventStream {
    /// The stream in this JetStream; asks nothing yet.
    pub fn new(mut context: Context) -> Self {
        context.set_timeout(DEADLINE);
        Self { context }
    }

    /// JetStream, with short deadlines.
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// Is the connection up? Nothing is sent.
    pub fn is_connected(&self) -> bool {
        self.context.client().connection_state() == async_nats::connection::State::Connected
    }

    /// First and last position and epoch; none when the stream does not exist.
    pub async fn state(&self) -> Result<Option<StreamState>, StreamError> {
        let Some(stream) = self.open().await? else { return Ok(None) };
        let info = stream.cached_info();
        Ok(Some(StreamState {
            first: position(info.state.first_sequence)?,
            last: position(info.state.last_sequence)?,
            epoch: definition::epoch(&info.config),
            config: info.config.clone(),
        }))
    }

    /// The ids (`Nats-Msg-Id`) of the messages that the stream holds at these positions, none for a message without
    /// one; read from the leader.
    pub async fn event_ids(
        &self,
        positions: RangeInclusive<i64>,
    ) -> Result<HashMap<i64, Option<EventId>>, StreamError> {
        let Some(stream) = self.open().await? else { return Ok(HashMap::new()) };
        let reads = positions.map(|position| read_id(&stream, position));
        let found = futures_util::stream::iter(reads).buffer_unordered(READS_AT_ONCE);
        found.try_filter_map(async |entry| Ok(entry)).try_collect().await
    }

    /// Creates the stream, empty; its next message will be the one at position `first`. [`StreamError::Busy`] if there is
    /// one already: somebody else was first.
    pub async fn create(&self, config: &StreamConfig, epoch: Uuid, first: i64) -> Result<(), StreamError> {
        let definition = config.definition(epoch, sequence(first));
        match self.patient().create_stream(definition).await {
            Ok(_) => Ok(()),
            Err(error) => match error.kind() {
                CreateStreamErrorKind::JetStream(cause)
                    if cause.error_code() == ErrorCode::STREAM_NAME_EXIST =>
                {
                    Err(StreamError::Busy)
                }
                _ => Err(StreamError::unavailable(error)),
            },
        }
    }

    /// Deletes the stream if it exists and creates it anew, as [`create`](Self::create) does. A relay that finds no
    /// stream creates one, so somebody may be first here too.
    pub async fn recreate(&self, config: &StreamConfig, epoch: Uuid, first: i64) -> Result<(), StreamError> {
        self.delete().await?;
        self.create(config, epoch, first).await
    }

    /// Brings the limits of an existing stream to those configured; its contents stay.
    pub async fn configure(&self, state: &StreamState, config: &StreamConfig) -> Result<(), StreamError> {
        match config.changed(&state.config) {
            None => Ok(()),
            Some(wanted) => {
                self.patient().update_stream(wanted).await.map(|_| ()).map_err(StreamError::unavailable)
            }
        }
    }

    fn patient(&self) -> Context {
        let mut context = self.context.clone();
        context.set_timeout(CHANGE_DEADLINE);
        context
    }

    async fn delete(&self) -> Result<(), StreamError> {
        match self.patient().delete_stream(NAME).await {
            Ok(_) => Ok(()),
            Err(error) => match error.kind() {
                DeleteStreamErrorKind::JetStream(cause)
                    if cause.error_code() == ErrorCode::STREAM_NOT_FOUND =>
                {
                    Ok(())
                }
                _ => Err(StreamError::unavailable(error)),
            },
        }
    }

    async fn open(&self) -> Result<Option<Stream>, StreamError> {
        match self.context.get_stream(NAME).await {
            Ok(stream) => Ok(Some(stream)),
            Err(error) => match error.kind() {
                GetStreamErrorKind::JetStream(cause) if cause.error_code() == ErrorCode::STREAM_NOT_FOUND => {
                    Ok(None)
                }
                _ => Err(StreamError::unavailable(error)),
            },
        }
    }
}

async fn read_id(stream: &Stream, position: i64) -> Result<Option<(i64, Option<EventId>)>, StreamError> {
    match stream.get_raw_message(sequence(position)).await {
        Ok(message) => Ok(Some((position, event_id(&message.headers)))),
        Err(error) => match error.kind() {
            LastRawMessageErrorKind::NoMessageFound => Ok(None),
            LastRawMessageErrorKind::JetStream(cause)
                if cause.error_code() == ErrorCode::NO_MESSAGE_FOUND =>
            {
                Ok(None)
            }
            _ => Err(StreamError::unavailable(error)),
        },
    }
}

/// The sequence of the message that holds the event at this position: the position itself.
pub fn sequence(position: i64) -> u64 {
    position.try_into().unwrap_or(0)
}

fn position(sequence: u64) -> Result<i64, StreamError> {
    sequence.try_into().map_err(|_| StreamError::Foreign)
}

fn event_id(headers: &HeaderMap) -> Option<EventId> {
    headers.get(async_nats::header::NATS_MESSAGE_ID)?.as_str().parse().ok()
}
