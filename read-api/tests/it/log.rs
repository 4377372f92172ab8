//! A real log, written as command-api would.

use std::sync::Arc;

use chrono::Utc;
use domain::{
    event::{ActorType, Metadata, to_stored},
    ids::{EventId, UserId},
};
use event_store::{AggregateRef, Appender, AppenderConfig, NewEvent, Outcome, Role, StreamAppend, Unit};
use serde_json::Value;
use service::shutdown::Shutdown;
use uuid::Uuid;

use crate::world::{DEADLINE, World};

/// A log that takes what tests make up.
pub(crate) struct Writer {
    appender: Appender,
    shutdown: Shutdown,
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.shutdown.begin();
    }
}

/// What is known of an act of this person.
pub(crate) fn metadata(actor: Uuid) -> Metadata {
    Metadata {
        actor_type: ActorType::User,
        actor_id: Some(UserId(actor)),
        on_behalf_of: None,
        session_id: None,
        ip: None,
        user_agent: None,
        request_id: Uuid::now_v7(),
        correlation_id: Uuid::now_v7(),
        causation_id: None,
        traceparent: None,
        transport: "http".into(),
        occurred_at: Utc::now().into(),
        ip_chain: None,
        node: None,
        app_version: None,
        route: None,
        key_hash: None,
    }
}

impl Writer {
    pub(crate) fn new(world: &World) -> Self {
        let connect = event_store::connect_options(world.url(), Role::Command).unwrap();
        let shutdown = Shutdown::default();
        let config = AppenderConfig { deadline: DEADLINE, ..AppenderConfig::new(connect) };
        let appender = Appender::spawn(config, shutdown.token().clone());
        Self { appender, shutdown }
    }

    /// Appends events to an aggregate that has none, each by this actor; the last position.
    pub(crate) async fn append(
        &self,
        kind: &'static str,
        id: Uuid,
        events: Vec<(NewEvent, Metadata)>,
    ) -> i64 {
        self.append_after(0, kind, id, events).await
    }

    /// The same, to one that has so many.
    pub(crate) async fn append_after(
        &self,
        expected: i64,
        kind: &'static str,
        id: Uuid,
        events: Vec<(NewEvent, Metadata)>,
    ) -> i64 {
        let events = events.into_iter().map(|(event, metadata)| NewEvent {
            metadata: Arc::from(serde_json::to_string(&metadata).unwrap()),
            ..event
        });
        let aggregate = AggregateRef { kind, id };
        let stream = StreamAppend { aggregate, expected, events: events.collect(), snapshot: None };
        let unit = Unit { id: Uuid::now_v7(), streams: vec![stream], ..Unit::default() };
        match self.appender.append(unit).await.unwrap() {
            Outcome::Appended { position } => position,
            other => panic!("{other:?}"),
        }
    }
}

/// An event of the wire form `{"task.assigned": {…}}`, checked against the domain.
pub(crate) fn event<E: serde::Serialize + serde::de::DeserializeOwned + cqrs_es::DomainEvent>(
    tagged: Value,
) -> NewEvent {
    let event: E = serde_json::from_value(tagged).unwrap();
    NewEvent {
        id: EventId(Uuid::now_v7()),
        event_type: event.event_type(),
        event_version: event.event_version(),
        payload: to_stored(&event).unwrap(),
        metadata: Arc::from("{}"),
    }
}
