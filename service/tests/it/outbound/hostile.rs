//! Answers that do not end, or are none.

use std::{
    io::{self, Write},
    time::Duration,
};

use flate2::{Compression, write::GzEncoder};
use service::outbound::{Answer, CallError, Limits, Options};

use super::{
    client, options,
    receiver::{Receiver, read_request},
    url,
};

async fn call(receiver: &Receiver) -> Result<Answer, CallError> {
    let client = client(options());
    client.send(client.post(url("127.0.0.1", receiver.port()))).await
}

/// For receivers that would keep the call for ever.
async fn call_in_a_hurry(receiver: &Receiver) -> Result<Answer, CallError> {
    let limits = Limits { whole: Duration::from_millis(300), ..options().limits };
    let client = client(Options { limits, ..options() });
    client.send(client.post(url("127.0.0.1", receiver.port()))).await
}

#[tokio::test]
async fn a_body_without_end_is_cut_off() {
    let chunked = Receiver::endless(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"10\r\nxxxxxxxxxxxxxxxx\r\n",
    );
    assert_eq!(call(&chunked.await).await.unwrap_err(), CallError::TooLarge);
    let until_closed = Receiver::endless("HTTP/1.1 200 OK\r\n\r\n", &[b'x'; 4096]);
    assert_eq!(call(&until_closed.await).await.unwrap_err(), CallError::TooLarge);
    let announced =
        Receiver::endless("HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", &[b'x'; 4096]);
    assert_eq!(call(&announced.await).await.unwrap_err(), CallError::TooLarge);
}

#[tokio::test]
async fn a_head_without_end_is_no_http() {
    for rest in [b"x-more: 1\r\n".as_slice(), b"xxxxxxxxxxxxxxxx"] {
        let receiver = Receiver::endless("HTTP/1.1 200 OK\r\nx: ", rest).await;
        assert_eq!(call(&receiver).await.unwrap_err(), CallError::NotHttp);
    }
    for garbage in [
        "SSH-2.0-OpenSSH_9.2\r\n",
        "220 mail.example.com ESMTP\r\n",
        "\x16\x03\x01\r\n\r\n",
        "HTTP/9.9 200\r\n\r\n",
    ] {
        let receiver = Receiver::answering("127.0.0.1:0", garbage).await;
        assert_eq!(call(&receiver).await.unwrap_err(), CallError::NotHttp, "{garbage:?}");
    }
}

#[tokio::test]
async fn interim_answers_without_end_run_into_the_deadline() {
    for interim in [b"HTTP/1.1 100 Continue\r\n\r\n".as_slice(), b"HTTP/1.1 103 Early Hints\r\n\r\n"] {
        let receiver = Receiver::endless("", interim).await;
        assert_eq!(call_in_a_hurry(&receiver).await.unwrap_err(), CallError::Timeout);
    }
}

#[tokio::test]
async fn silence_and_drops_run_into_the_deadline() {
    let silent = Receiver::start("127.0.0.1:0", |stream| async move {
        let _kept = stream;
        std::future::pending::<io::Result<()>>().await
    });
    assert_eq!(call_in_a_hurry(&silent.await).await.unwrap_err(), CallError::Timeout);
    let dripping = Receiver::start("127.0.0.1:0", |mut stream| async move {
        use tokio::io::AsyncWriteExt;
        read_request(&mut stream).await?;
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n").await?;
        let mut drops = tokio::time::interval(Duration::from_millis(50));
        loop {
            drops.tick().await;
            stream.write_all(b"x").await?;
        }
    });
    assert_eq!(call_in_a_hurry(&dripping.await).await.unwrap_err(), CallError::Timeout);
}

#[tokio::test]
async fn half_an_answer_is_none() {
    for half in ["", "HTTP/1.1 200 OK\r\nContent-", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"] {
        let receiver = Receiver::answering("127.0.0.1:0", half).await;
        assert_eq!(call(&receiver).await.unwrap_err(), CallError::CutOff, "{half:?}");
    }
}

/// Nobody asked for a compressed body, so nobody inflates it.
#[tokio::test]
async fn a_bomb_stays_closed() {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&vec![0; 16 << 20]).unwrap();
    let bomb = encoder.finish().unwrap();
    let head = format!("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n", bomb.len());
    let receiver = Receiver::answering("127.0.0.1:0", [head.as_bytes(), &bomb].concat()).await;
    let answer = call(&receiver).await.unwrap();
    assert_eq!(answer.body, bomb);
    assert!(answer.excerpt(4096).len() <= 4096);
}
