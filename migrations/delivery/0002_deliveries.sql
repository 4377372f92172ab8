-- One engine carries everything to the outside. A reactor decides what is to go, a delivery is one such thing for one
-- recipient on one channel, an attempt is one try.

CREATE TABLE deliveries (
    id          uuid PRIMARY KEY,
    event_id    uuid        NOT NULL,
    position    bigint      NOT NULL,
    channel     text        NOT NULL,
    -- user, endpoint or whatever the channel knows by a name
    recipient   text        NOT NULL,
    -- among deliveries of one key and channel only the first unfinished one is tried
    order_key   text,
    state       text        NOT NULL DEFAULT 'pending' CHECK (state IN
        ('pending', 'failed', 'delivered', 'exhausted', 'rejected', 'skipped', 'superseded')),
    -- ids and facts; sealed what is personal
    payload     jsonb       NOT NULL,
    due_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- all attempts, and those since the schedule of retries began
    attempts    integer     NOT NULL DEFAULT 0,
    step        integer     NOT NULL DEFAULT 0,
    -- what will have set the next attempt off
    next_trigger text       NOT NULL DEFAULT 'scheduled' CHECK (next_trigger IN ('scheduled', 'manual', 'replay')),
    -- who tries now; past its time nobody knows what became of it, and it is due again
    lease_owner uuid,
    lease_until timestamptz,
    create_time timestamptz NOT NULL DEFAULT clock_timestamp(),
    end_time    timestamptz,
    reason      text,
    UNIQUE (event_id, channel, recipient)
) WITH (fillfactor = 70);

CREATE INDEX deliveries_due ON deliveries (channel, due_at, position, id) WHERE state IN ('pending', 'failed');
CREATE INDEX deliveries_in_order ON deliveries (channel, order_key, position, id)
    WHERE state IN ('pending', 'failed') AND order_key IS NOT NULL;
CREATE INDEX deliveries_newest ON deliveries (position, id);
CREATE INDEX deliveries_in_flight ON deliveries (channel, lease_until) WHERE lease_until IS NOT NULL;

CREATE TABLE attempts (
    delivery_id      uuid        NOT NULL REFERENCES deliveries ON DELETE CASCADE,
    number           integer     NOT NULL,
    trigger          text        NOT NULL DEFAULT 'scheduled' CHECK (trigger IN ('scheduled', 'manual', 'replay')),
    started_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- written before the call; what stays unknown is tried again
    outcome          text        NOT NULL DEFAULT 'unknown' CHECK (outcome IN
        ('unknown', 'delivered', 'failed', 'rejected', 'skipped')),
    code             text,
    latency_ms       bigint,
    request_excerpt  text,
    response_excerpt text,
    next_at          timestamptz,
    PRIMARY KEY (delivery_id, number)
);
CREATE INDEX attempts_oldest ON attempts (started_at);

-- The sender of mails goes on as the reactor `account_mails`, where it stood. A sender of the version before that still
-- runs finds its row held for ever, and sends nothing a second time.
UPDATE checkpoints SET consumer = 'account_mails', lease_owner = NULL, lease_until = '-infinity' WHERE consumer = 'mail';
INSERT INTO checkpoints (consumer, log_epoch, position, event_id, lease_until)
SELECT 'mail', log_epoch, position, event_id, 'infinity' FROM checkpoints WHERE consumer = 'account_mails';

-- The mailbox holds what its deliveries bring; mails of before keep their event's id. Not every recipient is a user.
ALTER TABLE mails ADD COLUMN delivery_id uuid;
UPDATE mails SET delivery_id = event_id;
ALTER TABLE mails ALTER COLUMN delivery_id SET NOT NULL, ALTER COLUMN user_id DROP NOT NULL, ADD UNIQUE (delivery_id),
    DROP CONSTRAINT mails_event_id_key;

-- Operators look at deliveries through read-api; mails and their links are nobody's business.
GRANT USAGE ON SCHEMA delivery TO taskledger_read;
GRANT SELECT ON deliveries, attempts TO taskledger_read;
