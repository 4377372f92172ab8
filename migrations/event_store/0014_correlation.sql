-- What one intent has set off, found again from any part of it. Ids of intents grow with time, so entries are appended.
CREATE INDEX events_by_correlation ON event_store.events ((metadata ->> 'correlation_id'), position);
ANALYZE event_store.events;
