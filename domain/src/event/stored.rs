//! Events as the log stores them: type, version and the bare payload apart.

use serde::{Serialize, de::DeserializeOwned};

use crate::upcasters;

/// Why a stored event cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// Nobody here knows this type, or this version of it.
    #[error("unknown event {event_type} version {event_version}")]
    Unknown {
        /// The stored type.
        event_type: String,
        /// The stored version.
        event_version: String,
    },
    /// The type is known, the payload is not of its shape.
    #[error("malformed payload of {event_type}: {source}")]
    Malformed {
        /// The stored type.
        event_type: String,
        /// What serde found.
        source: serde_json::Error,
    },
}

/// The payload of an event enum whose variants are tagged from outside: `{"task.assigned": X}` gives `X`.
pub fn to_stored(event: &impl Serialize) -> Result<String, serde_json::Error> {
    let mut tagged = serde_json::to_string(event)?;
    match tagged.find(':') {
        Some(colon) if tagged.ends_with('}') => {
            tagged.pop();
            tagged.drain(..=colon);
            Ok(tagged)
        }
        _ => Err(serde::ser::Error::custom("an event must be an externally tagged variant with a payload")),
    }
}

/// Reads a stored payload, whatever its version, as today's event; the opposite of [`to_stored`].
pub fn from_stored<E: DeserializeOwned>(
    event_type: &str,
    event_version: &str,
    payload: &str,
) -> Result<E, DecodeError> {
    let malformed = |source| DecodeError::Malformed { event_type: event_type.into(), source };
    let Some(current) = upcasters::current_version(event_type) else {
        return Err(unknown(event_type, event_version));
    };
    if event_version == current {
        return serde_json::from_str(&format!("{{\"{event_type}\":{payload}}}")).map_err(malformed);
    }
    let payload = serde_json::from_str(payload).map_err(malformed)?;
    let payload = upcasters::upcast(event_type, event_version, payload)
        .ok_or_else(|| unknown(event_type, event_version))?;
    serde_json::from_value(upcasters::tag(event_type, payload)).map_err(malformed)
}

fn unknown(event_type: &str, event_version: &str) -> DecodeError {
    DecodeError::Unknown { event_type: event_type.into(), event_version: event_version.into() }
}
