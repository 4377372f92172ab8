//! One who consumes a group, as the group and its connection see each other.

use std::{sync::Arc, time::Duration};

use event_store::envelope::Envelope;
use service::problem::{Code, Problem};
use tokio::sync::{mpsc, oneshot};

use super::{skips::Skips, window::Holder};
use crate::events::{Place, Selection};

/// How somebody wants to consume.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wishes {
    /// Events that they have and have not finished, at most.
    pub(crate) max_in_flight: usize,
    /// What is not finished after so long is handed out again.
    pub(crate) ack_timeout: Duration,
}

/// What a group says to a consumer.
#[derive(Debug)]
pub(crate) enum Down {
    /// An event, and which try it is.
    Event(Arc<Envelope>, i32),
    /// Everything up to there is written down as finished, or listed.
    Checkpoint(Place),
    /// Everything that there was when it came was handed out to somebody, is finished, or stands behind what is parked.
    CaughtUp(Place),
    /// The end, and why.
    Closed(Problem),
}

/// What a consumer says of events that it has.
#[derive(Debug)]
pub(crate) enum Settled {
    /// They are handled.
    Done(Vec<i64>),
    /// It is to be tried again after so long, or when it seems good.
    Again { position: i64, delay: Option<Duration>, reason: Option<String> },
    /// Somebody has to look after it.
    Parked { position: i64, reason: Option<String> },
    /// It is never to be handled.
    Skipped { position: i64, reason: Option<String> },
}

/// What the task of a group is told.
pub(super) enum Message {
    Join(Joining),
    Settled(Holder, Settled),
    /// What is listed may have been changed by others.
    LookAgain,
}

/// Somebody who wants to consume.
pub(super) struct Joining {
    pub(super) selection: Selection,
    pub(super) wishes: Wishes,
    pub(super) skips: Skips,
    pub(super) outlet: mpsc::Sender<Down>,
    pub(super) answer: oneshot::Sender<Result<Holder, Problem>>,
}

/// Somebody who consumes; no longer when it is dropped.
#[derive(Debug)]
pub(crate) struct Consumer {
    inlet: mpsc::Receiver<Down>,
    group: mpsc::Sender<Message>,
    id: Holder,
}

impl Consumer {
    pub(super) fn new(inlet: mpsc::Receiver<Down>, group: mpsc::Sender<Message>, id: Holder) -> Self {
        Self { inlet, group, id }
    }

    /// One half takes, the other answers.
    pub(crate) fn split(self) -> (Inlet, Answers) {
        (Inlet(self.inlet), Answers { group: self.group, id: self.id })
    }
}

/// What comes from the group.
#[derive(Debug)]
pub(crate) struct Inlet(mpsc::Receiver<Down>);

impl Inlet {
    /// What comes next; an error ends it.
    pub(crate) async fn next(&mut self) -> Result<Down, Problem> {
        match self.0.recv().await {
            Some(Down::Closed(problem)) => Err(problem),
            Some(down) => Ok(down),
            // The task of the group is gone.
            None => Err(Problem::new(Code::Unavailable).retry_after(1)),
        }
    }
}

/// What goes to the group.
#[derive(Debug)]
pub(crate) struct Answers {
    group: mpsc::Sender<Message>,
    id: Holder,
}

impl Answers {
    /// Says what has become of events. A group that has ended says so itself.
    pub(crate) async fn send(&self, settled: Settled) {
        let _gone = self.group.send(Message::Settled(self.id, settled)).await;
    }
}
