//! From the producer of a stream to its reader, whatever they speak.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use service::{
    http::StreamSlot,
    problem::{Code, Problem},
};
use tokio::{
    sync::mpsc::{self, error::TrySendError},
    time::timeout,
};

use super::Frame;

/// Items that may wait for the reader.
const QUEUE: usize = 32;
/// A reader who takes nothing for so long, while the queue is full, is cut off.
const PATIENCE: Duration = Duration::from_secs(10);
/// After so long without an item the connection may say something all the same, lest somebody in between takes it for dead.
const SILENCE: Duration = Duration::from_secs(15);

/// Where a producer puts what it has.
#[derive(Debug)]
pub(crate) struct Outlet<T = Frame> {
    items: mpsc::Sender<T>,
    last: Arc<OnceLock<Problem>>,
}

impl<T> Clone for Outlet<T> {
    fn clone(&self) -> Self {
        Self { items: self.items.clone(), last: Arc::clone(&self.last) }
    }
}

/// The other end: what the connection takes from.
#[derive(Debug)]
pub(crate) struct Intake<T> {
    items: mpsc::Receiver<T>,
    last: Arc<OnceLock<Problem>>,
    over: bool,
    /// Given back when the connection has done with it.
    _slot: StreamSlot,
}

/// What there is to be sent.
#[derive(Debug)]
pub(crate) enum Taken<T> {
    /// All that waits, in its order.
    Items(Vec<T>),
    /// Nothing for a while.
    Silence,
    /// The end, and why it is before its time.
    End(Option<Problem>),
}

/// An outlet and where it leads to. It ends when all clones of the outlet are gone.
pub(super) fn pipe<T>(slot: StreamSlot) -> (Outlet<T>, Intake<T>) {
    let (sender, items) = mpsc::channel(QUEUE);
    let last = Arc::new(OnceLock::new());
    let intake = Intake { items, last: Arc::clone(&last), over: false, _slot: slot };
    (Outlet { items: sender, last }, intake)
}

impl<T> Outlet<T> {
    /// Waits while the reader has yet to take what came before; not for ever.
    pub(crate) async fn send(&self, item: T) -> Result<(), Problem> {
        // Mostly there is room, and no need of a timer.
        let Err(refused) = self.items.try_send(item) else { return Ok(()) };
        let sent = match refused {
            TrySendError::Full(item) => self.items.send_timeout(item, PATIENCE).await.is_ok(),
            TrySendError::Closed(_) => false,
        };
        // Of a reader who is gone nobody is told.
        if sent { Ok(()) } else { Err(Code::FellBehind.into()) }
    }

    /// Resolves when there is no reader any more.
    pub(super) async fn abandoned(&self) {
        self.items.closed().await;
    }

    /// This ends the stream; what waits is not sent.
    pub(super) fn cut(self, problem: Problem) {
        // Only the task of the stream ends it, once.
        let _first = self.last.set(problem);
    }
}

impl<T> Intake<T> {
    pub(crate) async fn next(&mut self) -> Taken<T> {
        if self.over {
            return Taken::End(None);
        }
        let mut items = Vec::new();
        let received = timeout(SILENCE, self.items.recv_many(&mut items, QUEUE)).await;
        if let Some(problem) = self.last.get() {
            self.over = true;
            return Taken::End(Some(problem.clone()));
        }
        match received {
            Ok(0) => Taken::End(None),
            Ok(_) => Taken::Items(items),
            Err(_silent) => Taken::Silence,
        }
    }
}
