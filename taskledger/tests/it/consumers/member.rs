//! One who consumes a group over a real connection.

use std::collections::BTreeSet;

use futures_util::stream;
use hyper_util::rt::{TokioExecutor, TokioIo};
use proto::v1::{
    Ack, ConsumeRequest, ConsumeResponse, Delivery, Nack, StartConsuming, consume_request, consume_response,
    events_client::EventsClient, nack,
};
use tokio::{net::TcpStream, sync::mpsc, time::timeout};
use tonic::{Code, Request, Status, Streaming};

use crate::{client::Client, system::PATIENCE};

/// Answers that may wait.
const QUEUE: usize = 1_000;

/// Somebody who consumes; gone when dropped.
pub(crate) struct Member {
    requests: mpsc::Sender<ConsumeRequest>,
    responses: Streaming<ConsumeResponse>,
}

impl Member {
    /// Comes to the group at this service, as the client's person; the status if it is refused.
    pub(crate) async fn join(client: &Client, group: &str, max_in_flight: i32) -> Result<Self, Status> {
        let address = client.url().strip_prefix("http://").expect("plain HTTP");
        let stream = TcpStream::connect(address).await.map_err(unreachable)?;
        let connecting = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
        let (sender, connection) = connecting.await.map_err(unreachable)?;
        tokio::spawn(connection);
        let service = tower::service_fn(move |request| sender.clone().send_request(request));
        let origin = client.url().parse().expect("a URL");
        let (requests, receiver) = mpsc::channel(QUEUE);
        let messages =
            stream::unfold(receiver, async |mut receiver| Some((receiver.recv().await?, receiver)));
        let start =
            StartConsuming { group: group.into(), max_in_flight: Some(max_in_flight), ack_timeout: None };
        say(&requests, consume_request::Message::Start(start)).await;
        let mut request = Request::new(messages);
        let token = format!("Bearer {}", client.token()).parse().expect("a token is plain");
        request.metadata_mut().insert("authorization", token);
        let responses = EventsClient::with_origin(service, origin).consume(request).await?.into_inner();
        let mut member = Self { requests, responses };
        match member.next().await? {
            consume_response::Message::Started(_) => Ok(member),
            other => panic!("it begins with {other:?}"),
        }
    }

    /// The same, again and again until somebody else has let the group go.
    pub(crate) async fn get_in(client: &Client, group: &str, max_in_flight: i32) -> Self {
        let joined = async {
            loop {
                match Self::join(client, group, max_in_flight).await {
                    Ok(member) => return member,
                    Err(status) => assert!(may_come_again(&status), "{status:?}"),
                }
            }
        };
        timeout(PATIENCE, joined).await.expect("it gets in")
    }

    async fn next(&mut self) -> Result<consume_response::Message, Status> {
        let next = timeout(PATIENCE, self.responses.message()).await.expect("something comes");
        let next = next?.ok_or_else(|| Status::unavailable("it is over"))?;
        Ok(next.message.expect("a message says something"))
    }

    /// The next event; an error ends it.
    pub(crate) async fn delivery(&mut self) -> Result<Delivery, Status> {
        loop {
            if let consume_response::Message::Delivery(delivery) = self.next().await? {
                return Ok(delivery);
            }
        }
    }

    /// The position of the next event.
    pub(crate) async fn event(&mut self) -> i64 {
        self.delivery().await.unwrap().event.expect("a delivery has an event").position
    }

    /// The positions of so many.
    pub(crate) async fn events(&mut self, count: usize) -> BTreeSet<i64> {
        let mut positions = BTreeSet::new();
        while positions.len() < count {
            positions.insert(self.event().await);
        }
        positions
    }

    pub(crate) async fn ack(&self, positions: impl IntoIterator<Item = i64>) {
        let ack = Ack { positions: positions.into_iter().collect() };
        say(&self.requests, consume_request::Message::Ack(ack)).await;
    }

    pub(crate) async fn park(&self, position: i64) {
        let nack = Nack { position, action: nack::Action::Park.into(), ..Nack::default() };
        say(&self.requests, consume_request::Message::Nack(nack)).await;
    }

    /// The status at its end.
    pub(crate) async fn end(&mut self) -> Status {
        loop {
            if let Err(status) = self.next().await {
                return status;
            }
        }
    }
}

async fn say(requests: &mpsc::Sender<ConsumeRequest>, message: consume_request::Message) {
    // One that has ended says so itself.
    let _gone = requests.send(ConsumeRequest { message: Some(message) }).await;
}

fn unreachable(error: impl std::error::Error) -> Status {
    Status::unavailable(error.to_string())
}

/// Somebody else has it, or the service is not there yet.
fn may_come_again(status: &Status) -> bool {
    matches!(status.code(), Code::FailedPrecondition | Code::Unavailable | Code::Unknown)
}
