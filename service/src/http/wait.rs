//! `Prefer: wait=10` (RFC 7240): how long a client would wait for the end of what takes long.

use std::{convert::Infallible, time::Duration};

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, HeaderName, HeaderValue, request::Parts},
};
use tokio::time::Instant;

use super::{deadline::Deadline, headers::joined};

const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");
/// Nobody waits longer, however much time there is.
const LONGEST: Duration = Duration::from_secs(30);

/// How long to wait, if at all. All other preferences are ignored, as the standard wants it, and so are malformed ones;
/// `respond-async` is what happens anyway.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wait(Option<u64>);

impl Wait {
    /// What the client asks for, as far as it can be had in this time, of which answering takes some.
    fn within(headers: &HeaderMap, left: Duration) -> Self {
        let text = joined(headers, "prefer").ok().flatten();
        let asked = text.as_deref().and_then(asked).unwrap_or_default();
        let most = LONGEST.min(left * 4 / 5).as_secs();
        Self(Some(asked.min(most)).filter(|seconds| *seconds > 0))
    }

    /// How long.
    pub fn limit(self) -> Option<Duration> {
        self.0.map(Duration::from_secs)
    }

    /// Says in an answer how long was, or would have been, waited.
    pub fn tell(self, headers: &mut HeaderMap) {
        let text = self.0.map(|seconds| format!("wait={seconds}"));
        if let Some(value) = text.and_then(|text| HeaderValue::from_str(&text).ok()) {
            headers.insert(PREFERENCE_APPLIED, value);
        }
    }
}

/// The seconds of the first `wait` in a list of preferences.
fn asked(preferences: &str) -> Option<u64> {
    let mut preferences = preferences.split(',').map(|preference| {
        let preference = preference.split(';').next().unwrap_or_default();
        preference.split_once('=').unwrap_or((preference, ""))
    });
    let (_, value) = preferences.find(|(name, _)| name.trim().eq_ignore_ascii_case("wait"))?;
    value.trim().trim_matches('"').parse().ok()
}

impl<S: Sync> FromRequestParts<S> for Wait {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let deadline = parts.extensions.get();
        let left = deadline.map_or(LONGEST, |Deadline(at)| at.saturating_duration_since(Instant::now()));
        Ok(Self::within(&parts.headers, left))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(lines: &[&'static str], left: u64) -> Option<u64> {
        let lines = lines.iter().map(|line| ("prefer".parse().unwrap(), HeaderValue::from_static(line)));
        let headers: HeaderMap = lines.collect();
        Wait::within(&headers, Duration::from_secs(left)).0
    }

    #[test]
    fn the_first_wait_counts_and_all_else_is_ignored() {
        for good in ["respond-async, wait=10", "return=minimal; x, WAIT = \"10\"", "wait=10;x=1, wait=20"] {
            assert_eq!(seconds(&[good], 60), Some(10), "{good}");
        }
        assert_eq!(seconds(&["respond-async", "wait=10"], 60), Some(10));
        for none in
            ["respond-async", "wait", "wait=", "wait=0", "wait=-1", "wait=soon", "wait=1.5", "", "=10"]
        {
            assert_eq!(seconds(&[none], 60), None, "{none}");
        }
    }

    #[test]
    fn nobody_waits_longer_than_an_answer_may_take() {
        assert_eq!(seconds(&["wait=3600"], 3600), Some(30));
        assert_eq!(seconds(&["wait=3600"], 30), Some(24));
        assert_eq!(seconds(&["wait=3600"], 1), None);
        assert_eq!(seconds(&["wait=18446744073709551616"], 30), None);
    }
}
