//! Waiting for the end of an operation, for clients who would rather have that than the promise of it.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use async_nats::{Client, Subscriber, connection::State};
use axum::{
    body::Body,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures_util::StreamExt;
use serde::Deserialize;
use service::{http::Wait, operation::subject};
use tokio::time::timeout;
use uuid::Uuid;

use super::exchange::REPLAYED;

/// A NATS that does not take a subscription within this time counts as away.
const AT_ONCE: Duration = Duration::from_secs(1);

/// Hears from projections how operations end. While NATS is away it hears nothing, and nobody waits. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Endings(Arc<OnceLock<Client>>);

/// The end of one operation, listened for.
#[derive(Debug)]
pub(super) struct Ending {
    messages: Subscriber,
    wait: Wait,
    limit: Duration,
}

impl Endings {
    /// From now on hears over this connection.
    pub fn hear_over(&self, client: Client) {
        // A second connection would tell the same.
        let _known = self.0.set(client);
    }

    /// Listens for the end of an operation, if the client would wait for it. Before it is asked for: it may be quick.
    pub(super) async fn listen(&self, id: Uuid, wait: Wait) -> Option<Ending> {
        let limit = wait.limit()?;
        let client = self.0.get().filter(|client| client.connection_state() == State::Connected)?;
        let messages = timeout(AT_ONCE, subscribe(client, id)).await.ok()??;
        Some(Ending { messages, wait, limit })
    }
}

async fn subscribe(client: &Client, id: Uuid) -> Option<Subscriber> {
    let messages = client.subscribe(subject(id)).await.ok()?;
    client.flush().await.ok()?;
    Some(messages)
}

impl Ending {
    /// The operation that has ended in place of the promise that it will, if that comes in time. What was promised before is
    /// promised again.
    pub(super) async fn in_place_of(mut self, promise: Response) -> Response {
        let is_new = promise.status() == StatusCode::ACCEPTED && !promise.headers().contains_key(REPLAYED);
        if !is_new {
            return promise;
        }
        let Ok(Some(operation)) = timeout(self.limit, self.ended()).await else { return promise };
        let (mut parts, _) = promise.into_parts();
        parts.status = StatusCode::OK;
        self.wait.tell(&mut parts.headers);
        Response::from_parts(parts, Body::from(operation)).into_response()
    }

    /// None if the connection is closed.
    async fn ended(&mut self) -> Option<Bytes> {
        loop {
            let message = self.messages.next().await?;
            if has_ended(&message.payload) {
                return Some(message.payload);
            }
        }
    }
}

/// What of an operation says whether it has ended.
#[derive(Deserialize)]
struct Ended {
    end_time: Option<String>,
}

fn has_ended(operation: &[u8]) -> bool {
    serde_json::from_slice::<Ended>(operation).is_ok_and(|operation| operation.end_time.is_some())
}
