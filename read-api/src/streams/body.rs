//! From the producer of a stream to its reader.

use std::{
    convert::Infallible,
    sync::{Arc, OnceLock},
    time::Duration,
};

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use service::{
    http::StreamSlot,
    problem::{Code, Problem},
};
use tokio::{sync::mpsc, time::timeout};

use super::Frame;

/// Frames that may wait for the reader.
const QUEUE: usize = 32;
/// A reader who takes nothing for so long, while the queue is full, is cut off.
const PATIENCE: Duration = Duration::from_secs(10);
/// After so long without an event something is sent all the same, lest somebody in between takes the connection for dead.
const SILENCE: Duration = Duration::from_secs(15);

/// Where a producer puts its frames.
#[derive(Clone, Debug)]
pub(crate) struct Outlet {
    frames: mpsc::Sender<Frame>,
    last: Arc<OnceLock<Frame>>,
}

/// The other end: what the connection takes from.
struct Reader {
    frames: mpsc::Receiver<Frame>,
    last: Arc<OnceLock<Frame>>,
    over: bool,
    /// Given back when the connection has done with the body.
    _slot: StreamSlot,
}

/// An outlet and the body that it leads to. The body ends when all clones of the outlet are gone.
pub(super) fn pipe(slot: StreamSlot) -> (Outlet, Body) {
    let (sender, frames) = mpsc::channel(QUEUE);
    let last = Arc::new(OnceLock::new());
    let reader = Reader { frames, last: Arc::clone(&last), over: false, _slot: slot };
    let chunks = stream::unfold(reader, |mut reader| async move {
        let chunk = reader.next().await?;
        Some((Ok::<_, Infallible>(chunk), reader))
    });
    (Outlet { frames: sender, last }, Body::from_stream(chunks))
}

impl Outlet {
    /// Waits while the reader has yet to take what came before; not for ever.
    pub(crate) async fn send(&self, frame: Frame) -> Result<(), Problem> {
        // Of a reader who is gone nobody is told.
        self.frames.send_timeout(frame, PATIENCE).await.map_err(|_| Code::FellBehind.into())
    }

    /// Resolves when there is no reader any more.
    pub(super) async fn abandoned(&self) {
        self.frames.closed().await;
    }

    /// This frame ends the stream; what waits is not sent.
    pub(super) fn cut(self, last: Frame) {
        // Only the task of the stream ends it, once.
        let _first = self.last.set(last);
    }
}

impl Reader {
    /// All that waits, as one piece, or a sign of life.
    async fn next(&mut self) -> Option<Bytes> {
        if self.over {
            return None;
        }
        let mut frames = Vec::new();
        let received = timeout(SILENCE, self.frames.recv_many(&mut frames, QUEUE)).await;
        if let Some(last) = self.last.get() {
            self.over = true;
            return Some(last.clone().into());
        }
        match received {
            Ok(0) => None,
            Ok(_) => Some(Frame::join(frames)),
            Err(_silent) => Some(Frame::COMMENT.into()),
        }
    }
}
