//! Whoever does not read is cut off, over real connections: told why, and where to go on without missing anything. The process
//! does not keep for them what they do not take.

use std::fs::File;

use bytes::{Buf, Bytes, BytesMut};
use futures_util::future::join_all;
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::Incoming;
use hyper::{Request, client::conn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message;
use proto::v1::{Interest, Place, SubscribeRequest, SubscribeResponse, subscribe_response};
use serde_json::{Value, json};
use tokio::net::{TcpSocket, TcpStream, lookup_host};
use tokio::time::timeout;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::client::{Client, PASSWORD};
use crate::grpc::framed;
use crate::process::{Up, directory};
use crate::system::{PATIENCE, within};

const TASKS: usize = 10;
const COMMENTS: usize = 12;
/// Characters of a comment, each of which is two on the wire: 14 MB in all, more than connections buffer.
const LENGTH: usize = 60_000;

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_read_is_cut_off_and_goes_on_without_a_gap() {
    let (data, logs) = (directory(), directory());
    let log = logs.path().join("log.txt");
    let up = Up::start_with(data.path(), |command| {
        command.env("TASKLEDGER_ADMIN_PASSWORD", PASSWORD).env("RUST_LOG", "warn,read_api::streams=debug");
        command.stderr(File::create(&log).expect("a log can be written"));
    });
    let mut admin = Client::new(&up.url);
    admin.log_in("admin@localhost").await.unwrap();
    join_all((0..TASKS).map(|_| write(&admin))).await;
    let all = pulled(&admin).await;
    assert_eq!(all.len(), TASKS * (COMMENTS + 1));

    let (stalled, subscription) = (stream(&admin, 0).await, subscribe(&admin, None).await);
    // Nobody reads meanwhile.
    let words = || std::fs::read_to_string(&log).expect("there is a log");
    let cut = async || words().lines().filter(|line| line.contains("FELL_BEHIND")).count() == 2;
    assert!(within(PATIENCE, cut).await, "{}", words());

    let (mut seen, code) = streamed(stalled, usize::MAX).await;
    assert_eq!(code.as_deref(), Some("FELL_BEHIND"));
    assert!(!seen.is_empty() && seen.len() < all.len(), "{} of {}", seen.len(), all.len());
    let rest = streamed(stream(&admin, *seen.last().unwrap()).await, all.len() - seen.len()).await;
    seen.extend(rest.0);
    assert_eq!(seen, all);

    let Heard { positions: mut seen, place, end } = subscribed(subscription, usize::MAX).await;
    let (place, end) = (place.expect("a place"), end.expect("a status"));
    let info = end.get_details_error_info().unwrap();
    assert_eq!((end.code(), &*info.reason), (Code::Aborted, "FELL_BEHIND"));
    assert_eq!((&info.metadata["after"], &info.metadata["epoch"]), (&place.after.to_string(), &place.epoch));
    assert!(seen.last() <= Some(&place.after), "{place:?}");
    assert!(seen.len() < all.len(), "{} of {}", seen.len(), all.len());
    let rest = subscribed(subscribe(&admin, Some(place)).await, all.len() - seen.len()).await;
    seen.extend(rest.positions);
    assert_eq!(seen, all);
    assert!(up.end("INT").success());
}

/// A task with long comments.
async fn write(client: &Client) {
    let task = client.post("/v1/tasks", &json!({"title": "Much to say"})).await.unwrap().expect(201).json();
    let path = format!("/v1/tasks/{}/comments", task["id"].as_str().unwrap());
    for _ in 0..COMMENTS {
        client.post(&path, &json!({"text": "\"".repeat(LENGTH)})).await.unwrap().expect(200);
    }
}

/// The positions of everything that there is, page by page.
async fn pulled(client: &Client) -> Vec<i64> {
    let (mut positions, mut after) = (Vec::new(), 0);
    loop {
        let path = format!("/v1/events?after={after}&types=task.*&page_size=1000");
        let page = client.get_when_there(&path).await.expect(200).json();
        positions.extend(page["items"].as_array().unwrap().iter().map(position));
        after = page["after"].as_i64().unwrap();
        if page["caught_up"] == true {
            return positions;
        }
    }
}

fn position(event: &Value) -> i64 {
    event["sequence"].as_str().unwrap().parse().unwrap()
}

/// A connection for which the system keeps little of what was not read.
async fn connect(url: &str) -> TokioIo<TcpStream> {
    let address = url.strip_prefix("http://").unwrap();
    let address = lookup_host(address).await.unwrap().find(|address| address.is_ipv4()).unwrap();
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(64 << 10).unwrap();
    TokioIo::new(socket.connect(address).await.unwrap())
}

fn request(client: &Client, method: &str, uri: &str) -> hyper::http::request::Builder {
    let token = format!("Bearer {}", client.token());
    Request::builder().method(method).uri(uri).header("authorization", token)
}

/// Server-sent events behind this position.
async fn stream(client: &Client, after: i64) -> Incoming {
    let (mut sender, connection) = conn::http1::handshake(connect(client.url()).await).await.unwrap();
    tokio::spawn(connection);
    let request = request(client, "GET", "/v1/events/stream?types=task.*").header("host", "localhost");
    let request = request.header("last-event-id", after).body(Empty::<Bytes>::new()).unwrap();
    let response = sender.send_request(request).await.unwrap();
    assert_eq!(response.status(), 200);
    response.into_body()
}

/// Reads so many events, or all up to the end: their positions, and the code of the end.
async fn streamed(mut body: Incoming, most: usize) -> (Vec<i64>, Option<String>) {
    let (mut text, mut positions) = (String::new(), Vec::new());
    while positions.len() < most {
        let frame =
            timeout(PATIENCE, body.frame()).await.expect("more comes").expect("an end is told").unwrap();
        text += std::str::from_utf8(frame.data_ref().unwrap()).unwrap();
        while let Some((event, rest)) = text.split_once("\n\n") {
            let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name));
            let data = || serde_json::from_str::<Value>(field("data: ").unwrap()).unwrap();
            match field("event: ") {
                Some("event") => {
                    assert_eq!(field("id: ").unwrap().parse::<i64>().unwrap(), position(&data()));
                    positions.push(position(&data()));
                }
                Some("closed") => return (positions, data()["code"].as_str().map(str::to_owned)),
                _ => {}
            }
            text = rest.to_owned();
        }
    }
    (positions, None)
}

