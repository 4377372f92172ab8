-- Whether the core system is called, as each process that calls it sees that; a row that is not renewed counts no more.
CREATE TABLE interface_breakers (
    process  uuid PRIMARY KEY,
    state    text        NOT NULL CHECK (state IN ('closed', 'open', 'probing')),
    -- troubles in a row, while it is called
    failures integer     NOT NULL,
    -- while it is not: no call before
    until    timestamptz,
    seen_at  timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (fillfactor = 50);

GRANT SELECT ON interface_breakers TO taskledger_read;
