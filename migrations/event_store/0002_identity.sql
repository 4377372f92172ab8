-- Who may come in: password hashes, sessions, the keys that sign access tokens. None of it is an event.

CREATE TABLE event_store.credentials
(
    user_id       uuid        NOT NULL PRIMARY KEY,
    -- Argon2id in PHC form, parameters included
    password_hash text        NOT NULL,
    changed_at    timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE event_store.sessions
(
    id         uuid             NOT NULL PRIMARY KEY,
    user_id    uuid             NOT NULL,
    -- when and how the person proved who they are
    auth_time  timestamptz      NOT NULL,
    methods    text[] COLLATE "C" NOT NULL,
    -- sealed with the user's key
    ip         text,
    user_agent text,
    created_at timestamptz      NOT NULL DEFAULT clock_timestamp(),
    ended_at   timestamptz
) WITH (fillfactor = 80);
CREATE INDEX sessions_by_user ON event_store.sessions (user_id) WHERE ended_at IS NULL;

CREATE TABLE event_store.signing_keys
(
    kid         text COLLATE "C" NOT NULL PRIMARY KEY,
    -- Ed25519, 32 bytes
    public_key  bytea            NOT NULL,
    -- nonce and XChaCha20-Poly1305 of the 32 secret bytes, under a key derived from the installation's secret key
    private_key bytea            NOT NULL,
    created_at  timestamptz      NOT NULL DEFAULT clock_timestamp(),
    -- signs from then on; published before
    use_from    timestamptz      NOT NULL,
    -- no longer published after
    retired_at  timestamptz
);

-- A path names a task by its key too: `T-123`. The key is in the first event, which never changes.
CREATE INDEX events_by_task_key ON event_store.events (((payload ->> 'key') COLLATE "C"))
    WHERE event_type = 'task.created';

GRANT SELECT, INSERT, UPDATE, DELETE ON event_store.credentials, event_store.sessions, event_store.signing_keys
    TO taskledger_command;
