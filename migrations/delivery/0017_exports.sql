-- Files that auditors have asked for. They hold events as they were written, personal data sealed, and go after a week.
CREATE TABLE exports (
    operation   uuid PRIMARY KEY,
    kind        text        NOT NULL CHECK (kind IN ('events', 'audit_records')),
    format      text        NOT NULL CHECK (format IN ('ndjson', 'csv')),
    -- what is looked at: behind this position, and up to that one; what is sealed of it was sealed before it began
    after       bigint      NOT NULL,
    until       bigint      NOT NULL,
    sealed      bigint      NOT NULL,
    -- everything up to there is in the file: whoever takes over goes on from there
    position    bigint      NOT NULL,
    chunks      integer     NOT NULL DEFAULT 0,
    records     bigint      NOT NULL DEFAULT 0,
    -- the whole file, and what is stored of it
    bytes       bigint      NOT NULL DEFAULT 0,
    stored      bigint      NOT NULL DEFAULT 0,
    -- of the whole file, once it is complete
    crc32       bigint,
    sha256      bytea CHECK (octet_length(sha256) = 32),
    create_time timestamptz NOT NULL DEFAULT clock_timestamp(),
    expire_time timestamptz NOT NULL
) WITH (fillfactor = 20);

-- One after the other they are one deflated stream: each ends at a byte and refers to none before it.
CREATE TABLE export_chunks (
    operation uuid    NOT NULL REFERENCES exports ON DELETE CASCADE,
    number    integer NOT NULL,
    content   bytea   NOT NULL,
    PRIMARY KEY (operation, number)
);
-- It is compressed already.
ALTER TABLE export_chunks ALTER COLUMN content SET STORAGE EXTERNAL;

GRANT SELECT ON exports, export_chunks TO taskledger_read;
