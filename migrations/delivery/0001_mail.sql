-- What is on its way to the outside, and how far the consumers that send it have come. Unlike the read model it cannot be
-- made again: a rebuild sends nothing, so what is lost here is forgotten or sent twice.

-- One row a consumer: the event that it handled last, and who works now.
CREATE TABLE checkpoints (
    consumer    text PRIMARY KEY,
    -- epoch of the log that the position belongs to
    log_epoch   uuid        NOT NULL,
    position    bigint      NOT NULL DEFAULT 0,
    event_id    uuid,
    lease_owner uuid,
    lease_until timestamptz NOT NULL DEFAULT '-infinity'
) WITH (fillfactor = 20);

-- Whom mails go to, as of the checkpoint; address and name sealed with the person's key.
CREATE TABLE people (
    user_id uuid PRIMARY KEY,
    email   text NOT NULL,
    name    text NOT NULL,
    locale  text NOT NULL
);

-- The mailbox of a machine that sends no mail: the newest ones, in clear, with their links. One mail an event.
CREATE TABLE mails (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id    uuid        NOT NULL UNIQUE,
    user_id     uuid        NOT NULL,
    address     text        NOT NULL,
    subject     text        NOT NULL,
    text        text        NOT NULL,
    html        text        NOT NULL,
    create_time timestamptz NOT NULL DEFAULT clock_timestamp()
);
