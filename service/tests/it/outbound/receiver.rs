//! Receivers of a test.

use std::{
    collections::VecDeque,
    io,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use futures_util::{FutureExt, future::BoxFuture};
use service::outbound::Names;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::{AbortHandle, JoinSet},
};

/// Takes connections until dropped.
pub(super) struct Receiver {
    pub(super) address: SocketAddr,
    taken: Arc<AtomicUsize>,
    running: AbortHandle,
}

impl Receiver {
    /// Lets `behave` have every connection.
    pub(super) async fn start<F, R>(address: &str, behave: F) -> Self
    where
        F: Fn(TcpStream) -> R + Send + 'static,
        R: Future<Output = io::Result<()>> + Send + 'static,
    {
        let listener = TcpListener::bind(address).await.unwrap();
        let (address, taken) = (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
        let counter = taken.clone();
        let running = tokio::spawn(async move {
            let mut all = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                counter.fetch_add(1, Ordering::SeqCst);
                all.spawn(behave(stream));
            }
        });
        Self { address, taken, running: running.abort_handle() }
    }

    /// Answers each request with these bytes and hangs up.
    pub(super) async fn answering(address: &str, answer: impl Into<Vec<u8>>) -> Self {
        let answer: Arc<[u8]> = answer.into().into();
        Self::start(address, move |mut stream| {
            let answer = answer.clone();
            async move {
                read_request(&mut stream).await?;
                stream.write_all(&answer).await?;
                stream.shutdown().await
            }
        })
        .await
    }

    /// Answers each request with the head and then again and again with the rest.
    pub(super) async fn endless(head: &'static str, rest: &'static [u8]) -> Self {
        Self::start("127.0.0.1:0", move |mut stream| async move {
            read_request(&mut stream).await?;
            stream.write_all(head.as_bytes()).await?;
            loop {
                stream.write_all(rest).await?;
            }
        })
        .await
    }

    pub(super) fn port(&self) -> u16 {
        self.address.port()
    }

    /// How many connections it has taken.
    pub(super) fn taken(&self) -> usize {
        self.taken.load(Ordering::SeqCst)
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.running.abort();
    }
}

/// Up to the end of the head; the requests of these tests have no more.
pub(super) async fn read_request(stream: &mut (impl AsyncReadExt + Unpin)) -> io::Result<()> {
    let mut read = Vec::new();
    while !read.ends_with(b"\r\n\r\n") {
        read.push(stream.read_u8().await?);
    }
    Ok(())
}

/// Names whose addresses change from one look to the next; the last ones stay.
#[derive(Debug)]
pub(super) struct Changing(Mutex<VecDeque<Vec<IpAddr>>>);

impl Changing {
    pub(super) fn new(answers: &[&[&str]]) -> Arc<Self> {
        let parse = |all: &&[&str]| all.iter().map(|one| one.parse().unwrap()).collect();
        Arc::new(Self(Mutex::new(answers.iter().map(parse).collect())))
    }
}

impl Names for Changing {
    fn look_up(&self, _: &str) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        let mut answers = self.0.lock().unwrap();
        let answer = if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() };
        async move { answer.ok_or_else(|| io::ErrorKind::NotFound.into()) }.boxed()
    }
}

/// Never says anything.
#[derive(Debug)]
pub(super) struct Silent;

impl Names for Silent {
    fn look_up(&self, _: &str) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        std::future::pending().boxed()
    }
}
