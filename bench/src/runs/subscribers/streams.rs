//! Many streams, read as cheaply as can be: their readers share the machine with what is measured.
//!
//! Of most streams only line ends are counted. A frame of an event has four; a chunk of HTTP is framed by line ends with a
//! carriage return, which no frame has.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    future::poll_fn,
    net::{Ipv4Addr, SocketAddr},
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    task::{Poll, ready},
};

use hdrhistogram::Histogram;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt, ReadBuf},
    net::{TcpSocket, TcpStream},
    task::JoinSet,
};

use super::sample::Sample;
use crate::{Failure, load, system::System};

/// Streams that are opened at the same time.
const OPENERS: usize = 32;
/// Every so many one is looked at closely.
const SAMPLE: usize = 50;
/// Where nothing is set one address may have 1,024 connections.
const PER_ADDRESS: usize = 1_000;
const LINES: i64 = 4;
/// What is said of nothing.
const COMMENT: &[u8] = b"3\r\n:\n\n\r\n";
const END: &[u8] = b"0\r\n\r\n";
const CODE: &str = "\"code\":\"";

thread_local! {
    /// All streams of a thread are read into the same memory.
    static PIECE: RefCell<Vec<u8>> = RefCell::new(vec![0; 64 * 1024]);
}

/// As many open files as the system grants; how many that are.
pub(super) fn allow_files() -> Result<u64, Failure> {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).map_err(std::io::Error::from)?;
    Ok(limit.maximum.unwrap_or(u64::MAX))
}

/// All that are open; their tasks end with it.
#[derive(Default)]
pub(super) struct Streams {
    seen: Arc<Seen>,
    readers: JoinSet<()>,
    count: usize,
}

/// What all of them have heard.
struct Seen {
    lines: AtomicI64,
    open: AtomicU64,
    ages: Mutex<Histogram<u64>>,
    ends: Mutex<BTreeMap<String, u64>>,
}

impl Default for Seen {
    fn default() -> Self {
        let (lines, open) = (AtomicI64::new(0), AtomicU64::new(0));
        Self { lines, open, ages: Mutex::new(load::histogram()), ends: Mutex::default() }
    }
}

impl Streams {
    /// Opens so many more; each has been told that there is nothing yet.
    pub(super) async fn open(&mut self, system: &System, count: usize) -> Result<(), Failure> {
        let (first, last) = (self.count, self.count + count);
        let request = format!(
            "GET /v1/events/stream HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\n\r\n",
            system.token
        );
        let (mut openers, address) = (JoinSet::new(), system.address);
        for opener in 0..OPENERS {
            let request = request.clone();
            openers.spawn(async move {
                let mut opened = Vec::new();
                for number in (first + opener..last).step_by(OPENERS) {
                    opened.push((number, open(address, number, &request).await?));
                }
                Ok::<_, Failure>(opened)
            });
        }
        while let Some(opened) = openers.join_next().await {
            for (number, stream) in opened.map_err(|error| Failure::Worker(error.to_string()))?? {
                self.seen.open.fetch_add(1, Ordering::Relaxed);
                self.readers.spawn(read(stream, Arc::clone(&self.seen), number % SAMPLE == 0));
            }
        }
        self.count = last;
        Ok(())
    }

    /// Counts from nothing.
    pub(super) fn begin_anew(&mut self) {
        self.seen.lines.store(0, Ordering::Relaxed);
        self.seen.ages().reset();
    }

    /// Events heard by all together.
    pub(super) fn heard(&self) -> u64 {
        (self.seen.lines.load(Ordering::Relaxed) / LINES).max(0).cast_unsigned()
    }

    /// How many are open.
    pub(super) fn open_now(&self) -> u64 {
        self.seen.open.load(Ordering::Relaxed)
    }

    /// Why others are not, and how many.
    pub(super) fn ends(&self) -> BTreeMap<String, u64> {
        self.seen.ends.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Commit → received at this quantile.
    pub(super) fn millis(&self, quantile: f64) -> f64 {
        self.seen.ages().value_at_quantile(quantile) as f64 / 1000.0
    }
}

impl Seen {
    fn ages(&self) -> MutexGuard<'_, Histogram<u64>> {
        self.ages.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, piece: &[u8], sample: Option<&mut Sample>) {
        if piece == COMMENT {
            return;
        }
        let count = |wanted: u8| piece.iter().filter(|byte| **byte == wanted).count() as i64;
        // A piece may end between the two.
        self.lines.fetch_add(count(b'\n') - count(b'\r'), Ordering::Relaxed);
        if let Some(sample) = sample {
            let mut ages = self.ages();
            sample.ages(piece, |age| ages.saturating_record(age));
        }
    }

    fn ended(&self, reason: String) {
        self.open.fetch_sub(1, Ordering::Relaxed);
        *self.ends.lock().unwrap_or_else(PoisonError::into_inner).entry(reason).or_default() += 1;
    }
}

/// A stream that has begun. As others would, they come from many addresses.
async fn open(address: SocketAddr, number: usize, request: &str) -> Result<TcpStream, Failure> {
    let socket = TcpSocket::new_v4()?;
    let host = 1 + u32::try_from(number / PER_ADDRESS).unwrap_or_default();
    socket.bind(SocketAddr::from((Ipv4Addr::from(0x7f00_0000 + host), 0)))?;
    let mut stream = socket.connect(address).await?;
    stream.write_all(request.as_bytes()).await?;
    let mut head = Vec::with_capacity(1024);
    while stream.read_buf(&mut head).await? > 0 {
        let text = String::from_utf8_lossy(&head);
        if text.contains("event: caught_up") {
            return Ok(stream);
        }
        if !text.starts_with("HTTP/1.1 200") {
            break;
        }
    }
    Err(Failure::Answer(String::from_utf8_lossy(&head).into_owned()))
}

/// Reads to the end.
async fn read(mut stream: TcpStream, seen: Arc<Seen>, sampled: bool) {
    let mut sample = sampled.then(Sample::default);
    let end = poll_fn(|context| {
        loop {
            let end = PIECE.with_borrow_mut(|memory| {
                let mut piece = ReadBuf::new(memory);
                let read = ready!(Pin::new(&mut stream).poll_read(context, &mut piece));
                let piece = piece.filled();
                seen.take(piece, sample.as_mut());
                Poll::Ready(match read {
                    Err(error) => Some(error.to_string()),
                    Ok(()) if piece.is_empty() => Some("closed".to_owned()),
                    Ok(()) => piece.ends_with(END).then(|| reason(piece)),
                })
            });
            if let Some(end) = ready!(end) {
                return Poll::Ready(end);
            }
        }
    });
    let end = end.await;
    seen.ended(end);
}

/// Why the server has closed it.
fn reason(piece: &[u8]) -> String {
    let text = String::from_utf8_lossy(piece);
    let code = text.rsplit_once(CODE).and_then(|(_, code)| code.split('"').next());
    code.unwrap_or("ended").to_owned()
}
