-- Reactors keep aggregates as they stood after the last event they have decided on, each its own: what one of them has
-- come to says nothing about the others.
CREATE TABLE states (
    consumer text    NOT NULL,
    kind     text    NOT NULL,
    id       uuid    NOT NULL,
    -- sequence of the last event taken in, and version of the shape that the state has
    version  bigint  NOT NULL,
    shape    integer NOT NULL,
    state    jsonb   NOT NULL,
    PRIMARY KEY (consumer, kind, id)
) WITH (fillfactor = 70);

-- A reactor that comes to an installation with a past takes the past in, but has no effects for it.
ALTER TABLE checkpoints ADD COLUMN decides_after bigint NOT NULL DEFAULT 0;
