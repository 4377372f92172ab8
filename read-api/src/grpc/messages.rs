//! Events and places as messages.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use event_store::envelope::Envelope;
use prost::Message;
use proto::v1::{
    ConsumeResponse, Delivery, Event, FellBehind, Place as WirePlace, SubscribeResponse, consume_response,
    subscribe_response,
};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::codec::{Encoded, as_field};
use crate::events::Place;

/// Of both messages that bear an event.
const EVENT: u32 = 1;
/// Of `ConsumeResponse`.
const DELIVERY: u32 = 2;

/// A CloudEvent as it is published.
#[derive(Deserialize)]
struct Published<'a> {
    specversion: &'a str,
    id: &'a str,
    source: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
    subject: &'a str,
    dataschema: &'a str,
    datacontenttype: &'a str,
    sequence: &'a str,
    partitionkey: &'a str,
    aggregateversion: i64,
    requestid: &'a str,
    correlationid: &'a str,
    causationid: Option<&'a str>,
    traceparent: Option<&'a str>,
    authtype: &'a str,
    authid: Option<&'a str>,
    onbehalfof: Option<&'a str>,
    #[serde(borrow)]
    data: &'a RawValue,
}

/// The same event as message: what is published, attribute by attribute.
fn message(event: &Envelope) -> serde_json::Result<Event> {
    let published: Published<'_> = serde_json::from_slice(&event.bytes)?;
    Ok(Event {
        specversion: published.specversion.into(),
        id: published.id.into(),
        source: published.source.into(),
        r#type: published.kind.into(),
        subject: published.subject.into(),
        time: Some(timestamp(event.occurred_at.as_datetime())),
        dataschema: published.dataschema.into(),
        datacontenttype: published.datacontenttype.into(),
        sequence: published.sequence.into(),
        position: event.position,
        partitionkey: published.partitionkey.into(),
        aggregateversion: published.aggregateversion,
        recordedtime: Some(timestamp(event.recorded_at.as_datetime())),
        requestid: published.requestid.into(),
        correlationid: published.correlationid.into(),
        causationid: published.causationid.map(Into::into),
        traceparent: published.traceparent.map(Into::into),
        authtype: published.authtype.into(),
        authid: published.authid.map(Into::into),
        onbehalfof: published.onbehalfof.map(Into::into),
        data: published.data.get().into(),
    })
}

fn timestamp(time: DateTime<Utc>) -> prost_types::Timestamp {
    let nanos = i32::try_from(time.timestamp_subsec_nanos()).unwrap_or_default();
    prost_types::Timestamp { seconds: time.timestamp(), nanos }
}

/// An event as field of what bears it: the piece that all subscribers share.
pub(crate) fn shared(event: &Envelope) -> serde_json::Result<Bytes> {
    message(event).map(|event| event_field(&event))
}

pub(super) fn event_field(event: &Event) -> Bytes {
    as_field(EVENT, event)
}

/// An event that waits for its answer.
pub(super) fn delivery(shared: Bytes, attempt: i32) -> Encoded {
    let attempt = Delivery { event: None, attempt }.encode_to_vec();
    Encoded::within(DELIVERY, shared, attempt.into())
}

fn place(place: Place) -> WirePlace {
    WirePlace { after: place.after, epoch: place.epoch.to_string() }
}

/// What streams of events say beside events.
pub(super) trait Frames {
    fn checkpoint(at: Place) -> Encoded;
    fn caught_up(at: Place) -> Encoded;
    fn fell_behind(at: Place, reason: &str) -> Encoded;
}

macro_rules! frames {
    ($response:ident, $message:ident) => {
        impl Frames for $response {
            fn checkpoint(at: Place) -> Encoded {
                (&Self { message: Some($message::Message::Checkpoint(place(at))) }).into()
            }

            fn caught_up(at: Place) -> Encoded {
                (&Self { message: Some($message::Message::CaughtUp(place(at))) }).into()
            }

            fn fell_behind(at: Place, reason: &str) -> Encoded {
                let fell_behind = FellBehind { place: Some(place(at)), reason: reason.to_owned() };
                (&Self { message: Some($message::Message::FellBehind(fell_behind)) }).into()
            }
        }
    };
}

frames!(SubscribeResponse, subscribe_response);
frames!(ConsumeResponse, consume_response);
