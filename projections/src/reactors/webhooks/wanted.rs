//! Which types of events any endpoint names, so that a log full of others costs nothing.

use std::sync::{Mutex, PoisonError};

use domain::event::EventPattern;
use event_store::envelope::Envelope;
use sqlx::{PgConnection, types::Json};

/// What is known of that. It is forgotten at every event about a webhook, and wherever events were left out: another process
/// may have learned more meanwhile.
#[derive(Debug, Default)]
pub(super) struct Wanted(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    /// None: anything may be wanted.
    patterns: Option<Vec<EventPattern>>,
    /// The last event that was looked at.
    seen: i64,
}

const PATTERNS: &str = "SELECT DISTINCT jsonb_array_elements(definition -> 'event_types') FROM webhooks";

impl Wanted {
    /// Whether anybody may want the event, which is the next one.
    pub(super) fn names(&self, event: &Envelope) -> bool {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if event.position != known.seen + 1 {
            known.patterns = None;
        }
        known.seen = event.position;
        let patterns = known.patterns.as_deref();
        patterns.is_none_or(|all| all.iter().any(|pattern| pattern.matches(&event.event_type)))
    }

    /// Endpoints are others from this event on, the next one.
    pub(super) fn forget(&self, position: i64) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (known.patterns, known.seen) = (None, position);
    }

    /// Looks again.
    pub(super) async fn learn(&self, tables: &mut PgConnection) -> sqlx::Result<()> {
        let patterns: Vec<Json<EventPattern>> = sqlx::query_scalar(PATTERNS).fetch_all(tables).await?;
        let patterns = patterns.into_iter().map(|Json(pattern)| pattern).collect();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).patterns = Some(patterns);
        Ok(())
    }
}
