//! A TCP stream that ends by itself when its client says nothing at first or takes nothing later.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Sleep, sleep},
};

/// How an HTTP/2 connection begins; hyper reads this far, without a deadline, to tell the versions apart.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// After the last answer, what the client still sends is read and thrown away for this long, up to so many
/// bytes: closing on unread bytes resets the connection, and the client may lose the answer.
const LINGER: Duration = Duration::from_millis(500);
const MAX_LINGER: usize = 4 * 1024 * 1024;

/// The stream of one connection with its deadlines.
pub(super) struct Stream {
    tcp: TcpStream,
    greeting: Option<Pin<Box<Sleep>>>,
    greeted: usize,
    stalled: Option<Pin<Box<Sleep>>>,
    write_timeout: Duration,
    lingering: Option<(Pin<Box<Sleep>>, usize)>,
}

impl Stream {
    pub(super) fn new(tcp: TcpStream, greeting_timeout: Duration, write_timeout: Duration) -> Self {
        let greeting = Some(Box::pin(sleep(greeting_timeout)));
        Self { tcp, greeting, greeted: 0, stalled: None, write_timeout, lingering: None }
    }

    /// Until the version is known, reading has a deadline; afterwards hyper's own timers watch.
    fn watch_greeting(&mut self, cx: &mut Context<'_>, read: &[u8], pending: bool) -> io::Result<()> {
        let Some(deadline) = &mut self.greeting else { return Ok(()) };
        let expected = PREFACE.get(self.greeted..self.greeted + read.len());
        self.greeted += read.len();
        if expected != Some(read) || self.greeted == PREFACE.len() {
            self.greeting = None;
        } else if pending && deadline.as_mut().poll(cx).is_ready() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        Ok(())
    }

    fn linger(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let (deadline, discarded) = self.lingering.get_or_insert_with(|| (Box::pin(sleep(LINGER)), 0));
        let mut scratch = [0; 8 * 1024];
        while *discarded < MAX_LINGER {
            let mut buf = ReadBuf::new(&mut scratch);
            match Pin::new(&mut self.tcp).poll_read(cx, &mut buf) {
                Poll::Ready(Ok(())) if !buf.filled().is_empty() => *discarded += buf.filled().len(),
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => return deadline.as_mut().poll(cx),
            }
        }
        Poll::Ready(())
    }

    fn watch_write<T>(&mut self, cx: &mut Context<'_>, poll: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if poll.is_ready() {
            self.stalled = None;
            return poll;
        }
        let timeout = self.write_timeout;
        let deadline = self.stalled.get_or_insert_with(|| Box::pin(sleep(timeout)));
        match deadline.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let poll = Pin::new(&mut self.tcp).poll_read(cx, buf);
        if self.greeting.is_some() {
            self.watch_greeting(cx, &buf.filled()[before..], poll.is_pending())?;
        }
        poll
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let poll = Pin::new(&mut self.tcp).poll_write(cx, buf);
        self.watch_write(cx, poll)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let poll = Pin::new(&mut self.tcp).poll_write_vectored(cx, bufs);
        self.watch_write(cx, poll)
    }

    fn is_write_vectored(&self) -> bool {
        self.tcp.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.tcp).poll_shutdown(cx))?;
        self.linger(cx).map(Ok)
    }
}
