-- The registry of read models: which version of each projection is live, how far each lane has come, what is parked.
-- Tables of a projection live in a schema per version (read_model_v<n>); `read_model` shows the live ones as views.

CREATE SEQUENCE versions;

CREATE TABLE projections (
    name         text PRIMARY KEY,
    live_version integer     NOT NULL,
    -- Fingerprint of the code and tables that the live version was made by.
    shape        text        NOT NULL,
    -- running | stopped (too much is parked; `reason` says what)
    state        text        NOT NULL DEFAULT 'running',
    reason       text,
    -- Epoch of the log that the live version was made from; null until it has read any.
    log_epoch    uuid,
    changed_at   timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- One row a lane, locked and moved by every batch: HOT needs free space on the page and no index beside the key.
CREATE TABLE checkpoints (
    projection  text        NOT NULL,
    version     integer     NOT NULL,
    lane        smallint    NOT NULL,
    -- Last position handled, and the event at it.
    position    bigint      NOT NULL DEFAULT 0,
    event_id    uuid,
    -- When the log took that event: now minus this is the lag of a lane that is behind.
    recorded_at timestamptz,
    -- Events folded so far, and those of them that are parked now.
    handled     bigint      NOT NULL DEFAULT 0,
    parked      integer     NOT NULL DEFAULT 0,
    -- Whoever holds a lane has its epoch; a batch under a foreign epoch gives up.
    lease_owner uuid,
    lease_epoch bigint      NOT NULL DEFAULT 0,
    lease_until timestamptz NOT NULL DEFAULT '-infinity',
    PRIMARY KEY (projection, version, lane)
) WITH (fillfactor = 20, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);

-- Who is there to share the lanes with; a row that is not renewed counts no more.
CREATE TABLE workers (
    projection  text        NOT NULL,
    version     integer     NOT NULL,
    owner       uuid        NOT NULL,
    alive_until timestamptz NOT NULL,
    PRIMARY KEY (projection, version, owner)
);

-- Events that alone failed with bad data, and all later ones of their aggregates, in order.
CREATE TABLE parked_events (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    projection     text        NOT NULL,
    version        integer     NOT NULL,
    lane           smallint    NOT NULL,
    aggregate_type text        NOT NULL,
    aggregate_id   uuid        NOT NULL,
    position       bigint      NOT NULL,
    event_id       uuid        NOT NULL,
    event_type     text        NOT NULL,
    -- What failed; null for an event that only waits behind a failed one.
    error          text,
    attempts       integer     NOT NULL DEFAULT 1,
    parked_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (projection, version, position)
);
CREATE INDEX parked_events_by_aggregate ON parked_events (aggregate_id, projection, version, position);

-- Long jobs of this service: rebuilds, asked for at the command line or over HTTP.
CREATE TABLE operations (
    id          uuid PRIMARY KEY,
    kind        text        NOT NULL,
    -- projections/<name>
    subject     text        NOT NULL,
    -- pending | running | done | failed | cancelled
    state       text        NOT NULL DEFAULT 'pending',
    done        bigint      NOT NULL DEFAULT 0,
    total       bigint      NOT NULL DEFAULT 0,
    create_time timestamptz NOT NULL DEFAULT clock_timestamp(),
    start_time  timestamptz,
    end_time    timestamptz,
    metadata    jsonb       NOT NULL DEFAULT '{}',
    response    jsonb,
    -- {"code", "detail"}
    error       jsonb
);
CREATE INDEX operations_by_time ON operations (create_time, id);

-- What a query may rely on: the lowest lane of the live version of each projection.
CREATE VIEW positions AS
SELECT p.name AS projection, p.live_version AS version, p.state, min(c.position) AS position
FROM projections p
JOIN checkpoints c ON c.projection = p.name AND c.version = p.live_version
GROUP BY p.name;
