-- API keys. That there is one and what it may do is said by the user's events; here is what recognises it.

CREATE TABLE event_store.api_keys
(
    id              uuid             NOT NULL PRIMARY KEY,
    user_id         uuid             NOT NULL,
    -- SHA-256 of the key, which is 256 random bits: a slow hash would protect nothing
    key_hash        bytea            NOT NULL UNIQUE,
    -- so that people know it again
    last_characters text             NOT NULL,
    -- sealed with the user's key
    name            text             NOT NULL,
    scopes          text[] COLLATE "C" NOT NULL,
    expires_at      timestamptz      NOT NULL,
    -- how many reads, and how many writes; else as many as anybody
    rate_per_minute integer,
    created_at      timestamptz      NOT NULL DEFAULT clock_timestamp(),
    revoked_at      timestamptz,
    -- to the minute
    last_used_at    timestamptz
) WITH (fillfactor = 80);
CREATE INDEX api_keys_by_user ON event_store.api_keys (user_id, created_at);
CREATE INDEX api_keys_revoked ON event_store.api_keys (revoked_at) WHERE revoked_at IS NOT NULL;

-- The live key of that hash: all that a service that only reads may know of keys.
CREATE FUNCTION event_store.api_key(hash bytea)
    RETURNS TABLE (id uuid, user_id uuid, scopes text[], expires_at timestamptz, rate_per_minute integer)
    LANGUAGE sql
    STABLE
    SECURITY DEFINER
    SET search_path = event_store, pg_temp
    SET enable_seqscan = off
AS
$$
SELECT k.id, k.user_id, k.scopes, k.expires_at, k.rate_per_minute FROM api_keys k
 WHERE k.key_hash = hash AND k.revoked_at IS NULL AND k.expires_at > clock_timestamp()
$$;

-- Remembers that a key was used in this minute.
CREATE FUNCTION event_store.note_api_key_use(used uuid) RETURNS void
    LANGUAGE sql
    SECURITY DEFINER
    SET search_path = event_store, pg_temp
    SET enable_seqscan = off
AS
$$
UPDATE api_keys SET last_used_at = date_trunc('minute', clock_timestamp())
 WHERE id = used AND (last_used_at IS NULL OR last_used_at < date_trunc('minute', clock_timestamp()))
$$;

-- As before, and the keys that were revoked: who came with one is told like those whose session has ended, on open streams
-- too. A key stands in the place of a session.
CREATE OR REPLACE FUNCTION event_store.revoked(epoch_events text[], lookback interval)
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
         WHERE s.ended_at >= since
         UNION ALL
        SELECT 'session', k.id::text, NULL::bigint, extract(epoch FROM moment - k.revoked_at)::double precision
          FROM api_keys k
         WHERE k.revoked_at >= since;
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

REVOKE ALL ON FUNCTION event_store.api_key, event_store.note_api_key_use FROM PUBLIC;
GRANT EXECUTE ON FUNCTION event_store.api_key, event_store.note_api_key_use TO taskledger_command, taskledger_read;
GRANT SELECT, INSERT, UPDATE, DELETE ON event_store.api_keys TO taskledger_command;

ANALYZE event_store.api_keys;
