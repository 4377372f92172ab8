-- Logins by outside providers. What one has begun is sealed in a cookie of its browser and is kept nowhere; whose identity
-- is whose is said by the users' events and by a claim on (issuer, subject).

-- States that came back from a provider: each does so once.
CREATE TABLE event_store.oidc_states_used
(
    -- SHA-256 of the state
    state_hash bytea       NOT NULL PRIMARY KEY,
    -- afterwards the cookie is too old anyway
    expires_at timestamptz NOT NULL
);
CREATE INDEX oidc_states_used_by_expiry ON event_store.oidc_states_used (expires_at);

-- Logins that are done but for the tokens, which a client fetches with a code.
CREATE TABLE event_store.login_codes
(
    -- SHA-256 of the code
    code_hash  bytea       NOT NULL PRIMARY KEY,
    user_id    uuid        NOT NULL,
    -- the user's session_epoch then: what ends all sessions ends these too
    epoch      bigint      NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX login_codes_by_expiry ON event_store.login_codes (expires_at);

-- How the first step was taken of a login that awaits its second.
ALTER TABLE event_store.half_logins ADD COLUMN methods text[] NOT NULL DEFAULT '{pwd}';

GRANT SELECT, INSERT, DELETE ON event_store.oidc_states_used, event_store.login_codes TO taskledger_command;
