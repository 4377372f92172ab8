//! Clients of the service `Events`.

use axum::Router;
use futures_util::stream;
use proto::v1::{
    Ack, ConsumeRequest, ConsumeResponse, Delivery, Event, Nack, Place, StartConsuming, SubscribeRequest,
    SubscribeResponse, consume_request, consume_response, events_client::EventsClient, nack,
    subscribe_response,
};
use tokio::{sync::mpsc, time::timeout};
use tonic::{Request, Status, Streaming};

use crate::world::{DEADLINE, World};

fn client(world: &World) -> EventsClient<Router> {
    EventsClient::new(world.router.clone())
}

fn with_token<T>(message: T, token: &str) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    request
}

/// One who subscribes.
pub(crate) struct Subscriber(Streaming<SubscribeResponse>);

impl Subscriber {
    pub(crate) async fn open(world: &World, token: &str, asked: SubscribeRequest) -> Self {
        Self(client(world).subscribe(with_token(asked, token)).await.unwrap().into_inner())
    }

    /// What comes next.
    pub(crate) async fn next(&mut self) -> Result<subscribe_response::Message, Status> {
        let next = timeout(DEADLINE, self.0.message()).await.expect("something comes")?;
        Ok(next.expect("it goes on").message.unwrap())
    }

    /// So many events, whatever else comes.
    pub(crate) async fn events(&mut self, count: usize) -> Vec<Event> {
        let mut events = Vec::new();
        while events.len() < count {
            if let subscribe_response::Message::Event(event) = self.next().await.unwrap() {
                events.push(event);
            }
        }
        events
    }

    /// Where it stands when all is told.
    pub(crate) async fn caught_up(&mut self) -> Place {
        loop {
            if let subscribe_response::Message::CaughtUp(place) = self.next().await.unwrap() {
                return place;
            }
        }
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

/// One who consumes a group.
pub(crate) struct Member {
    requests: mpsc::Sender<ConsumeRequest>,
    responses: Streaming<ConsumeResponse>,
}

impl Member {
    pub(crate) async fn join(world: &World, token: &str, group: &str, max_in_flight: i32) -> Self {
        let (requests, receiver) = mpsc::channel(1_000);
        let max_in_flight = Some(max_in_flight);
        let start = StartConsuming { group: group.into(), max_in_flight, ack_timeout: None };
        let start = ConsumeRequest { message: Some(consume_request::Message::Start(start)) };
        requests.send(start).await.unwrap();
        let messages = stream::unfold(receiver, |mut receiver| async {
            let message = receiver.recv().await?;
            Some((message, receiver))
        });
        let responses = client(world).consume(with_token(messages, token)).await.unwrap().into_inner();
        Self { requests, responses }
    }

    pub(crate) async fn next(&mut self) -> Result<consume_response::Message, Status> {
        let next = timeout(DEADLINE, self.responses.message()).await.expect("something comes")?;
        Ok(next.expect("it goes on").message.unwrap())
    }

    /// The next event; its position and which try it is.
    pub(crate) async fn event(&mut self) -> (i64, i32) {
        let delivery = self.delivery().await.unwrap();
        (delivery.event.unwrap().position, delivery.attempt)
    }

    pub(crate) async fn events(&mut self, count: usize) -> Vec<(i64, i32)> {
        let mut events = Vec::new();
        while events.len() < count {
            events.push(self.event().await);
        }
        events
    }

    pub(crate) async fn delivery(&mut self) -> Result<Delivery, Status> {
        loop {
            if let consume_response::Message::Delivery(delivery) = self.next().await? {
                return Ok(delivery);
            }
        }
    }

    /// Nothing is handed out before the group has written down that it has come so far.
    pub(crate) async fn reaches(&mut self, position: i64) {
        loop {
            match self.next().await.unwrap() {
                consume_response::Message::Checkpoint(place) if place.after >= position => return,
                consume_response::Message::Delivery(delivery) => panic!("{delivery:?}"),
                _ => {}
            }
        }
    }

    pub(crate) async fn ack(&self, positions: &[i64]) {
        let ack = Ack { positions: positions.to_vec() };
        self.say(consume_request::Message::Ack(ack)).await;
    }

    pub(crate) async fn nack(&self, position: i64, action: nack::Action, reason: &str) {
        let delay = Some(prost_types::Duration { seconds: 0, nanos: 0 });
        let nack = Nack { position, action: action.into(), reason: reason.into(), delay };
        self.say(consume_request::Message::Nack(nack)).await;
    }

    async fn say(&self, message: consume_request::Message) {
        // A group that has ended says so itself.
        let _gone = self.requests.send(ConsumeRequest { message: Some(message) }).await;
    }

    /// Says no more; everything that was said is heard.
    pub(crate) async fn leave(self) {
        let Self { requests, mut responses } = self;
        drop(requests);
        while timeout(DEADLINE, responses.message()).await.expect("it ends").unwrap().is_some() {}
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
