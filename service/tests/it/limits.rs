//! The accept loop under clients that mean no good.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{FromRequest, Request},
    routing::{get, post},
};
use service::{
    http::{Limits, RequestBody, STANDARD_LIMIT},
    shutdown::Shutdown,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::Notify,
    time::{Instant, timeout},
};

use crate::server::{PATIENCE, Server, Still, header, read_to_end, status};

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

fn hello() -> Router {
    Router::new().route("/", get(async || "hello").post(async |_: RequestBody| "thanks"))
}

fn impatient() -> Limits {
    Limits { header_read_timeout: Duration::from_millis(100), ..Limits::default() }
}

#[tokio::test]
async fn slow_and_silent_clients_are_closed() {
    let server = Server::start(hello(), impatient()).await;
    for beginning in ["", "PRI * HTTP", "G", "GET / HTTP/1.1\r\nHost: x\r\n", "PRI * HTTP/2.0\r\n\r\n"] {
        let answer = server.raw(beginning.as_bytes()).await;
        assert!(matches!(status(&answer), 0 | 408), "{beginning:?} {answer}");
    }
    until_served(&server).await;
}

/// Waits until the server has time and room for us.
async fn until_served(server: &Server) {
    let served = async {
        while status(&server.raw(GET).await) != 200 {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, served).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_closed_after_its_answer() {
    let still = Still::stand();
    let server = Server::start(hello(), Limits::default()).await;
    let mut stream = server.connect().await;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"hello") {
        assert_ne!(stream.read_buf(&mut answer).await.unwrap(), 0, "closed too early");
    }
    still.pass(Limits::default().header_read_timeout).await;
    assert_eq!(read_to_end(stream).await, "");
}

#[tokio::test(start_paused = true)]
async fn a_slow_answer_is_waited_for_beyond_the_header_timeout() {
    let still = Still::stand();
    let (reached, release) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let server = Server::start(slow(&reached, &release), Limits::default()).await;
    let mut stream = server.connect().await;
    stream.write_all(GET).await.unwrap();
    reached.notified().await;
    still.pass(Limits::default().header_read_timeout * 2).await;
    release.notify_one();
    assert!(read_to_end(stream).await.ends_with("done"));
}

/// A route whose answer waits for `release`.
fn slow(reached: &Arc<Notify>, release: &Arc<Notify>) -> Router {
    let (reached, release) = (Arc::clone(reached), Arc::clone(release));
    let answer = async move || {
        reached.notify_one();
        release.notified().await;
        "done"
    };
    Router::new().route("/", get(answer))
}

#[tokio::test]
async fn connections_above_the_cap_are_refused_and_room_comes_back() {
    let limits = Limits { max_connections_per_address: 2, ..Limits::default() };
    let server = Server::start(hello(), limits).await;
    let mut held = Vec::new();
    for _ in 0..2 {
        let mut stream = server.connect().await;
        stream.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
        held.push(stream);
    }
    let refused = read_to_end(server.connect().await).await;
    assert_eq!((status(&refused), header(&refused, "retry-after")), (503, Some("1")));
    drop(held);
    until_served(&server).await;
}

#[tokio::test]
async fn garbage_does_not_end_the_loop() {
    let server = Server::start(hello(), Limits::default()).await;
    let tls = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";
    let many = "X-A: 1\r\n".repeat(200);
    let long = "x".repeat(100_000);
    let attacks: Vec<(Vec<u8>, &[u16])> = vec![
        (tls.to_vec(), &[400]),
        (vec![0; 64], &[400]),
        (b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n".to_vec(), &[400]),
        (
            b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\nContent-Length: 2\r\n\r\n".to_vec(),
            &[400],
        ),
        (b"GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n".to_vec(), &[400]),
        (b"GET / HTTP/1.1\r\nHost: x\r\nA: b\0c\r\n\r\n".to_vec(), &[400]),
        (b"GET / HTTP/9.9\r\nHost: x\r\n\r\n".to_vec(), &[400, 505]),
        (format!("GET / HTTP/1.1\r\nHost: x\r\n{many}\r\n").into_bytes(), &[431]),
        (format!("GET / HTTP/1.1\r\nHost: x\r\nA: {long}\r\n\r\n").into_bytes(), &[431]),
        (format!("GET /{long} HTTP/1.1\r\nHost: x\r\n\r\n").into_bytes(), &[414, 431]),
    ];
    for (bytes, expected) in attacks {
        let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(60)]).into_owned();
        let answer = attack(&server, &bytes).await;
        assert!(expected.contains(&status(&answer)), "{shown:?} {answer}");
    }
    assert_eq!(status(&server.raw(GET).await), 200);
}

