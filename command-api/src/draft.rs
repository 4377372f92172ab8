//! What commands make of aggregates, before it is written.

use std::{collections::BTreeMap, sync::Arc};

use cqrs_es::{Aggregate, event_sink::EventSink};
use domain::{
    event::{Timed, to_stored},
    ids::EventId,
    time::Timestamp,
};
use event_store::{
    AggregateRef, Claim, Guard, Loaded, NewEvent, Receipt, SNAPSHOT_AFTER, Snapshot, StreamAppend, Unit,
};
use uuid::Uuid;

use crate::{
    aggregates::{Aggregates, Remembered},
    commands::{Refusal, Reply},
};

/// What commands make of some aggregates: becomes one unit.
#[derive(Debug)]
pub(crate) struct Draft<A: Aggregate> {
    pub(crate) streams: Vec<Stream<A>>,
    pub(crate) guards: BTreeMap<AggregateRef, i64>,
    pub(crate) claims: Vec<Claim>,
    pub(crate) receipt: Option<Receipt>,
    pub(crate) reply: Reply,
}

/// One aggregate and what happened to it.
#[derive(Debug)]
pub(crate) struct Stream<A: Aggregate> {
    pub(crate) id: Uuid,
    /// The version that the decision began with.
    pub(crate) base: i64,
    pub(crate) state: A,
    pub(crate) events: Vec<A::Event>,
    metadata: Arc<str>,
    occurred_at: Timestamp,
}

impl<A: Remembered + Timed> Stream<A> {
    /// Begins with the aggregate as loaded. `metadata` makes the events' circumstances for the time they will bear.
    pub(crate) fn open(
        id: Uuid,
        loaded: Loaded<A>,
        now: Timestamp,
        metadata: impl FnOnce(Timestamp) -> Result<Arc<str>, Refusal>,
    ) -> Result<Self, Refusal> {
        let occurred_at = loaded.aggregate.effective_time(now);
        let metadata = metadata(occurred_at)?;
        Ok(Self {
            id,
            base: loaded.version,
            state: loaded.aggregate,
            events: Vec::new(),
            metadata,
            occurred_at,
        })
    }

    /// The version after what has happened so far.
    pub(crate) fn version(&self) -> i64 {
        self.base + self.events.len().cast_signed() as i64
    }

    /// Lets the aggregate decide; gives the events of this command.
    pub(crate) async fn handle(
        &mut self,
        command: A::Command,
        services: &A::Services,
    ) -> Result<&[A::Event], A::Error> {
        let sink = EventSink::default();
        self.state.handle(command, services, &sink).await?;
        let before = self.events.len();
        self.events.append(&mut sink.collect().await);
        Ok(&self.events[before..])
    }

    fn aggregate(&self) -> AggregateRef {
        AggregateRef { kind: A::TYPE, id: self.id }
    }

    fn append(&self) -> Result<StreamAppend, Refusal> {
        let events = self.events.iter().map(|event| self.new_event(event)).collect::<Result<_, _>>()?;
        let snapshot = self.is_snapshot_due().then(|| self.snapshot()).transpose()?;
        Ok(StreamAppend { aggregate: self.aggregate(), expected: self.base, events, snapshot })
    }

    fn new_event(&self, event: &A::Event) -> Result<NewEvent, Refusal> {
        use cqrs_es::DomainEvent;
        Ok(NewEvent {
            id: EventId(Uuid::now_v7()),
            event_type: event.event_type(),
            event_version: event.event_version(),
            payload: to_stored(event).map_err(Refusal::Encode)?,
            metadata: Arc::clone(&self.metadata),
        })
    }

    /// Every hundredth event, so that loading never folds many more than a hundred.
    fn is_snapshot_due(&self) -> bool {
        self.version() / SNAPSHOT_AFTER > self.base / SNAPSHOT_AFTER
    }

    fn snapshot(&self) -> Result<Snapshot, Refusal> {
        let state = serde_json::to_string(&self.state).map_err(Refusal::Encode)?;
        Ok(Snapshot { shape: A::SHAPE, state })
    }
}

impl<A: Remembered + Timed> Draft<A> {
    pub(crate) fn new() -> Self {
        Self {
            streams: Vec::new(),
            guards: BTreeMap::new(),
            claims: Vec::new(),
            receipt: None,
            reply: Reply::default(),
        }
    }

    /// What is to be written.
    pub(crate) fn unit(&mut self) -> Result<Unit, Refusal> {
        let streams = self.streams.iter().map(Stream::append).collect::<Result<Vec<_>, _>>()?;
        let guards = std::mem::take(&mut self.guards).into_iter();
        let guards = guards.map(|(aggregate, sequence)| Guard { aggregate, sequence });
        let guards = guards.filter(|guard| !streams.iter().any(|stream| stream.aggregate == guard.aggregate));
        Ok(Unit {
            id: Uuid::now_v7(),
            guards: guards.collect(),
            streams,
            claims: std::mem::take(&mut self.claims),
            receipt: self.receipt.take(),
        })
    }

    /// Keeps the aggregates at hand as they now are; gives the reply.
    pub(crate) fn remember(self, aggregates: &Aggregates) -> Reply {
        for stream in self.streams {
            let (version, occurred_at) = (stream.version(), Some(stream.occurred_at));
            aggregates.put(stream.id, Loaded { aggregate: stream.state, version, occurred_at });
        }
        self.reply
    }
}
