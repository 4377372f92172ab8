//! One ephemeral JetStream consumer, from its creation to its first fault.

use std::{sync::Arc, time::Duration};

use async_nats::jetstream::{
    Message,
    consumer::{
        AckPolicy, DeliverPolicy,
        pull::{self, MessagesError},
    },
};
use futures_util::{FutureExt, StreamExt};

use crate::{
    envelope::{Envelope, EnvelopeError},
    stream::{self, EventStream, StreamError},
};

/// The server is asked for so many messages at once, and again when half of them were taken …
const AHEAD: usize = 1024;

/// … and for so many bytes: what is sent ahead of what was taken is at most twice that. A message that is larger would never come,
/// but the largest event is 512 KiB.
const BYTES_AHEAD: usize = 2 << 20;

/// The server ends the consumer when nobody asked for so long.
const INACTIVE: Duration = Duration::from_secs(30);

/// One pull request lasts so long; the next follows at once.
const REQUEST: Duration = Duration::from_secs(30);

/// The server speaks at least so often; after twice that it counts as silent.
const HEARTBEAT: Duration = Duration::from_secs(3);

/// Why a consumer is of no more use.
#[derive(Debug, thiserror::Error)]
pub(super) enum Lost {
    #[error("the consumer failed: {0}")]
    Failed(#[from] MessagesError),
    #[error("the consumer ended")]
    Ended,
    #[error("expected position {expected}, got sequence {sequence}")]
    Gap { expected: i64, sequence: u64 },
    #[error("a message is not an envelope: {0}")]
    Envelope(#[from] EnvelopeError),
    #[error("a message bears no sequence")]
    NoSequence,
}

pub(super) struct Subscription {
    messages: pull::Stream,
    fault: Option<Lost>,
}

impl Subscription {
    /// A consumer that starts with the event after `position`.
    pub(super) async fn after(position: i64, stream: &EventStream) -> Result<Self, StreamError> {
        let config = pull::Config {
            description: Some("follower of the log".into()),
            deliver_policy: DeliverPolicy::ByStartSequence { start_sequence: stream::sequence(position + 1) },
            ack_policy: AckPolicy::None,
            inactive_threshold: INACTIVE,
            memory_storage: true,
            num_replicas: 1,
            ..pull::Config::default()
        };
        let consumer = stream.context().create_consumer_on_stream(config, stream::NAME).await;
        let consumer = consumer.map_err(StreamError::unavailable)?;
        let pulls = consumer.stream().max_messages_per_batch(AHEAD).max_bytes_per_batch(BYTES_AHEAD);
        let messages =
            pulls.expires(REQUEST).heartbeat(HEARTBEAT).messages().await.map_err(StreamError::unavailable)?;
        Ok(Self { messages, fault: None })
    }

    /// Waits for the event after `position` and takes it with all that is ready, at most `limit`, and no more once they have come
    /// to so many bytes. What precedes is dropped. Can be cancelled without loss.
    pub(super) async fn take(
        &mut self,
        position: i64,
        limit: usize,
        bytes: usize,
    ) -> Result<Vec<Arc<Envelope>>, Lost> {
        if let Some(fault) = self.fault.take() {
            return Err(fault);
        }
        let mut batch = Vec::new();
        let mut expected = position + 1;
        while batch.is_empty() {
            let message = self.messages.next().await.ok_or(Lost::Ended)??;
            batch.extend(accept(&message, &mut expected)?);
        }
        let mut so_far = batch.iter().map(|event: &Arc<Envelope>| event.bytes.len()).sum::<usize>();
        while batch.len() < limit
            && so_far < bytes
            && let Some(next) = self.messages.next().now_or_never()
        {
            let accepted = next.ok_or(Lost::Ended).and_then(|message| accept(&message?, &mut expected));
            match accepted {
                Ok(envelope) => {
                    so_far += envelope.as_ref().map_or(0, |envelope| envelope.bytes.len());
                    batch.extend(envelope);
                }
                Err(fault) => {
                    self.fault = Some(fault);
                    break;
                }
            }
        }
        Ok(batch)
    }
}

/// The message's envelope if it is the expected one; none if it precedes it.
fn accept(message: &Message, expected: &mut i64) -> Result<Option<Arc<Envelope>>, Lost> {
    let sequence = message.info().map_err(|_| Lost::NoSequence)?.stream_sequence;
    if sequence < stream::sequence(*expected) {
        return Ok(None);
    }
    if sequence > stream::sequence(*expected) {
        return Err(Lost::Gap { expected: *expected, sequence });
    }
    let envelope = Envelope::decode(message.payload.clone())?;
    if envelope.position != *expected {
        return Err(Lost::Gap { expected: *expected, sequence: stream::sequence(envelope.position) });
    }
    *expected += 1;
    Ok(Some(Arc::new(envelope)))
}
