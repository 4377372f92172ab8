-- Second factors. Which secret and which recovery codes are in force is said by the user's events: a row that none of
-- them names is nothing, so an enrolment that is never confirmed needs no undoing.

CREATE TABLE event_store.totp_secrets
(
    id         uuid        NOT NULL PRIMARY KEY,
    user_id    uuid        NOT NULL,
    -- nonce and XChaCha20-Poly1305 of 20 bytes, under a key derived from the installation's secret key
    secret     bytea       NOT NULL,
    -- number of the 30 seconds whose code was accepted last; a code is good once
    last_step  bigint      NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (fillfactor = 80);
CREATE INDEX totp_secrets_by_user ON event_store.totp_secrets (user_id);

CREATE TABLE event_store.recovery_codes
(
    id         uuid        NOT NULL,
    number     smallint    NOT NULL,
    user_id    uuid        NOT NULL,
    -- HMAC-SHA256 under a key derived from the installation's secret key
    code_hash  bytea       NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (id, number)
);
CREATE INDEX recovery_codes_by_user ON event_store.recovery_codes (user_id);

-- Logins whose password was right and whose second factor is awaited.
CREATE TABLE event_store.half_logins
(
    -- SHA-256 of the mfa_token
    token_hash bytea       NOT NULL PRIMARY KEY,
    user_id    uuid        NOT NULL,
    -- the user's session_epoch then: what ends all sessions ends these too
    epoch      bigint      NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX half_logins_by_expiry ON event_store.half_logins (expires_at);

-- Guesses at second factors, counted before they are judged; a right one takes the row away.
CREATE TABLE event_store.second_step_tries
(
    user_id uuid        NOT NULL PRIMARY KEY,
    tries   integer     NOT NULL,
    last_at timestamptz NOT NULL
) WITH (fillfactor = 80);

GRANT SELECT, INSERT, UPDATE, DELETE ON event_store.totp_secrets, event_store.recovery_codes,
    event_store.half_logins, event_store.second_step_tries TO taskledger_command;
