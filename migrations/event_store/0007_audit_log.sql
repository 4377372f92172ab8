-- What is no event and still must be known: who came in and went, and who was refused what. Rows are added and stay as
-- they are. Nothing personal stands in clear, no token and no password in any form.
CREATE TABLE event_store.audit_log
(
    -- version 7, as all ids here
    id             uuid             NOT NULL PRIMARY KEY,
    occurred_at    timestamptz      NOT NULL,
    recorded_at    timestamptz      NOT NULL DEFAULT clock_timestamp(),
    -- as the API's document names it: `auth.login`, `tasks.start`
    action         text COLLATE "C" NOT NULL,
    outcome        text COLLATE "C" NOT NULL CHECK (outcome IN ('success', 'failure', 'denied')),
    status         integer          NOT NULL,
    -- of the problem; none of a success
    code           text COLLATE "C",
    -- who was known to be acting
    actor          uuid,
    session        uuid,
    -- sealed with the key of the person, else with that of nobody in particular (the nil UUID)
    ip             text,
    user_agent     text,
    request_id     uuid             NOT NULL,
    correlation_id uuid             NOT NULL,
    trace_id       text COLLATE "C" NOT NULL,
    method         text COLLATE "C" NOT NULL,
    -- the template, never the path
    route          text COLLATE "C" NOT NULL,
    target_type    text COLLATE "C",
    target_id      text COLLATE "C",
    -- SHA-256 of the Idempotency-Key
    key_hash       text COLLATE "C",
    -- above 1: so many alike from one address within a minute; what they do not share is left out
    count          integer          NOT NULL DEFAULT 1 CHECK (count > 0)
);
CREATE INDEX audit_log_by_time ON event_store.audit_log (occurred_at);

GRANT INSERT ON event_store.audit_log TO taskledger_command;