/// The server may close before everything is sent.
async fn attack(server: &Server, bytes: &[u8]) -> String {
    let mut stream = server.connect().await;
    let _ = stream.write_all(bytes).await;
    read_to_end(stream).await
}

#[tokio::test]
async fn a_thousand_pipelined_requests_are_answered_in_order() {
    let router =
        Router::new().route("/{n}", get(async |axum::extract::Path(n): axum::extract::Path<String>| n));
    let server = Server::start(router, Limits::default()).await;
    let mut requests: String = (0..999).map(|n| format!("GET /{n} HTTP/1.1\r\nHost: x\r\n\r\n")).collect();
    requests.push_str("GET /999 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    let answers = server.raw(requests.as_bytes()).await;
    let bodies: Vec<&str> =
        answers.split("HTTP/1.1 200").skip(1).map(|one| one.rsplit("\r\n").next().unwrap()).collect();
    let expected: Vec<String> = (0..1000).map(|n| n.to_string()).collect();
    assert_eq!(bodies, expected);
}

#[tokio::test]
async fn requests_under_way_finish_and_new_connections_are_refused() {
    let (reached, release) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let server = Server::start(slow(&reached, &release), Limits::default()).await;
    let Server { address, shutdown, task } = server;
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    reached.notified().await;
    shutdown.begin();
    release.notify_one();
    assert!(read_to_end(stream).await.ends_with("done"));
    timeout(PATIENCE, task).await.unwrap().unwrap().unwrap();
    // A child that another test is just starting has the listener too, until it has become its program.
    let refused = async {
        while tokio::net::TcpStream::connect(address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, refused).await.unwrap();
}

#[tokio::test]
async fn what_never_ends_is_cut_at_the_deadline() {
    let reached = Arc::new(Notify::new());
    let signal = Arc::clone(&reached);
    let endless = async move || {
        signal.notify_one();
        std::future::pending::<&str>().await
    };
    let shutdown = Shutdown::new(Duration::from_millis(50));
    let server =
        Server::with_shutdown(Router::new().route("/", get(endless)), Limits::default(), shutdown).await;
    let mut stream = server.connect().await;
    stream.write_all(GET).await.unwrap();
    reached.notified().await;
    server.shutdown.begin();
    timeout(PATIENCE, server.task).await.unwrap().unwrap().unwrap();
    assert_eq!(read_to_end(stream).await, "");
}

#[tokio::test]
async fn http2_is_spoken_on_the_same_port() {
    let server = Server::start(hello(), Limits::default()).await;
    let stream = server.connect().await;
    let io = hyper_util::rt::TokioIo::new(stream);
    let executor = hyper_util::rt::TokioExecutor::new();
    let (mut sender, connection) = hyper::client::conn::http2::handshake(executor, io).await.unwrap();
    tokio::spawn(connection);
    let request = hyper::Request::get("http://x/").body(String::new()).unwrap();
    let answer = sender.send_request(request).await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.version()), (200, hyper::Version::HTTP_2));
    let missing = hyper::Request::head("http://x/nothing").body(String::new()).unwrap();
    assert_eq!(sender.send_request(missing).await.unwrap().status(), 404);
}

/// The whole body must be there after ten seconds.
#[tokio::test(start_paused = true)]
async fn a_slow_body_is_not_waited_for() {
    let still = Still::stand();
    let reached = Arc::new(Notify::new());
    let signal = Arc::clone(&reached);
    let read = async move |request: Request| {
        signal.notify_one();
        RequestBody::<STANDARD_LIMIT>::from_request(request, &()).await.map(|_| "thanks")
    };
    let server = Server::start(Router::new().route("/", post(read)), Limits::default()).await;
    let head = "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n{";
    let mut stream = server.connect().await;
    stream.write_all(head.as_bytes()).await.unwrap();
    reached.notified().await;
    still.pass(Duration::from_secs(10)).await;
    assert_eq!(status(&read_to_end(stream).await), 408);
}

/// As long as the first connection lives, the cap of one refuses the second.
#[tokio::test(start_paused = true)]
async fn a_client_that_never_reads_is_closed() {
    let still = Still::stand();
    let router = hello().route("/large", get(async || "x".repeat(64 * 1024 * 1024)));
    let server = Server::start(router, Limits { max_connections: 1, ..Limits::default() }).await;
    let mut deaf = server.connect().await;
    deaf.write_all(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    // Some of the answer is there: the server writes, and soon it cannot go on.
    deaf.peek(&mut [0; 1]).await.unwrap();
    let begun = Instant::now();
    while status(&server.raw(GET).await) != 200 {
        assert!(begun.elapsed() < Limits::default().write_timeout * 10, "never closed");
        still.pass(Duration::from_secs(1)).await;
    }
    assert!(begun.elapsed() >= Limits::default().write_timeout, "closed after {:?}", begun.elapsed());
}
