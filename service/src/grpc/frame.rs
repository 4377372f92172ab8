//! One message in, one message out: five bytes before each say whether it is compressed and how long it is.

use std::{sync::LazyLock, time::Duration};

use axum::{
    body::Body,
    http::{HeaderMap, HeaderName, HeaderValue, header},
    response::Response,
};
use bytes::{BufMut, Bytes, BytesMut};
use http_body_util::{BodyExt, Full};
use tokio::sync::{Semaphore, SemaphorePermit};
use tonic::Status;

use super::unreadable::Fault;
use crate::{
    http::STANDARD_LIMIT,
    problem::{Code, Problem},
};

/// Messages from clients are at most this long (bytes).
pub const MAX_MESSAGE: usize = STANDARD_LIMIT;
/// Messages to clients (bytes): what clients take unless they are told otherwise.
pub const MAX_REPLY: usize = 4 * 1024 * 1024;
/// The whole message must be there after this time.
const READ_TIMEOUT: Duration = Duration::from_secs(10);
const HEAD: usize = 5;
const KIB: usize = 1024;
/// Messages are read before it is known whose they are. Those above this size share what there is for them, so that nobody
/// fills the memory with halves of messages.
const SMALL: usize = 16 * KIB;
static LARGE: LazyLock<Semaphore> = LazyLock::new(|| Semaphore::new(64 * KIB));

const ENCODING: HeaderName = HeaderName::from_static("grpc-encoding");
const ACCEPT_ENCODING: HeaderName = HeaderName::from_static("grpc-accept-encoding");
const IDENTITY: HeaderValue = HeaderValue::from_static("identity");

/// The only message of a request.
pub(super) async fn read(headers: &HeaderMap, body: Body) -> Result<Bytes, Fault> {
    if headers.get(ENCODING).is_some_and(|encoding| encoding != IDENTITY) {
        let mut status = Status::unimplemented("messages are taken as they are, not compressed");
        status
            .metadata_mut()
            .insert("grpc-accept-encoding", tonic::metadata::MetadataValue::from_static("identity"));
        return Err(status.into());
    }
    let read = tokio::time::timeout(READ_TIMEOUT, collect(body)).await;
    read.unwrap_or_else(|_| Err(Code::RequestTimeout.into()))
}

async fn collect(mut body: Body) -> Result<Bytes, Fault> {
    let mut buffer = BytesMut::new();
    let mut announced: Option<(usize, Option<SemaphorePermit<'_>>)> = None;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Status::cancelled("the message was not sent to its end"))?;
        let Ok(data) = frame.into_data() else { continue };
        buffer.extend_from_slice(&data);
        if announced.is_none() && buffer.len() >= HEAD {
            let length = length(&buffer)?;
            announced = Some((length, room(length)?));
        }
        if announced.as_ref().is_some_and(|(length, _)| buffer.len() > HEAD + length) {
            return Err(Status::internal("there is more than one message").into());
        }
    }
    match announced {
        Some((length, _)) if buffer.len() == HEAD + length => Ok(buffer.split_off(HEAD).freeze()),
        _ => Err(Status::internal("the message is incomplete").into()),
    }
}

fn length(head: &[u8]) -> Result<usize, Fault> {
    let (flag, length) = (head[0], u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize);
    match flag {
        0 if length > MAX_MESSAGE => Err(Code::BodyTooLarge.into()),
        0 => Ok(length),
        1 => Err(Status::internal("the message is compressed, but grpc-encoding does not say how").into()),
        _ => Err(Status::internal("the message begins with an unknown flag").into()),
    }
}

fn room(length: usize) -> Result<Option<SemaphorePermit<'static>>, Fault> {
    if length <= SMALL {
        return Ok(None);
    }
    let size = u32::try_from(length.div_ceil(KIB)).unwrap_or(u32::MAX);
    LARGE.try_acquire_many(size).map(Some).map_err(|_| Problem::new(Code::Overloaded).retry_after(1).into())
}

/// A response with one message.
pub(super) fn write(message: &[u8]) -> Result<Response, Status> {
    let length = u32::try_from(message.len()).ok().filter(|_| message.len() <= MAX_REPLY);
    let Some(length) = length else {
        return Err(Status::resource_exhausted(
            "the answer is too large: ask for less, with a smaller page_size",
        ));
    };
    let mut framed = BytesMut::with_capacity(HEAD + message.len());
    framed.put_u8(0);
    framed.put_u32(length);
    framed.put_slice(message);
    let good =
        HeaderMap::from_iter([(HeaderName::from_static("grpc-status"), HeaderValue::from_static("0"))]);
    let body = Full::new(framed.freeze()).with_trailers(async { Some(Ok(good)) });
    let mut response = Response::new(Body::new(body));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    headers.insert(ACCEPT_ENCODING, IDENTITY);
    Ok(response)
}
