-- Lists of records that auditors take away. Nothing of the records is here, only which they are: they are read when the file is fetched, so
-- that whoever was erased meanwhile is in none.
CREATE TABLE record_exports (
    operation   uuid PRIMARY KEY,
    format      text        NOT NULL CHECK (format IN ('ndjson', 'csv')),
    -- up to where in the log and in the audit log
    events      bigint      NOT NULL,
    attempts    bigint      NOT NULL,
    -- sealed; none asks for all
    query       text,
    create_time timestamptz NOT NULL DEFAULT clock_timestamp(),
    expire_time timestamptz NOT NULL
);

GRANT SELECT ON record_exports TO taskledger_read;
