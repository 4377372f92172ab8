//! What all subscribers of a process share.

use std::sync::{Arc, OnceLock};

use async_nats::jetstream::Context;
use bytes::Bytes;
use domain::task::Task;
use event_store::{
    Log, Pressure,
    envelope::Envelope,
    follow::{Checkpoint, Follower, Tail},
    past::Past,
};
use quick_cache::sync::Cache;
use service::problem::{Code, Problem};
use uuid::Uuid;

use crate::{grpc, streams::Frame};

/// Frames that are remembered: those who are at the end of the log ask for the same ones.
const FRAMES: usize = 4_096;

/// The end of the log, the tasks that events are of, and the frames that go over the wire.
pub(crate) struct Following {
    log: Log,
    jetstream: OnceLock<Context>,
    tail: OnceLock<Tail>,
    pub(super) tasks: Past<Task>,
    frames: Cache<i64, (Uuid, Frame)>,
    messages: Cache<i64, (Uuid, Bytes)>,
}

impl Following {
    pub(crate) fn new(log: Log) -> Self {
        Self {
            tasks: Past::new(log.clone()),
            log,
            jetstream: OnceLock::new(),
            tail: OnceLock::new(),
            frames: Cache::new(FRAMES),
            messages: Cache::new(FRAMES),
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
        Ok(follower.expecting_epoch(epoch).sharing(tail.clone()))
    }

    /// The event as server-sent event, encoded once for all.
    pub(crate) fn frame(&self, event: &Arc<Envelope>) -> Frame {
        // After a restore another event may stand there.
        if let Some((_, frame)) = self.frames.get(&event.position).filter(|(id, _)| *id == event.id.0) {
            return frame;
        }
        let frame = Frame::bytes_at(event.position, "event", &event.bytes);
        self.frames.insert(event.position, (event.id.0, frame.clone()));
        frame
    }

    /// The event as field of a message, encoded once for all.
    pub(crate) fn message(&self, event: &Arc<Envelope>) -> Result<Bytes, Problem> {
        if let Some((_, message)) = self.messages.get(&event.position).filter(|(id, _)| *id == event.id.0) {
            return Ok(message);
        }
        let message = grpc::shared(event).map_err(Problem::internal)?;
        self.messages.insert(event.position, (event.id.0, message.clone()));
        Ok(message)
    }
}
