-- Endpoints of integrators, as of the checkpoint of the reactor `webhooks`.
CREATE TABLE webhooks (
    id                uuid PRIMARY KEY,
    owner             uuid        NOT NULL,
    -- sequence of the last event taken in
    version           bigint      NOT NULL,
    state             text        NOT NULL CHECK (state IN ('enabled', 'paused', 'disabled')),
    disabled_reason   text,
    -- as in the events, headers sealed with the owner's key
    definition        jsonb       NOT NULL,
    start             text        NOT NULL,
    signature         text        NOT NULL CHECK (signature IN ('v1', 'v1a')),
    -- what signs; that of before does so too until its time is over
    secret            uuid        NOT NULL,
    previous_secret   uuid,
    both_until        timestamptz,
    create_time       timestamptz NOT NULL,
    update_time       timestamptz NOT NULL,
    -- since when nothing has got through, whether the owner was told, and when something last did
    failing_since     timestamptz,
    warned            boolean     NOT NULL DEFAULT false,
    last_success_time timestamptz,
    -- the next call may not begin before, where calls a second are bounded
    next_call_at      timestamptz NOT NULL DEFAULT '-infinity'
) WITH (fillfactor = 50);
CREATE INDEX webhooks_of_owner ON webhooks (owner, id);

-- Who reads the log on their own: endpoints that are behind, and replays. Others get what they want from the reactor, in one pass.
CREATE TABLE webhook_readings (
    -- as in deliveries: the endpoint, or `endpoint/replay`
    recipient text PRIMARY KEY,
    webhook   uuid        NOT NULL REFERENCES webhooks ON DELETE CASCADE,
    replay    uuid,
    -- deliveries exist up to there
    position  bigint      NOT NULL,
    -- the last position of a replay; an endpoint goes on with the reactor
    until     bigint,
    served_at timestamptz NOT NULL DEFAULT '-infinity'
) WITH (fillfactor = 50);
CREATE INDEX webhook_readings_of_webhook ON webhook_readings (webhook);

-- How many are on their way to one recipient.
CREATE INDEX deliveries_unfinished ON deliveries (channel, recipient) WHERE state IN ('pending', 'failed');

-- What was sent to an endpoint, replays included, the newest first.
CREATE INDEX deliveries_of_webhook ON deliveries (split_part(recipient, '/', 1), position, id) WHERE channel = 'webhook';

-- Where there is a past, it is taken in without any effect.
INSERT INTO checkpoints (consumer, log_epoch, decides_after)
SELECT 'webhooks', log_epoch, position FROM checkpoints WHERE consumer = 'account_mails'
ON CONFLICT DO NOTHING;

GRANT SELECT ON webhooks, webhook_readings, checkpoints TO taskledger_read;
