//! What goes to many is encoded once.

use event_store::envelope::Envelope;
use quick_cache::{
    DefaultHashBuilder, OptionsBuilder, Weighter,
    sync::{Cache, DefaultLifecycle},
};
use uuid::Uuid;

/// Bytes that are remembered, as many as of the end of the log …
const BYTES: u64 = 16 << 20;
/// … and events: those who are at the end of the log ask for the same ones.
const EVENTS: u64 = 4_096;
/// Parts with a lock each; the largest event has room in one.
const SHARDS: usize = 8;

/// Events in one encoding.
pub(super) struct Remembered<T>(Cache<i64, (Uuid, T), Size>);

/// However small an event is, there are no more than so many.
#[derive(Clone, Copy, Debug)]
struct Size;

impl<T: AsRef<[u8]>> Weighter<i64, (Uuid, T)> for Size {
    fn weight(&self, _: &i64, (_, encoded): &(Uuid, T)) -> u64 {
        (encoded.as_ref().len() as u64).max(BYTES / EVENTS)
    }
}

impl<T: AsRef<[u8]> + Clone> Remembered<T> {
    pub(super) fn new() -> Self {
        let options = OptionsBuilder::new()
            .shards(SHARDS)
            .estimated_items_capacity(EVENTS as usize)
            .weight_capacity(BYTES)
            .build()
            .expect("both capacities are given");
        Self(Cache::with_options(options, Size, DefaultHashBuilder::default(), DefaultLifecycle::default()))
    }

    /// The event, encoded if it has to be.
    pub(super) fn get<E>(
        &self,
        event: &Envelope,
        encode: impl FnOnce(&Envelope) -> Result<T, E>,
    ) -> Result<T, E> {
        // After a restore another event may stand there.
        if let Some((_, encoded)) = self.0.get(&event.position).filter(|(id, _)| *id == event.id.0) {
            return Ok(encoded);
        }
        let encoded = encode(event)?;
        self.0.insert(event.position, (event.id.0, encoded.clone()));
        Ok(encoded)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use serde_json::json;

    use super::*;

    /// Longer ones are in no log.
    const LARGEST: usize = 512 << 10;

    fn event(position: i64, size: usize) -> Envelope {
        let id = Uuid::now_v7();
        let time = "2026-11-21T05:00:00.000001Z";
        let event = json!({
            "specversion": "1.0", "id": id, "source": "/taskledger/tasks", "type": "task.commented.v1", "subject": id,
            "time": time, "dataschema": "urn:taskledger:event:task.commented.v1",
            "datacontenttype": "application/json", "sequence": format!("{position:020}"), "partitionkey": id,
            "aggregateversion": 1, "recordedtime": time, "requestid": id, "correlationid": id,
            "authtype": "system", "data": {"text": "x".repeat(size)},
        });
        Envelope::decode(event.to_string().into()).unwrap()
    }

    fn remember(remembered: &Remembered<Bytes>, event: &Envelope) {
        let Ok(_) = remembered.get(event, |event| Ok::<_, std::convert::Infallible>(event.bytes.clone()));
    }

    #[test]
    fn what_is_remembered_is_bounded_whatever_its_size() {
        let remembered = Remembered::new();
        for (size, most) in [(LARGEST, 32), (0, EVENTS as usize)] {
            let mut last = event(1, size);
            for position in 1..=2 * most as i64 {
                last = Envelope { position, id: event(1, 0).id, ..last };
                remember(&remembered, &last);
                let known = remembered.get(&last, |_| Err("encoded twice"));
                assert_eq!(known, Ok(last.bytes.clone()), "{position}");
            }
            assert!(remembered.0.weight() <= BYTES && remembered.0.len() <= most, "{}", remembered.0.len());
        }
    }

    #[test]
    fn another_event_at_its_place_is_another() {
        let remembered = Remembered::new();
        let (old, new) = (event(1, 1), event(1, 2));
        remember(&remembered, &old);
        remember(&remembered, &new);
        assert_eq!(remembered.get(&new, |_| Err(())), Ok(new.bytes.clone()));
        assert_eq!(remembered.get(&old, |_| Err("it is gone")), Err("it is gone"));
    }
}
