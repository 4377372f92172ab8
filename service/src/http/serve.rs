//! The accept loop: HTTP/1.1 and HTTP/2 on one port, bounded in every direction, drained at the end.

use std::{convert::Infallible, io, net::SocketAddr, sync::Arc, time::Duration};

use axum::{Router, body::Body, extract::ConnectInfo, http::Request, response::Response};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto::Builder, graceful::GracefulShutdown},
};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::Service;

use super::{
    Limits,
    accept::{self, Admission, Census},
    stream::Stream,
};
use crate::shutdown::Shutdown;

/// Request heads of HTTP/1.1: bytes and headers.
const MAX_HEAD: usize = 32 * 1024;
const MAX_HEADERS: usize = 64;
/// Request heads of HTTP/2, streams of a connection, and how many of them may be torn down.
const MAX_HEADER_LIST: u32 = 16 * 1024;
const MAX_STREAMS: u32 = 100;
const MAX_PENDING_RESETS: usize = 20;
const MAX_LOCAL_RESETS: usize = 1024;
/// A silent HTTP/2 peer is asked this often and must answer in that time.
const PING_INTERVAL: Duration = Duration::from_secs(20);
const PING_TIMEOUT: Duration = Duration::from_secs(10);

/// Serves the router until the shutdown begins, then finishes what is under way, up to the deadline.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    shutdown: Shutdown,
) -> io::Result<()> {
    let server = Server::new(router, limits.clone());
    let census = Census::new(limits.clone());
    loop {
        let (stream, peer) = tokio::select! {
            biased;
            () = shutdown.begun() => break,
            accepted = accept::next(&listener, limits.write_timeout) => accepted,
        };
        match census.admit(peer.ip()) {
            Some(admission) => server.spawn(stream, peer, admission),
            None => accept::refuse(stream),
        }
    }
    drop(listener);
    server.drain(shutdown.deadline()).await;
    Ok(())
}

struct Server {
    router: Router,
    limits: Limits,
    builder: Arc<Builder<TokioExecutor>>,
    graceful: GracefulShutdown,
    connections: TaskTracker,
    kill: CancellationToken,
}

impl Server {
    fn new(router: Router, limits: Limits) -> Self {
        let builder = Arc::new(builder(&limits));
        let (graceful, connections, kill) =
            (GracefulShutdown::new(), TaskTracker::new(), CancellationToken::new());
        Self { router, limits, builder, graceful, connections, kill }
    }

    fn spawn(&self, tcp: TcpStream, peer: SocketAddr, admission: Admission) {
        let stream = Stream::new(tcp, self.limits.header_read_timeout, self.limits.write_timeout);
        let router = self.router.clone();
        let service = service_fn(move |request| answer(router.clone(), peer, request));
        let connection = self.builder.serve_connection(TokioIo::new(stream), service).into_owned();
        let connection = self.graceful.watch(connection);
        let kill = self.kill.clone();
        self.connections.spawn(async move {
            let _admission = admission;
            tokio::select! {
                ended = connection => {
                    if let Err(error) = ended {
                        tracing::debug!(%peer, %error, "connection ended");
                    }
                }
                () = kill.cancelled() => {}
            }
        });
    }

    /// Lets requests under way finish, then cuts what is left.
    async fn drain(self, deadline: Duration) {
        self.connections.close();
        if tokio::time::timeout(deadline, self.graceful.shutdown()).await.is_err() {
            tracing::warn!(left = self.connections.len(), "connections cut off at the deadline");
        }
        self.kill.cancel();
        self.connections.wait().await;
    }
}

async fn answer(
    mut router: Router,
    peer: SocketAddr,
    mut request: Request<Incoming>,
) -> Result<Response, Infallible> {
    request.extensions_mut().insert(ConnectInfo(peer));
    router.call(request.map(Body::new)).await
}

fn builder(limits: &Limits) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_read_timeout)
        .max_buf_size(MAX_HEAD)
        .max_headers(MAX_HEADERS);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(MAX_HEADER_LIST)
        .max_pending_accept_reset_streams(MAX_PENDING_RESETS)
        .max_local_error_reset_streams(MAX_LOCAL_RESETS)
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT);
    builder
}
