//! A TCP proxy in front of Postgres that cuts connections where a test wants it.

use std::{
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, tcp::OwnedReadHalf, tcp::OwnedWriteHalf},
    sync::watch,
};

/// Where to cut: after so many bytes in one direction.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Cut {
    ToServer(u64),
    ToClient(u64),
}

/// What connections are to do now.
#[derive(Clone, Copy, PartialEq)]
enum Mode {
    Carry,
    Cut,
    Silent,
}

#[derive(Default)]
struct Plan {
    next: Mutex<Option<Cut>>,
    up: AtomicU64,
    down: AtomicU64,
}

/// Lives as long as the test's runtime.
pub(crate) struct Proxy {
    /// Like the server's, through the proxy.
    pub(crate) url: String,
    plan: Arc<Plan>,
    mode: watch::Sender<Mode>,
}

impl Proxy {
    pub(crate) async fn to(url: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let (start, rest) = url.split_once('@').expect("a user");
        let (address, database) = rest.split_once('/').expect("a database");
        let plan = Arc::new(Plan::default());
        let (mode, modes) = watch::channel(Mode::Carry);
        let (server, shared) = (address.to_owned(), plan.clone());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let Ok(server) = TcpStream::connect(&server).await else { continue };
                let cut = shared.next.lock().expect("not poisoned").take();
                tokio::spawn(carry(client, server, cut, shared.clone(), modes.clone()));
            }
        });
        Self { url: format!("{start}@127.0.0.1:{port}/{database}"), plan, mode }
    }

    /// The next connection is cut there; those after it are not.
    pub(crate) fn cut_next(&self, cut: Option<Cut>) {
        *self.plan.next.lock().expect("not poisoned") = cut;
    }

    /// Cuts the connections that exist.
    pub(crate) fn cut_all(&self) {
        self.mode.send_replace(Mode::Cut);
        self.mode.send_replace(Mode::Carry);
    }

    /// The connections that exist carry nothing more, and are not closed.
    pub(crate) fn silence_all(&self) {
        self.mode.send_replace(Mode::Silent);
    }

    /// Bytes carried to the server and to the client so far.
    pub(crate) fn carried(&self) -> (u64, u64) {
        (self.plan.up.load(Ordering::SeqCst), self.plan.down.load(Ordering::SeqCst))
    }
}

async fn carry(
    client: TcpStream,
    server: TcpStream,
    cut: Option<Cut>,
    plan: Arc<Plan>,
    mut modes: watch::Receiver<Mode>,
) {
    let (up, down) = match cut {
        Some(Cut::ToServer(bytes)) => (bytes, u64::MAX),
        Some(Cut::ToClient(bytes)) => (u64::MAX, bytes),
        None => (u64::MAX, u64::MAX),
    };
    modes.mark_unchanged();
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    // Pinned here, so that a silenced connection stays open.
    let mut upwards = std::pin::pin!(copy(from_client, to_server, up, &plan.up));
    let mut downwards = std::pin::pin!(copy(from_server, to_client, down, &plan.down));
    tokio::select! {
        _ = &mut upwards => {}
        _ = &mut downwards => {}
        _ = modes.changed() => {
            let silent = *modes.borrow() == Mode::Silent;
            if silent {
                std::future::pending::<()>().await;
            }
        }
    }
}

/// Copies at most `limit` bytes, then ends, which closes both connections.
async fn copy(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    limit: u64,
    carried: &AtomicU64,
) -> io::Result<()> {
    let mut buffer = vec![0; 8192];
    let mut left = limit;
    while left > 0 {
        let room = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        let read = from.read(&mut buffer[..room]).await?;
        if read == 0 {
            break;
        }
        to.write_all(&buffer[..read]).await?;
        left -= read as u64;
        carried.fetch_add(read as u64, Ordering::SeqCst);
    }
    Ok(())
}
