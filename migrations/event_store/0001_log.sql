-- The log and what is written with it: the only truth. See ARCHITECTURE.md.

-- Roles belong to the whole server, so another database (or another migration at this moment) may have made them.
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['taskledger_command', 'taskledger_projections', 'taskledger_read'] LOOP
        BEGIN
            EXECUTE format('CREATE ROLE %I NOLOGIN', name);
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;
        END;
        BEGIN
            EXECUTE format('GRANT %I TO %I', name, current_user);
        EXCEPTION WHEN insufficient_privilege OR invalid_grant_operation OR unique_violation OR internal_error THEN
            NULL; -- a superuser needs no membership; another owner gets it from the operator
        END;
    END LOOP;
END $$;

GRANT USAGE ON SCHEMA event_store TO taskledger_command, taskledger_projections, taskledger_read;

-- Columns of postgres-es plus the place in the log. Texts that are only compared for equality sort by bytes.
CREATE TABLE event_store.events
(
    position       bigint           NOT NULL PRIMARY KEY CHECK (position > 0),
    sequence       bigint           NOT NULL CHECK (sequence > 0),
    recorded_at    timestamptz      NOT NULL,
    event_id       uuid             NOT NULL,
    aggregate_type text COLLATE "C" NOT NULL,
    aggregate_id   text COLLATE "C" NOT NULL,
    event_type     text COLLATE "C" NOT NULL,
    event_version  text COLLATE "C" NOT NULL,
    payload        json             NOT NULL,
    metadata       json             NOT NULL,
    UNIQUE (aggregate_type, aggregate_id, sequence)
);
CREATE INDEX events_by_type ON event_store.events (event_type, position);

-- One row: the lock that serialises appends, and the log's epoch. Never updated by an append.
CREATE TABLE event_store.log_head
(
    single boolean NOT NULL PRIMARY KEY DEFAULT true CHECK (single),
    epoch  uuid    NOT NULL DEFAULT gen_random_uuid()
);
INSERT INTO event_store.log_head DEFAULT VALUES;

-- The state of long aggregates after their event `last_sequence`; ignored when the shape is not today's.
CREATE TABLE event_store.snapshots
(
    aggregate_type text COLLATE "C" NOT NULL,
    aggregate_id   text COLLATE "C" NOT NULL,
    last_sequence  bigint           NOT NULL CHECK (last_sequence > 0),
    shape          integer          NOT NULL,
    payload        json             NOT NULL,
    PRIMARY KEY (aggregate_type, aggregate_id)
) WITH (fillfactor = 80);

CREATE TABLE event_store.unique_claims
(
    scope text COLLATE "C" NOT NULL,
    value text COLLATE "C" NOT NULL,
    owner uuid             NOT NULL,
    PRIMARY KEY (scope, value)
);

-- Answers kept for retries: class `day` for 24 hours in partitions of a day, class `quarter` for 90 days in partitions
-- of a month (a look-up touches every live partition, and 90 would be too many).
CREATE TABLE event_store.command_receipts
(
    class       text COLLATE "C" NOT NULL,
    day         date             NOT NULL,
    principal   text COLLATE "C" NOT NULL,
    key         text COLLATE "C" NOT NULL,
    unit_id     uuid             NOT NULL,
    position    bigint           NOT NULL,
    recorded_at timestamptz      NOT NULL,
    status      integer          NOT NULL,
    fingerprint bytea            NOT NULL,
    body        text             NOT NULL,
    etag        text,
    location    text,
    PRIMARY KEY (key, principal, day, class)
) PARTITION BY LIST (class);
CREATE TABLE event_store.receipts_day PARTITION OF event_store.command_receipts
    FOR VALUES IN ('day') PARTITION BY RANGE (day);
CREATE TABLE event_store.receipts_quarter PARTITION OF event_store.command_receipts
    FOR VALUES IN ('quarter') PARTITION BY RANGE (day);

-- The key that seals a person's data, itself sealed with the master key; null once the person is erased.
CREATE TABLE event_store.subject_keys
(
    subject    uuid        NOT NULL PRIMARY KEY,
    sealed_key bytea,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Who may do what only one process should do; the epoch rises with every change of hands.
CREATE TABLE event_store.leases
(
    name       text        NOT NULL PRIMARY KEY,
    holder     uuid        NOT NULL,
    epoch      bigint      NOT NULL DEFAULT 1,
    expires_at timestamptz NOT NULL
);

-- Numbers of task keys, handed out in blocks of a hundred: nextval is the first of a block.
CREATE SEQUENCE event_store.task_key_blocks AS bigint INCREMENT BY 100 START WITH 1;

GRANT SELECT ON event_store.events, event_store.log_head, event_store.snapshots, event_store.unique_claims,
    event_store.command_receipts, event_store.subject_keys, event_store.leases TO taskledger_command;
GRANT SELECT ON event_store.events, event_store.log_head, event_store.snapshots, event_store.subject_keys
    TO taskledger_projections, taskledger_read;
GRANT INSERT, UPDATE ON event_store.subject_keys TO taskledger_command;
GRANT INSERT, UPDATE, DELETE ON event_store.leases TO taskledger_command;
GRANT USAGE ON SEQUENCE event_store.task_key_blocks TO taskledger_command;
