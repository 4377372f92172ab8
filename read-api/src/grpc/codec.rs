//! Messages on their way out: what goes to many is encoded once.

use std::marker::PhantomData;

use bytes::{BufMut, Bytes};
use prost::{
    Message,
    encoding::{WireType, encode_key, encode_varint, encoded_len_varint, key_len},
};
use tonic::{
    Status,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
};

/// A message, in as many pieces as it has parts that others get too.
#[derive(Clone, Debug, Default)]
pub(crate) struct Encoded {
    head: Bytes,
    shared: Bytes,
    tail: Bytes,
}

impl<M: Message> From<&M> for Encoded {
    fn from(message: &M) -> Self {
        Self { head: message.encode_to_vec().into(), ..Self::default() }
    }
}

impl Encoded {
    /// A message that is nothing but this.
    pub(super) fn of(shared: Bytes) -> Self {
        Self { shared, ..Self::default() }
    }

    pub(super) fn len(&self) -> usize {
        self.head.len() + self.shared.len() + self.tail.len()
    }

    /// A message whose only field is the message that begins with `shared` and ends with `tail`.
    pub(super) fn within(field: u32, shared: Bytes, tail: Bytes) -> Self {
        Self { head: opening(field, shared.len() + tail.len()).into(), shared, tail }
    }
}

/// A message as a field of another.
pub(super) fn as_field(field: u32, message: &impl Message) -> Bytes {
    let mut bytes = opening(field, message.encoded_len());
    bytes.extend(message.encode_to_vec());
    bytes.into()
}

/// What stands before a message of this length.
fn opening(field: u32, length: usize) -> Vec<u8> {
    let length = length as u64;
    let mut bytes = Vec::with_capacity(key_len(field) + encoded_len_varint(length));
    encode_key(field, WireType::LengthDelimited, &mut bytes);
    encode_varint(length, &mut bytes);
    bytes
}

/// Reads messages of one kind, and writes what is encoded.
#[derive(Debug)]
pub(super) struct Pieces<D>(PhantomData<fn() -> D>);

impl<D> Default for Pieces<D> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<D: Message + Default + 'static> Codec for Pieces<D> {
    type Encode = Encoded;
    type Decode = D;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self::default()
    }

    fn decoder(&mut self) -> Self {
        Self::default()
    }
}

impl<D> Encoder for Pieces<D> {
    type Item = Encoded;
    type Error = Status;

    fn encode(&mut self, message: Encoded, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        let Encoded { head, shared, tail } = message;
        [head, shared, tail].into_iter().for_each(|piece| buffer.put(piece));
        Ok(())
    }
}

impl<D: Message + Default> Decoder for Pieces<D> {
    type Item = D;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<D>, Status> {
        D::decode(buffer).map(Some).map_err(|error| Status::invalid_argument(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use proto::v1::{
        ConsumeResponse, Delivery, Event, SubscribeResponse, consume_response, subscribe_response,
    };

    use super::*;
    use crate::grpc::messages::{delivery, event_field};

    fn bytes(encoded: Encoded) -> Vec<u8> {
        [encoded.head, encoded.shared, encoded.tail].concat()
    }

    #[test]
    fn pieces_make_the_message() {
        let event = Event { id: "x".repeat(300), position: 7, ..Event::default() };
        let shared = event_field(&event);
        let plain = SubscribeResponse { message: Some(subscribe_response::Message::Event(event.clone())) };
        assert_eq!(bytes(Encoded::of(shared.clone())), plain.encode_to_vec());
        for attempt in [1, 200] {
            let handed_out = Delivery { event: Some(event.clone()), attempt };
            let message = consume_response::Message::Delivery(handed_out);
            let plain = ConsumeResponse { message: Some(message) };
            assert_eq!(bytes(delivery(shared.clone(), attempt)), plain.encode_to_vec());
        }
    }
}
