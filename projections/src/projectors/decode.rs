//! From envelopes to typed events, and from whole histories to rows.

use std::sync::Arc;

use domain::event::{DecodeError, from_stored};
use event_store::envelope::Envelope;
use serde::de::DeserializeOwned;

use crate::projector::{ApplyError, FoldError, Unfoldable};

/// An event and its circumstances.
pub(super) struct Decoded<E> {
    pub(super) at: Arc<Envelope>,
    pub(super) event: E,
}

/// Reads all of them; the first that is unknown or malformed fails the whole.
pub(super) fn decode<E: DeserializeOwned>(events: &[Arc<Envelope>]) -> Result<Vec<Decoded<E>>, DecodeError> {
    events.iter().map(|at| Ok(Decoded { at: at.clone(), event: decode_one(at)? })).collect()
}

/// Reads one.
pub(super) fn decode_one<E: DeserializeOwned>(at: &Envelope) -> Result<E, DecodeError> {
    from_stored(&at.event_type, &at.event_version, at.data.get())
}

/// The rows that whole histories fold into. A history that cannot be folded to its end gives the row before the event
/// at fault, as if that event and all after it were parked.
pub(super) fn fold_histories<E: DeserializeOwned, R: Clone>(
    histories: &[Vec<Arc<Envelope>>],
    mut fold: impl FnMut(Option<R>, &Envelope, &E) -> Result<R, FoldError>,
) -> (Vec<R>, Vec<Unfoldable>) {
    let mut unfoldable = Vec::new();
    let mut rows = Vec::with_capacity(histories.len());
    for history in histories {
        let mut row: Option<R> = None;
        for at in history {
            let before = row.clone();
            let next = decode_one(at)
                .map_err(ApplyError::from)
                .and_then(|event| fold(row.take(), at, &event).map_err(Into::into));
            match next {
                Ok(next) => row = Some(next),
                Err(error) => {
                    unfoldable.push(unfoldable_event(at, &error));
                    row = before;
                    break;
                }
            }
        }
        rows.extend(row);
    }
    (rows, unfoldable)
}

/// Names the event at fault.
pub(super) fn unfoldable_event(at: &Envelope, error: &ApplyError) -> Unfoldable {
    Unfoldable { aggregate_id: at.aggregate_id, position: at.position, reason: error.to_string() }
}
