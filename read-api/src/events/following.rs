//! What all subscribers of a process share.

use std::{convert::Infallible, sync::OnceLock};

use async_nats::jetstream::Context;
use bytes::Bytes;
use domain::task::Task;
use event_store::{
    Log, Pressure,
    envelope::Envelope,
    follow::{Checkpoint, Follower, Tail},
    past::Past,
};
use service::problem::{Code, Problem};
use uuid::Uuid;

use super::{remembered::Remembered, subscription::BYTES};
use crate::{grpc, streams::Frame};

/// The end of the log, the tasks that events are of, and the frames that go over the wire.
pub(crate) struct Following {
    log: Log,
    jetstream: OnceLock<Context>,
    tail: OnceLock<Tail>,
    pub(super) tasks: Past<Task>,
    frames: Remembered<Frame>,
    messages: Remembered<Bytes>,
}

impl Following {
    pub(crate) fn new(log: Log) -> Self {
        Self {
            tasks: Past::new(log.clone()),
            log,
            jetstream: OnceLock::new(),
            tail: OnceLock::new(),
            frames: Remembered::new(),
            messages: Remembered::new(),
        }
    }

    /// From here on there is a stream to follow.
    pub(crate) fn through(&self, nats: async_nats::Client) {
        // Only the start of the service says so, once.
        let _first = self.jetstream.set(async_nats::jetstream::new(nats));
    }

    /// The log itself.
    pub(crate) fn log(&self) -> &Log {
        &self.log
    }

    /// Follows from after this position. The first one starts what all share.
    pub(super) fn after(&self, position: i64, epoch: Uuid) -> Result<Follower, Problem> {
        let jetstream = self.jetstream.get().ok_or(Code::Unavailable)?;
        let tail =
            self.tail.get_or_init(|| Tail::start(self.log.clone(), jetstream.clone(), Pressure::default()));
        let from = Checkpoint { position, event_id: None };
        let follower = Follower::new(self.log.clone(), jetstream.clone(), from);
        Ok(follower.expecting_epoch(epoch).sharing(tail.clone()).at_most(BYTES))
    }

    /// The event as server-sent event, encoded once for all.
    pub(crate) fn frame(&self, event: &Envelope) -> Frame {
        let encode =
            |event: &Envelope| Ok::<_, Infallible>(Frame::bytes_at(event.position, "event", &event.bytes));
        let Ok(frame) = self.frames.get(event, encode);
        frame
    }

    /// The event as field of a message, encoded once for all.
    pub(crate) fn message(&self, event: &Envelope) -> Result<Bytes, Problem> {
        self.messages.get(event, grpc::shared).map_err(Problem::internal)
    }
}
