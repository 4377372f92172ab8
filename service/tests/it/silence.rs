//! HTTP/2 connections whose client has vanished without a word, as a machine does that loses its power or its network.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{Router, body::Body, routing::get};
use bytes::Bytes;
use futures_util::stream;
use service::http::Limits;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::mpsc,
    time::timeout,
};

use crate::{
    floods::{ACK, END_HEADERS, END_STREAM, GET, HEADERS, PING, PREFACE, SETTINGS, frame},
    server::{PATIENCE, Server, Still},
};

/// A silent client is asked after so long …
const ASKED: Duration = Duration::from_secs(20);
/// … and has so long to answer.
const ANSWER: Duration = Duration::from_secs(10);

/// A stream that never says anything; what it holds is given back when nobody reads it any more.
fn endless() -> (Router, mpsc::Receiver<()>) {
    let (held, given_back) = mpsc::channel::<()>(1);
    let held = Arc::new(std::sync::Mutex::new(Some(held)));
    let answer = async move || {
        let held = held.lock().unwrap().take();
        Body::from_stream(stream::unfold(held, async |held| {
            std::future::pending::<()>().await;
            Some((Ok::<_, Infallible>(Bytes::new()), held))
        }))
    };
    (Router::new().route("/", get(answer)), given_back)
}

/// A client with a stream open that it says nothing on.
async fn listening(server: &Server) -> TcpStream {
    let mut stream = server.connect().await;
    let settings = [frame(SETTINGS, 0, 0, &[]), frame(SETTINGS, ACK, 0, &[])].concat();
    let request = frame(HEADERS, END_HEADERS | END_STREAM, 1, GET);
    stream.write_all(&[PREFACE, &settings, &request].concat()).await.unwrap();
    // The answer has begun.
    while next(&mut stream).await.unwrap().0 != HEADERS {}
    stream
}

/// Kind, flags and payload of the next frame; none when the connection has ended.
async fn next(stream: &mut TcpStream) -> Option<(u8, u8, Vec<u8>)> {
    let mut head = [0; 9];
    let read = timeout(PATIENCE, stream.read_exact(&mut head)).await.expect("something comes, or the end");
    read.ok()?;
    let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
    let mut payload = vec![0; usize::try_from(length).unwrap()];
    stream.read_exact(&mut payload).await.ok()?;
    Some((head[3], head[4], payload))
}

/// What the server asks to hear whether anybody is there.
async fn asked(stream: &mut TcpStream) -> Vec<u8> {
    loop {
        if let (PING, 0, question) = next(stream).await.expect("it is still open") {
            return question;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn who_vanishes_is_noticed_and_lets_go_of_what_he_had() {
    let still = Still::stand();
    let (router, mut given_back) = endless();
    let server = Server::start(router, Limits::default()).await;
    let mut gone = listening(&server).await;
    still.pass(ASKED).await;
    asked(&mut gone).await;
    assert!(given_back.try_recv().is_err_and(|error| error == mpsc::error::TryRecvError::Empty));
    still.pass(ANSWER).await;
    let held = timeout(PATIENCE, given_back.recv()).await.expect("the server has let go of the stream");
    assert_eq!(held, None);
    while next(&mut gone).await.is_some() {}
}

#[tokio::test(start_paused = true)]
async fn who_answers_stays() {
    let still = Still::stand();
    let (router, mut given_back) = endless();
    let server = Server::start(router, Limits::default()).await;
    let mut there = listening(&server).await;
    for _ in 0..5 {
        still.pass(ASKED).await;
        let question = asked(&mut there).await;
        there.write_all(&frame(PING, ACK, 0, &question)).await.unwrap();
        // Answers to pings of ours come in their order: it has heard the other one.
        there.write_all(&frame(PING, 0, 0, &[7; 8])).await.unwrap();
        while next(&mut there).await.expect("it is still open") != (PING, ACK, vec![7; 8]) {}
        still.pass(ANSWER).await;
    }
    assert!(given_back.try_recv().is_err_and(|error| error == mpsc::error::TryRecvError::Empty));
}