/// A subscription of the same events.
struct Subscription {
    body: Incoming,
    _connection: conn::http2::SendRequest<Full<Bytes>>,
}

/// What came of it: the positions of events, where to go on if that was said, and the status if it is over.
#[derive(Debug, Default)]
struct Heard {
    positions: Vec<i64>,
    place: Option<Place>,
    end: Option<Status>,
}

async fn subscribe(client: &Client, place: Option<Place>) -> Subscription {
    let io = connect(client.url()).await;
    let (mut sender, connection) = conn::http2::handshake(TokioExecutor::new(), io).await.unwrap();
    tokio::spawn(connection);
    let interest = Some(Interest { types: vec!["task.*".into()], ..Interest::default() });
    let (after, epoch) = place.map_or((0, None), |place| (place.after, Some(place.epoch)));
    let asked = SubscribeRequest { after: Some(after), epoch, interest };
    let method = format!("{}/taskledger.v1.Events/Subscribe", client.url());
    let request = request(client, "POST", &method).header("te", "trailers");
    let request = request.header("content-type", "application/grpc");
    let request = request.body(Full::new(framed(0, &asked.encode_to_vec()))).unwrap();
    let body = sender.send_request(request).await.unwrap().into_body();
    Subscription { body, _connection: sender }
}

/// Reads so many events, or all up to the end.
async fn subscribed(mut subscription: Subscription, most: usize) -> Heard {
    let (mut bytes, mut heard) = (BytesMut::new(), Heard::default());
    while heard.positions.len() < most {
        let frame = timeout(PATIENCE, subscription.body.frame()).await.expect("more comes");
        let frame = frame.expect("an end is told").unwrap();
        if let Some(trailers) = frame.trailers_ref() {
            heard.end = Status::from_header_map(trailers);
            return heard;
        }
        bytes.extend_from_slice(frame.data_ref().unwrap());
        while let Some(message) = take(&mut bytes) {
            match message {
                subscribe_response::Message::Event(event) => heard.positions.push(event.position),
                subscribe_response::Message::FellBehind(behind) => heard.place = behind.place,
                _ => {}
            }
        }
    }
    heard
}

/// The next message, if all of it is there.
fn take(bytes: &mut BytesMut) -> Option<subscribe_response::Message> {
    let length = u32::from_be_bytes(bytes.get(1..5)?.try_into().ok()?) as usize;
    if bytes.len() < 5 + length {
        return None;
    }
    bytes.advance(5);
    SubscribeResponse::decode(bytes.split_to(length)).unwrap().message
}
