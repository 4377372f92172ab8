//! A server on a free port, and a client that writes bytes by hand.

use std::{net::SocketAddr, time::Duration};

use axum::Router;
use service::{
    http::{self, Edge, Limits},
    shutdown::Shutdown,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
    time::timeout,
};

/// Nothing in these tests takes this long; it only bounds a failure.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// While this lives, virtual time passes only where a test says so. By itself it would run ahead whenever nobody has
/// anything to do, and what the kernel still carries from one socket to the other would come too late.
pub(crate) struct Still {
    _until: std::sync::mpsc::SyncSender<()>,
}

impl Still {
    pub(crate) fn stand() -> Self {
        let (until, standing) = std::sync::mpsc::sync_channel::<()>(0);
        // The clock waits for whatever blocks.
        tokio::task::spawn_blocking(move || standing.recv_timeout(PATIENCE));
        Self { _until: until }
    }

    pub(crate) async fn pass(&self, duration: Duration) {
        // Timers count whole milliseconds.
        tokio::time::advance(duration + Duration::from_millis(1)).await;
    }
}

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) shutdown: Shutdown,
    pub(crate) task: JoinHandle<std::io::Result<()>>,
}

impl Server {
    pub(crate) async fn start(router: Router, limits: Limits) -> Self {
        Self::with_shutdown(router, limits, Shutdown::default()).await
    }

    pub(crate) async fn with_shutdown(router: Router, limits: Limits, shutdown: Shutdown) -> Self {
        Self::with_edge(router, limits, Edge { shutdown, ..Edge::default() }).await
    }

    pub(crate) async fn with_edge(router: Router, limits: Limits, edge: Edge) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shutdown = edge.shutdown.clone();
        let task = tokio::spawn(http::serve(listener, http::finish(router, edge), limits, shutdown.clone()));
        Self { address, shutdown, task }
    }

    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends the bytes on a new connection and returns everything until the server closes it.
    pub(crate) async fn raw(&self, bytes: &[u8]) -> String {
        let mut stream = self.connect().await;
        stream.write_all(bytes).await.unwrap();
        read_to_end(stream).await
    }

    /// Sends a request (without its last empty line) that asks for the connection to be closed.
    pub(crate) async fn request(&self, head: &str, body: &str) -> String {
        let length = body.len();
        let text =
            format!("{head}\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}");
        self.raw(text.as_bytes()).await
    }
}

/// Everything until the peer closes; a reset counts as closed.
pub(crate) async fn read_to_end(mut stream: TcpStream) -> String {
    let mut bytes = Vec::new();
    let read = timeout(PATIENCE, stream.read_to_end(&mut bytes)).await;
    assert!(read.is_ok(), "the connection stays open after {:?}", String::from_utf8_lossy(&bytes));
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The status line's number.
pub(crate) fn status(answer: &str) -> u16 {
    answer.split(' ').nth(1).and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// The body as JSON.
pub(crate) fn body(answer: &str) -> serde_json::Value {
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {answer}"))
}

/// The value of a header, if the answer has it.
pub(crate) fn header<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    let head = answer.split("\r\n\r\n").next().unwrap_or_default();
    let mut lines = head.lines().filter_map(|line| line.split_once(": "));
    lines.find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}
