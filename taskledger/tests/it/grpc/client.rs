//! A client that can also do what no client does.

use bytes::{BufMut, Bytes, BytesMut};
use http_body_util::{BodyExt, Full};
use hyper::{Request, client::conn::http2::SendRequest, header::HeaderMap};
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message;
use tokio::net::TcpStream;
use tonic::{Code, Status};

/// A connection; cheap to clone.
#[derive(Clone)]
pub(crate) struct Caller {
    sender: SendRequest<Full<Bytes>>,
    authority: String,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) http: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) message: Bytes,
    /// None: the answer was none of gRPC.
    pub(crate) status: Option<Status>,
}

impl Caller {
    pub(crate) async fn connect(url: &str) -> Self {
        let authority = url.strip_prefix("http://").expect("plain HTTP").to_owned();
        let stream = TcpStream::connect(&authority).await.expect("it listens");
        let connecting = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
        let (sender, connection) = connecting.await.expect("it speaks HTTP/2");
        tokio::spawn(connection);
        Self { sender, authority }
    }

    /// Calls a method with one message.
    pub(crate) async fn call(&self, path: &str, message: &impl Message, metadata: &[(&str, &str)]) -> Told {
        self.send(path, framed(0, &message.encode_to_vec()), metadata).await
    }

    /// Sends any bytes.
    pub(crate) async fn send(&self, path: &str, body: Bytes, metadata: &[(&str, &str)]) -> Told {
        let mut request = Request::post(format!("http://{}{path}", self.authority));
        if !metadata.iter().any(|(name, _)| *name == "content-type") {
            request = request.header("content-type", "application/grpc");
        }
        for (name, value) in metadata {
            request = request.header(*name, *value);
        }
        let request = request.header("te", "trailers").body(Full::new(body)).expect("a request");
        let mut sender = self.sender.clone();
        sender.ready().await.expect("it is still there");
        let (head, body) = sender.send_request(request).await.expect("it answers").into_parts();
        let body = body.collect().await.expect("the answer has an end");
        let trailers = body.trailers().unwrap_or(&head.headers);
        let status = Status::from_header_map(trailers);
        Told { http: head.status.as_u16(), headers: head.headers, message: body.to_bytes(), status }
    }
}

impl Told {
    pub(crate) fn code(&self) -> Code {
        self.status().code()
    }

    pub(crate) fn status(&self) -> &Status {
        self.status.as_ref().unwrap_or_else(|| panic!("no status: {self:?}"))
    }

    /// The message; it must have gone well.
    #[track_caller]
    pub(crate) fn read<M: Message + Default>(&self) -> M {
        assert_eq!(self.code(), Code::Ok, "{self:?}");
        M::decode(self.message.slice(5..)).expect("the message that was promised")
    }
}

/// A message with what stands before it.
pub(crate) fn framed(flag: u8, message: &[u8]) -> Bytes {
    let mut framed = BytesMut::new();
    framed.put_u8(flag);
    framed.put_u32(message.len().try_into().expect("it is not that long"));
    framed.put_slice(message);
    framed.freeze()
}
