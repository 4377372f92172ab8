-- Nightly runs that tell the core system again what it has not taken.
CREATE TABLE interface_runs (
    id         uuid PRIMARY KEY,
    -- the turn of the schedule: a run that died goes on as the same one
    turn       timestamptz NOT NULL UNIQUE,
    start_time timestamptz NOT NULL DEFAULT clock_timestamp(),
    end_time   timestamptz,
    -- failing: most of what was tried failed; silent: nothing came back for long
    outcome    text CHECK (outcome IN ('done', 'failing', 'silent')),
    report     jsonb
);

-- What a run has made due, each once, and how many attempts there had been before.
CREATE TABLE interface_run_deliveries (
    run_id      uuid    NOT NULL REFERENCES interface_runs ON DELETE CASCADE,
    delivery_id uuid    NOT NULL REFERENCES deliveries ON DELETE CASCADE,
    attempts    integer NOT NULL,
    PRIMARY KEY (run_id, delivery_id)
);

CREATE INDEX deliveries_waiting ON deliveries (channel, position, id) WHERE state = 'failed' AND due_at = 'infinity';
-- How far the core system has taken each task, by the last two digits of the task's id.
CREATE INDEX deliveries_taken ON deliveries (right(order_key, 2), order_key COLLATE "C", position DESC)
    WHERE channel = 'interface' AND state = 'delivered';

GRANT SELECT ON interface_runs TO taskledger_read;
