//! HTTP load over keep-alive connections: closed loop (as fast as answers come) and open loop (at a fixed rate).
//!
//! Latencies of the open loop count from the instant a request was due, so that a stalled server cannot hide its stall.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use hdrhistogram::Histogram;
use http_body_util::{BodyExt, Full};
use hyper::{Request, StatusCode, client::conn::http1::SendRequest};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, task::JoinSet};

use crate::Failure;

/// Makes the n-th request of a run.
pub(crate) type MakeRequest = Arc<dyn Fn(u64) -> Request<Full<Bytes>> + Send + Sync>;

/// What a run measured.
#[derive(Debug)]
pub(crate) struct Run {
    /// Answers with a 2xx status.
    pub(crate) accepted: u64,
    /// Other answers.
    pub(crate) refused: u64,
    /// From the first request to the last answer.
    pub(crate) elapsed: Duration,
    /// Microseconds per accepted request.
    pub(crate) latency: Histogram<u64>,
}

impl Run {
    /// Accepted requests per second.
    pub(crate) fn rate(&self) -> f64 {
        self.accepted as f64 / self.elapsed.as_secs_f64()
    }

    /// The latency at a quantile, in milliseconds.
    pub(crate) fn millis(&self, quantile: f64) -> f64 {
        self.latency.value_at_quantile(quantile) as f64 / 1000.0
    }
}

/// One keep-alive connection.
pub(crate) struct Connection {
    sender: SendRequest<Full<Bytes>>,
}

impl Connection {
    /// Connects; requests carry their own headers.
    pub(crate) async fn open(address: SocketAddr) -> Result<Self, Failure> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(Self { sender })
    }

    /// Sends one request and reads the whole answer.
    pub(crate) async fn send(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> Result<(StatusCode, Bytes), Failure> {
        self.sender.ready().await?;
        let answer = self.sender.send_request(request).await?;
        let status = answer.status();
        Ok((status, answer.into_body().collect().await?.to_bytes()))
    }
}

/// Sends requests on `connections` connections, each the next as soon as the last was answered.
pub(crate) async fn closed_loop(
    address: SocketAddr,
    connections: usize,
    duration: Duration,
    make: MakeRequest,
) -> Result<Run, Failure> {
    let until = Instant::now() + duration;
    repeat(address, connections, make, move |_| Instant::now() < until).await
}

/// The same, but so many times at least.
pub(crate) async fn for_so_long(
    address: SocketAddr,
    connections: usize,
    duration: Duration,
    at_least: u64,
    make: MakeRequest,
) -> Result<Run, Failure> {
    let until = Instant::now() + duration;
    repeat(address, connections, make, move |number| number < at_least || Instant::now() < until).await
}

/// So many times.
pub(crate) async fn so_many(
    address: SocketAddr,
    connections: usize,
    count: u64,
    make: MakeRequest,
) -> Result<Run, Failure> {
    repeat(address, connections, make, move |number| number < count).await
}

async fn repeat(
    address: SocketAddr,
    connections: usize,
    make: MakeRequest,
    goes_on: impl Fn(u64) -> bool + Copy + Send + 'static,
) -> Result<Run, Failure> {
    let started = Instant::now();
    let number = Arc::new(AtomicU64::new(0));
    let mut workers = JoinSet::new();
    for _ in 0..connections {
        let (make, number) = (make.clone(), number.clone());
        workers.spawn(async move {
            let mut connection = Connection::open(address).await?;
            let mut tally = Tally::new();
            loop {
                let number = number.fetch_add(1, Ordering::Relaxed);
                if !goes_on(number) {
                    return Ok::<_, Failure>(tally);
                }
                let sent = Instant::now();
                let (status, _) = connection.send(make(number)).await?;
                tally.count(status, sent.elapsed());
            }
        });
    }
    collect(workers, started).await
}

/// One connection that rests for so long after each answer: what a request takes when nothing else is under way.
pub(crate) async fn at_rest(
    address: SocketAddr,
    pause: Duration,
    duration: Duration,
    make: MakeRequest,
) -> Result<Run, Failure> {
    let started = Instant::now();
    let (mut connection, mut tally) = (Connection::open(address).await?, Tally::new());
    let mut number = 0;
    while started.elapsed() < duration {
        tokio::time::sleep(pause).await;
        let sent = Instant::now();
        let (status, _) = connection.send(make(number)).await?;
        tally.count(status, sent.elapsed());
        number += 1;
    }
    let Tally { accepted, refused, latency } = tally;
    Ok(Run { accepted, refused, elapsed: started.elapsed(), latency })
}

/// Sends `rate` requests per second over `connections` connections, each due at its own instant.
pub(crate) async fn open_loop(
    address: SocketAddr,
    connections: usize,
    rate: f64,
    duration: Duration,
    make: MakeRequest,
) -> Result<Run, Failure> {
    let started = Instant::now();
    let interval = Duration::from_secs_f64(connections as f64 / rate);
    let number = Arc::new(AtomicU64::new(0));
    let mut workers = JoinSet::new();
    for worker in 0..connections {
        let (make, number) = (make.clone(), number.clone());
        let mut due = started + interval.mul_f64(worker as f64 / connections as f64);
        workers.spawn(async move {
            let mut connection = Connection::open(address).await?;
            let mut tally = Tally::new();
            while due < started + duration {
                tokio::time::sleep_until(due.into()).await;
                let (status, _) = connection.send(make(number.fetch_add(1, Ordering::Relaxed))).await?;
                tally.count(status, due.elapsed());
                due += interval;
            }
            Ok::<_, Failure>(tally)
        });
    }
    collect(workers, started).await
}

struct Tally {
    accepted: u64,
    refused: u64,
    latency: Histogram<u64>,
}

impl Tally {
    fn new() -> Self {
        Self { accepted: 0, refused: 0, latency: histogram() }
    }

    fn count(&mut self, status: StatusCode, latency: Duration) {
        if status.is_success() {
            self.accepted += 1;
            self.latency.saturating_record(latency.as_micros() as u64);
        } else {
            self.refused += 1;
        }
    }
}

/// Microseconds up to a minute, three significant digits.
pub(crate) fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 60_000_000, 3).expect("the bounds are valid")
}

async fn collect(mut workers: JoinSet<Result<Tally, Failure>>, started: Instant) -> Result<Run, Failure> {
    let mut run = Run { accepted: 0, refused: 0, elapsed: Duration::ZERO, latency: histogram() };
    while let Some(tally) = workers.join_next().await {
        let tally = tally.map_err(|error| Failure::Worker(error.to_string()))??;
        run.accepted += tally.accepted;
        run.refused += tally.refused;
        run.latency.add(tally.latency).map_err(|error| Failure::Worker(error.to_string()))?;
    }
    run.elapsed = started.elapsed();
    Ok(run)
}
