//! What is on its way to an endpoint, and for what reason.

use std::{fmt, str::FromStr};

use domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The payload of a delivery. Events are read from the log when they are sent, byte for byte as they were published.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Message {
    /// An event of the log.
    Event {
        /// Where it stands.
        position: i64,
    },
    /// Something to try the endpoint with.
    Test {
        /// The id that it bears.
        test: Uuid,
        /// When it was asked for.
        time: Timestamp,
    },
}

/// Whom a delivery is for: an endpoint, or one replay to it; `<endpoint>`, `<endpoint>/<replay>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Route {
    /// The endpoint.
    pub(crate) endpoint: Uuid,
    /// What sends it again.
    pub(crate) replay: Option<Uuid>,
}

/// The text is no route.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the recipient of a webhook")]
pub(crate) struct InvalidRoute;

impl From<Uuid> for Route {
    fn from(endpoint: Uuid) -> Self {
        Self { endpoint, replay: None }
    }
}

impl FromStr for Route {
    type Err = InvalidRoute;

    fn from_str(text: &str) -> Result<Self, InvalidRoute> {
        let uuid = |text: &str| Uuid::parse_str(text).map_err(|_| InvalidRoute);
        let Some((endpoint, replay)) = text.split_once('/') else { return uuid(text).map(Self::from) };
        Ok(Self { endpoint: uuid(endpoint)?, replay: Some(uuid(replay)?) })
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.endpoint.fmt(f)?;
        self.replay.map_or(Ok(()), |replay| write!(f, "/{replay}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_are_read_as_they_are_written() {
        let endpoint = Uuid::now_v7();
        for route in [Route::from(endpoint), Route { endpoint, replay: Some(Uuid::now_v7()) }] {
            assert_eq!(route.to_string().parse(), Ok(route));
        }
        for bad in ["", "ann", "/", &format!("{endpoint}/"), &format!("{endpoint}/ann")] {
            assert_eq!(bad.parse::<Route>(), Err(InvalidRoute), "{bad}");
        }
    }
}
