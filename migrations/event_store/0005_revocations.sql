-- What makes access tokens worthless before their time: sessions that have ended, users whose rights have changed,
-- signing keys that were dropped. Every process that verifies tokens asks for it once a second.

CREATE INDEX sessions_ended ON event_store.sessions (ended_at) WHERE ended_at IS NOT NULL;

-- Dropped in an emergency: no token that it signed is believed, whenever it was issued.
ALTER TABLE event_store.signing_keys ADD COLUMN dropped_at timestamptz;

-- Sessions that have ended and users whose rights have changed within `lookback`, and all dropped keys; each with the
-- seconds since then. A user's epoch is the number of the user's events of the types in `epoch_events`.
--
-- The types are compared in this roundabout way because a plan for `event_type = type` may read the whole log.
CREATE FUNCTION event_store.revoked(epoch_events text[], lookback interval)
    RETURNS TABLE (kind text, id text, epoch bigint, age double precision)
    LANGUAGE plpgsql
    STABLE
    SECURITY DEFINER
    SET search_path = event_store, pg_temp
    SET enable_seqscan = off
    SET jit = off
AS
$$
DECLARE
    moment timestamptz := clock_timestamp();
    since  timestamptz := moment - lookback;
    start  bigint := position_at(since);
BEGIN
    RETURN QUERY
        SELECT 'session', s.id::text, NULL::bigint, extract(epoch FROM moment - s.ended_at)::double precision
          FROM sessions s
         WHERE s.ended_at >= since;
    RETURN QUERY
        SELECT 'user', changed.id, (SELECT count(*) FROM events e
                                     WHERE e.aggregate_type = 'user' AND e.aggregate_id = changed.id
                                       AND e.event_type = ANY (epoch_events)),
               extract(epoch FROM moment - changed.changed_at)::double precision
          FROM (SELECT e.aggregate_id::text COLLATE "C" AS id, max(e.recorded_at) AS changed_at
                  FROM unnest(epoch_events) AS t (type)
                 CROSS JOIN LATERAL (SELECT * FROM events
                                      WHERE (event_type, position) > (t.type, start) AND event_type <= t.type) AS e
                 GROUP BY 1) AS changed;
    RETURN QUERY
        SELECT 'key', k.kid::text, NULL::bigint, extract(epoch FROM moment - k.dropped_at)::double precision
          FROM signing_keys k
         WHERE k.dropped_at IS NOT NULL;
END
$$;

REVOKE ALL ON FUNCTION event_store.revoked FROM PUBLIC;
GRANT EXECUTE ON FUNCTION event_store.revoked TO taskledger_command, taskledger_read;

ANALYZE event_store.sessions, event_store.signing_keys;
