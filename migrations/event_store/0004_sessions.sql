-- A session is a family of refresh tokens of which at most two are good: the current one, and its successor until that
-- is first used. Neither is kept in clear.

ALTER TABLE event_store.sessions
    -- SHA-256 of the current token; none if a program of before has opened the session
    ADD COLUMN token_hash     bytea,
    -- SHA-256 of its successor; the successor itself under a key made from the current token; since when
    ADD COLUMN next_hash      bytea,
    ADD COLUMN next_token     bytea,
    ADD COLUMN next_at        timestamptz,
    ADD COLUMN last_active_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- the user's session_epoch at the login; sessions of older epochs are over
    ADD COLUMN epoch          bigint      NOT NULL DEFAULT 0,
    -- ended because an old token came back: from this address (sealed)
    ADD COLUMN reused_from    text,
    ADD CHECK ((next_hash IS NULL) = (next_token IS NULL) AND (next_hash IS NULL) = (next_at IS NULL));

-- Sessions from before have no refresh token and end with their access tokens.
UPDATE event_store.sessions SET ended_at = clock_timestamp() WHERE ended_at IS NULL;

ALTER TABLE event_store.sessions ALTER COLUMN ip SET NOT NULL;
