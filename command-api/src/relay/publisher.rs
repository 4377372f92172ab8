use std::{collections::VecDeque, time::Duration};

use async_nats::{Client, HeaderMap, Message, StatusCode, Subscriber, header};
use domain::{event::RecordedEvent, ids::EventId};
use event_store::envelope::{self, EnvelopeError};
use futures_util::{FutureExt, StreamExt};
use serde::Deserialize;
use tokio::time::{Instant, timeout_at};

/// No acknowledgement for so long counts as a refusal.
const DEADLINE: Duration = Duration::from_secs(2);

/// Why publishing stopped; the stream tells where to go on.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    /// Sequence and position part ways: another relay was first (10071), the id is in process (10158), or the stream is
    /// another one.
    #[error("the stream refused position {position}: {description} ({code})")]
    Refused { position: i64, code: u64, description: String },
    #[error("position {position} was stored at sequence {sequence}")]
    Displaced { position: i64, sequence: u64 },
    #[error("no acknowledgement of position {position} in time")]
    TimedOut { position: i64 },
    #[error("there is no stream")]
    NoStream,
    /// The server takes no message of this size.
    #[error("the event at position {position} is too large for NATS")]
    TooLarge { position: i64 },
    #[error("NATS does not take messages: {0}")]
    Unavailable(#[source] async_nats::Error),
    #[error(transparent)]
    Envelope(#[from] EnvelopeError),
}

/// What JetStream answers to a publish.
#[derive(Deserialize)]
struct Answer {
    seq: Option<u64>,
    error: Option<AnswerError>,
}

#[derive(Deserialize)]
struct AnswerError {
    #[serde(default)]
    err_code: u64,
    #[serde(default)]
    description: String,
}

/// Publishes events in order of position without waiting for each, and counts the acknowledgements, which come in the
/// same order. Only the last event of each batch asks for one: every other names, by its id, the event that it must
/// follow, so the last is stored only if all before it are, whoever stored them. It ends with the first refusal; the next
/// one begins with an inbox of its own, so that late answers are nobody's.
pub(super) struct Publisher {
    client: Client,
    inbox: String,
    answers: Subscriber,
    sent: i64,
    stored: i64,
    /// Positions that asked for an acknowledgement.
    asked: VecDeque<i64>,
    deadline: Instant,
}

impl Publisher {
    /// A publisher whose next event is the one after `position`.
    pub(super) async fn after(position: i64, client: Client) -> Result<Self, Refusal> {
        let inbox = client.new_inbox();
        let answers =
            client.subscribe(inbox.clone()).await.map_err(|error| Refusal::Unavailable(error.into()))?;
        let (sent, stored) = (position, position);
        Ok(Self { client, inbox, answers, sent, stored, asked: VecDeque::new(), deadline: Instant::now() })
    }

    /// Position of the last event sent.
    pub(super) fn sent(&self) -> i64 {
        self.sent
    }

    /// Position of the last event known to be stored.
    pub(super) fn stored(&self) -> i64 {
        self.stored
    }

    /// How many events are not known to be stored.
    pub(super) fn in_flight(&self) -> usize {
        usize::try_from(self.sent - self.stored).unwrap_or(0)
    }

    /// Sends the events after the last one sent.
    pub(super) async fn send(&mut self, events: &[RecordedEvent]) -> Result<(), Refusal> {
        let mut before = None;
        for (event, left) in events.iter().zip((0..events.len()).rev()) {
            self.send_one(event, before.replace(event.id), left == 0).await?;
        }
        Ok(())
    }

    async fn send_one(
        &mut self,
        event: &RecordedEvent,
        before: Option<EventId>,
        ask: bool,
    ) -> Result<(), Refusal> {
        let bytes = envelope::encode(event)?;
        let position = event.position;
        if bytes.len() + HEADROOM > self.client.max_payload() {
            return Err(Refusal::TooLarge { position });
        }
        if self.in_flight() == 0 {
            self.deadline = Instant::now() + DEADLINE;
        }
        let subject = envelope::subject(&event.event_type, event.aggregate_id);
        let headers = headers(event, before);
        let sent = async {
            if ask {
                let inbox = self.inbox.clone();
                self.client.publish_with_reply_and_headers(subject, inbox, headers, bytes).await
            } else {
                self.client.publish_with_headers(subject, headers, bytes).await
            }
        };
        match timeout_at(self.deadline, sent).await {
            Ok(Ok(())) => self.sent = position,
            Ok(Err(error)) => return Err(Refusal::Unavailable(error.into())),
            Err(_) => return Err(Refusal::TimedOut { position }),
        }
        if ask {
            self.asked.push_back(position);
        }
        Ok(())
    }

    /// Waits for an acknowledgement and takes all that are there. Can be cancelled without loss.
    pub(super) async fn acknowledged(&mut self) -> Result<(), Refusal> {
        let position = self.stored + 1;
        let first = timeout_at(self.deadline, self.answers.next()).await;
        let mut answer = first.map_err(|_| Refusal::TimedOut { position })?;
        loop {
            let message = answer.ok_or(Refusal::NoStream)?;
            self.take(&message)?;
            match self.answers.next().now_or_never() {
                Some(next) if self.in_flight() > 0 => answer = next,
                _ => return Ok(()),
            }
        }
    }

    /// Waits until nothing is in flight any more, at most until the deadline.
    pub(super) async fn settle(mut self) {
        while self.asked.pop_front().is_some() {
            let Ok(Some(_)) = timeout_at(self.deadline, self.answers.next()).await else { return };
        }
    }

    fn take(&mut self, message: &Message) -> Result<(), Refusal> {
        let position = self.asked.front().copied().unwrap_or(self.sent);
        if message.status == Some(StatusCode::NO_RESPONDERS) {
            return Err(Refusal::NoStream);
        }
        match serde_json::from_slice(&message.payload) {
            Ok(Answer { seq: Some(sequence), error: None }) if i64::try_from(sequence) == Ok(position) => {
                self.stored = position;
                self.asked.pop_front();
                self.deadline = Instant::now() + DEADLINE;
                Ok(())
            }
            Ok(Answer { seq: Some(sequence), error: None }) => Err(Refusal::Displaced { position, sequence }),
            Ok(Answer { error: Some(AnswerError { err_code: code, description }), .. }) => {
                Err(Refusal::Refused { position, code, description })
            }
            Ok(Answer { seq: None, error: None }) | Err(_) => {
                Err(Refusal::Refused { position, code: 0, description: "not an acknowledgement".into() })
            }
        }
    }
}

/// Room for headers within the server's limit of a message.
const HEADROOM: usize = 512;

fn headers(event: &RecordedEvent, before: Option<EventId>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(header::NATS_MESSAGE_ID, event.id.to_string());
    headers.insert(header::NATS_EXPECTED_LAST_SEQUENCE, (event.position - 1).to_string());
    if let Some(before) = before {
        headers.insert(header::NATS_EXPECTED_LAST_MESSAGE_ID, before.to_string());
    }
    headers
}
