//! One event as it goes over the wire.

use bytes::Bytes;
use serde::Serialize;

use super::pipe::Item;

/// An encoded event. Cheap to clone: whatever goes to many is encoded once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame(Bytes);

impl Frame {
    /// What keeps a connection alive and means nothing.
    pub(super) const COMMENT: Self = Self(Bytes::from_static(b":\n\n"));

    /// An event of this name; `id` is where the client goes on when it comes again with it as `Last-Event-ID`.
    pub(crate) fn new(id: Option<&str>, event: &str, data: &str) -> Self {
        let mut text = String::with_capacity(data.len() + 64);
        for (field, value) in [("id", id), ("event", Some(event))] {
            if let Some(value) = value {
                text.extend([field, ": ", value, "\n"]);
            }
        }
        for line in data.split('\n') {
            text.extend(["data: ", line, "\n"]);
        }
        text.push('\n');
        Self(text.into())
    }

    /// An event whose data is JSON without line breaks and whose place is this.
    pub(crate) fn bytes_at(place: i64, event: &str, json: &[u8]) -> Self {
        let head = format!("id: {place}\nevent: {event}\ndata: ");
        Self([head.as_bytes(), json, b"\n\n"].concat().into())
    }

    /// An event whose data is JSON, which has no line breaks.
    pub(crate) fn json(event: &str, data: &impl Serialize) -> serde_json::Result<Self> {
        serde_json::to_string(data).map(|data| Self::new(None, event, &data))
    }

    /// The same; a client that comes again goes on behind this place.
    pub(crate) fn json_at(place: i64, event: &str, data: &impl Serialize) -> serde_json::Result<Self> {
        serde_json::to_string(data).map(|data| Self::new(Some(&place.to_string()), event, &data))
    }

    /// Many of them as one piece; no more are joined than may wait.
    pub(super) fn join(mut frames: Vec<Self>) -> Bytes {
        match &mut frames[..] {
            [one] => std::mem::take(&mut one.0),
            many => many.iter().map(|Self(frame)| &frame[..]).collect::<Vec<_>>().concat().into(),
        }
    }
}

impl AsRef<[u8]> for Frame {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Item for Frame {
    fn bytes(&self) -> usize {
        self.0.len()
    }
}

impl From<Frame> for Bytes {
    fn from(Frame(bytes): Frame) -> Self {
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_data_is_a_field() {
        let text = |frame: Frame| String::from_utf8(Bytes::from(frame).to_vec()).unwrap();
        assert_eq!(text(Frame::new(Some("7"), "x", "a\nb")), "id: 7\nevent: x\ndata: a\ndata: b\n\n");
        assert_eq!(
            text(Frame::json("x", &serde_json::json!({"a": "b\nc"})).unwrap()),
            "event: x\ndata: {\"a\":\"b\\nc\"}\n\n"
        );
    }

    #[test]
    fn frames_follow_each_other() {
        let frames = ["a", "b"].map(|data| Frame::new(None, "x", data));
        let joined = Frame::join(frames.to_vec());
        assert_eq!(joined, "event: x\ndata: a\n\nevent: x\ndata: b\n\n");
        assert_eq!(Frame::join(vec![Frame::COMMENT]), ":\n\n");
    }
}
