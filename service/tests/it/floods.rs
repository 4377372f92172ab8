//! HTTP/2 frames written by hand: clients that open and reset without end.

use axum::{Router, routing::get};
use service::http::Limits;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::server::{PATIENCE, Server, status};

pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
pub(crate) const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;
/// Of settings and pings.
pub(crate) const ACK: u8 = 1;
pub(crate) const END_STREAM: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;
/// `GET http://x/` in HPACK, from the static table.
pub(crate) const GET: &[u8] = &[0x82, 0x86, 0x84, 0x41, 0x01, b'x'];
const ENHANCE_YOUR_CALM: u32 = 11;

pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// The error code of GOAWAY, or none if the connection just ends.
async fn goaway(mut stream: TcpStream) -> Option<u32> {
    let mut head = [0; 9];
    while stream.read_exact(&mut head).await.is_ok() {
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; usize::try_from(length).unwrap()];
        stream.read_exact(&mut payload).await.ok()?;
        if head[3] == GOAWAY {
            return payload.get(4..8)?.try_into().ok().map(u32::from_be_bytes);
        }
    }
    None
}

/// Sends the frames, reads what comes back at the same time, and checks that others are served afterwards.
async fn flood(frames: Vec<u8>) -> Option<u32> {
    let server = Server::start(Router::new().route("/", get(async || "hello")), Limits::default()).await;
    let mut stream = server.connect().await;
    stream.write_all(&[PREFACE, &frame(SETTINGS, 0, 0, &[])].concat()).await.unwrap();
    let std = stream.into_std().unwrap();
    let mut writer = TcpStream::from_std(std.try_clone().unwrap()).unwrap();
    let sending = tokio::spawn(async move { writer.write_all(&frames).await });
    let told = timeout(PATIENCE, goaway(TcpStream::from_std(std).unwrap())).await.expect("it is ended");
    sending.abort();
    assert_eq!(status(&server.request("GET / HTTP/1.1", "").await), 200);
    told
}

#[tokio::test]
async fn rapid_resets_end_the_connection() {
    let pairs = (0..20_000_u32).flat_map(|n| {
        let id = 2 * n + 1;
        [frame(HEADERS, END_HEADERS | END_STREAM, id, GET), frame(RST_STREAM, 0, id, &8_u32.to_be_bytes())]
    });
    assert_eq!(flood(pairs.flatten().collect()).await, Some(ENHANCE_YOUR_CALM));
}

#[tokio::test]
async fn endless_headers_end_the_connection() {
    let mut frames = frame(HEADERS, END_STREAM, 1, GET);
    let field = [&[0x00, 0x01, b'a', 0x7f, 0x80, 0x7e][..], &[b'b'; 16_000]].concat();
    for _ in 0..1_000 {
        frames.extend(frame(CONTINUATION, 0, 1, &field));
    }
    assert!(flood(frames).await.is_some_and(|code| code != 0));
}

#[tokio::test]
async fn pings_are_no_way_to_fill_memory() {
    let mut frames = frame(PING, 0, 0, &[0; 8]).repeat(100_000);
    frames.extend(frame(GOAWAY, 0, 0, &[0; 8]));
    flood(frames).await;
}
