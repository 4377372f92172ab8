-- What runs by the clock: one process at a time, by lease.
CREATE TABLE schedules (
    name           text PRIMARY KEY,
    cron           text        NOT NULL,
    zone           text        NOT NULL,
    -- the next turn; one that lies in the past was missed or is being run, and is made up for once
    next_time      timestamptz NOT NULL,
    -- after a failure it is not tried again before
    not_before     timestamptz NOT NULL DEFAULT '-infinity',
    lease_owner    uuid,
    lease_until    timestamptz NOT NULL DEFAULT '-infinity',
    -- the last run: for which turn, when, and what came of it
    last_turn      timestamptz,
    last_start     timestamptz,
    last_end       timestamptz,
    last_outcome   text CHECK (last_outcome IN ('unknown', 'done', 'failed')),
    last_error     text,
    last_report    jsonb
);

GRANT SELECT ON schedules TO taskledger_read;
