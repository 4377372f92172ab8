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
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    time::timeout,
};

use super::Frame;

/// Items that may wait for the reader …
const QUEUE: usize = 32;
/// … and bytes of them; an item that is larger waits alone.
const BYTES: u32 = 256 << 10;
/// A reader who takes nothing for so long, while the queue is full, is cut off.
const PATIENCE: Duration = Duration::from_secs(10);
/// After so long without an item the connection may say something all the same, lest somebody in between takes it for dead.
const SILENCE: Duration = Duration::from_secs(15);

/// What goes through a pipe.
pub(crate) trait Item: Send + 'static {
    /// Its size.
    fn bytes(&self) -> usize;
}

/// An item that waits, and the room that it takes.
type Waiting<T> = (T, OwnedSemaphorePermit);

/// Where a producer puts what it has.
#[derive(Debug)]
pub(crate) struct Outlet<T = Frame> {
    items: mpsc::Sender<Waiting<T>>,
    room: Arc<Semaphore>,
    last: Arc<OnceLock<Problem>>,
}

impl<T> Clone for Outlet<T> {
    fn clone(&self) -> Self {
        Self { items: self.items.clone(), room: Arc::clone(&self.room), last: Arc::clone(&self.last) }
    }
}

/// The other end: what the connection takes from.
#[derive(Debug)]
pub(crate) struct Intake<T> {
    items: mpsc::Receiver<Waiting<T>>,
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
    (Outlet { items: sender, room: Arc::new(Semaphore::new(BYTES as usize)), last }, intake)
}

impl<T: Item> Outlet<T> {
    /// Waits while the reader has yet to take what came before; not for ever.
    pub(crate) async fn send(&self, item: T) -> Result<(), Problem> {
        // Mostly there is room, and no need of a timer.
        let Err(item) = self.try_send(item) else { return Ok(()) };
        match timeout(PATIENCE, Box::pin(self.send_in_time(item))).await {
            Ok(true) => Ok(()),
            // Of a reader who is gone nobody is told.
            _ => Err(Code::FellBehind.into()),
        }
    }

    fn try_send(&self, item: T) -> Result<(), T> {
        let Ok(room) = Arc::clone(&self.room).try_acquire_many_owned(room_for(&item)) else {
            return Err(item);
        };
        self.items.try_send((item, room)).map_err(|refused| refused.into_inner().0)
    }

    async fn send_in_time(&self, item: T) -> bool {
        let Ok(room) = Arc::clone(&self.room).acquire_many_owned(room_for(&item)).await else { return false };
        self.items.send((item, room)).await.is_ok()
    }
}

impl<T> Outlet<T> {
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
            Ok(_) => Taken::Items(items.into_iter().map(|(item, _room)| item).collect()),
            Err(_silent) => Taken::Silence,
        }
    }
}

fn room_for(item: &impl Item) -> u32 {
    u32::try_from(item.bytes()).map_or(BYTES, |bytes| bytes.min(BYTES))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(bytes: usize) -> Frame {
        Frame::new(None, "x", &"x".repeat(bytes))
    }

    async fn taken(intake: &mut Intake<Frame>) -> usize {
        match intake.next().await {
            Taken::Items(items) => items.len(),
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_waits_is_bounded_by_number_and_by_bytes() {
        for (bytes, fit) in [(1, QUEUE), (100 << 10, 2), (512 << 10, 1)] {
            let (outlet, mut intake) = pipe(StreamSlot::default());
            for _ in 0..2 {
                for _ in 0..fit {
                    outlet.send(frame(bytes)).await.unwrap();
                }
                let refused = outlet.send(frame(bytes)).await.unwrap_err();
                assert_eq!(refused.code(), Code::FellBehind, "{bytes}");
                assert_eq!(taken(&mut intake).await, fit, "{bytes}");
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_reads_makes_room() {
        let (outlet, mut intake) = pipe(StreamSlot::default());
        outlet.send(frame(200 << 10)).await.unwrap();
        let (sent, first) = tokio::join!(outlet.send(frame(200 << 10)), taken(&mut intake));
        assert!(sent.is_ok() && first == 1, "{sent:?}");
        assert_eq!(taken(&mut intake).await, 1);
        drop(intake);
        assert_eq!(outlet.send(frame(1)).await.unwrap_err().code(), Code::FellBehind);
    }
}
