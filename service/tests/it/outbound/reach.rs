//! No call reaches what lies inside.

use std::{io, sync::Arc, time::Duration};

use service::outbound::{CallError, Limits, Options, Refusal, StatusCode, Url};

use super::{
    client, options,
    receiver::{Changing, Receiver, Silent},
    url,
};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";
const INSIDE: Result<StatusCode, CallError> = Err(CallError::Refused(Refusal::InnerAddress));

/// One that may be called, and one on the same port that may not.
async fn two() -> (Receiver, Receiver) {
    let ours = Receiver::answering("127.0.0.1:0", OK).await;
    let inside = Receiver::answering(&format!("127.0.0.2:{}", ours.port()), OK).await;
    (ours, inside)
}

#[tokio::test]
async fn a_name_that_turns_inside_is_not_followed() {
    let (ours, inside) = two().await;
    let names = Changing::new(&[
        &["127.0.0.1"],
        &["127.0.0.2"],
        &["127.0.0.1", "127.0.0.2"],
        &["127.0.0.2", "127.0.0.1"],
        &["::ffff:127.0.0.1"],
        &["127.0.0.1"],
    ]);
    let client = client(Options { names, ..options() });
    let mut seen = Vec::new();
    for _ in 0..6 {
        let answer = client.send(client.post(url("hook.example.com", ours.port()))).await;
        seen.push(answer.map(|answer| answer.status));
    }
    assert_eq!(seen, [Ok(StatusCode::OK), INSIDE, INSIDE, INSIDE, INSIDE, Ok(StatusCode::OK)]);
    assert_eq!((ours.taken(), inside.taken()), (2, 0));
}

#[tokio::test]
async fn an_address_inside_is_refused_at_the_call_too() {
    let (ours, inside) = two().await;
    let client = client(options());
    for host in
        ["127.0.0.2", "127.2", "0x7f000002", "[::ffff:127.0.0.2]", "[::1]", "0.0.0.0", "localhost@127.0.0.2"]
    {
        let answer = client.send(client.post(url(host, ours.port()))).await;
        assert!(matches!(answer, Err(CallError::Refused(_))), "{host}: {answer:?}");
    }
    assert_eq!((ours.taken(), inside.taken()), (0, 0));
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_not_followed() {
    let inside = Receiver::answering("127.0.0.2:0", OK).await;
    let client = client(options());
    for status in [301, 302, 303, 307, 308] {
        let head =
            format!("HTTP/1.1 {status} Elsewhere\r\nLocation: {}\r\n", url("127.0.0.2", inside.port()));
        let head = format!("{head}Content-Length: 0\r\nConnection: close\r\n\r\n");
        let sender = Receiver::answering("127.0.0.1:0", head).await;
        let answer = client.send(client.post(url("127.0.0.1", sender.port()))).await.unwrap();
        assert_eq!((answer.status.as_u16(), sender.taken()), (status, 1));
    }
    assert_eq!(inside.taken(), 0);
}

#[tokio::test]
async fn schemes_and_ports_are_checked_at_the_call() {
    let client = client(options());
    for bad in ["http://127.0.0.1:22/", "https://example.com/", "ftp://example.com:8080/"] {
        let answer = client.send(client.get(bad.parse::<Url>().unwrap())).await;
        assert!(matches!(answer, Err(CallError::Refused(_) | CallError::Request)), "{bad}: {answer:?}");
    }
}

#[tokio::test]
async fn without_an_address_or_a_listener_there_is_no_connection() {
    let nowhere = client(Options { names: Changing::new(&[]), ..options() });
    let answer = nowhere.send(nowhere.get(url("gone.example.com", 8080))).await;
    assert_eq!(answer.unwrap_err(), CallError::Name);

    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let refused = client(options());
    let answer = refused.send(refused.get(url("127.0.0.1", port))).await;
    assert_eq!(answer.unwrap_err(), CallError::Connect(io::ErrorKind::ConnectionRefused));

    let limits = Limits { connect: Duration::from_millis(50), ..options().limits };
    let waiting = client(Options { names: Arc::new(Silent), limits, ..options() });
    let answer = waiting.send(waiting.get(url("slow.example.com", 8080))).await;
    assert_eq!(answer.unwrap_err(), CallError::ConnectTimeout);
}
