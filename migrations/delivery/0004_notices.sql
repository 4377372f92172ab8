-- What people are told inside the product. Whether it was read, their inboxes say: a notice never changes.
CREATE TABLE notices (
    id          uuid PRIMARY KEY,
    user_id     uuid        NOT NULL,
    event_id    uuid        NOT NULL,
    position    bigint      NOT NULL,
    task_id     uuid        NOT NULL,
    category    text        NOT NULL,
    template    text        NOT NULL,
    -- ids and facts: words and names are found for each reader
    happening   jsonb       NOT NULL,
    create_time timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (user_id, event_id)
);
CREATE INDEX notices_newest ON notices (user_id, position DESC, id DESC);

-- Up to which event somebody has read everything, and what they have read one by one since.
CREATE VIEW inboxes AS
SELECT id AS user_id, (state ->> 'read_up_to')::bigint AS read_up_to,
    ARRAY(SELECT jsonb_array_elements_text(state -> 'read'))::uuid[] AS read
FROM states WHERE consumer = 'notices' AND kind = 'inbox';

GRANT SELECT ON notices, inboxes TO taskledger_read;

-- Lines of digests wait by the day; the first of a person says when.
CREATE INDEX deliveries_of_digests ON deliveries (due_at) WHERE channel = 'digest' AND state IN ('pending', 'failed');

-- Where there is a past already, it is no news: the reactor takes it in and tells nobody of it.
INSERT INTO checkpoints (consumer, log_epoch, decides_after)
SELECT 'notices', log_epoch, position FROM checkpoints WHERE consumer = 'account_mails';

-- Readers wait until their inbox shows what they have just done.
GRANT SELECT (consumer, position) ON checkpoints TO taskledger_read;
