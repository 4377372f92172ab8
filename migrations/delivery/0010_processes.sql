-- A process is a reaction of many steps; each step is a delivery of the channel `command`, ordered by the process, and its
-- state follows from them.
CREATE TABLE processes (
    -- that of the event that began it
    id          uuid PRIMARY KEY,
    kind        text        NOT NULL,
    -- `users/<id>`, `tasks/<id>`
    subject     text        NOT NULL,
    position    bigint      NOT NULL,
    create_time timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX processes_newest ON processes (position, id);
GRANT SELECT ON processes TO taskledger_read;

-- A past of before is taken in silently.
INSERT INTO checkpoints (consumer, log_epoch, decides_after)
SELECT 'processes', log_epoch, position FROM checkpoints WHERE consumer = 'account_mails'
ON CONFLICT DO NOTHING;
