-- What makes the log provable: signed blocks of events, and of the audit log. See docs/integrity.md.

-- The audit log gets what the events have: dense positions in the order of the commits.
ALTER TABLE event_store.audit_log ADD COLUMN position bigint;
UPDATE event_store.audit_log a
   SET position = placed.position
  FROM (SELECT id, row_number() OVER (ORDER BY recorded_at, id) AS position FROM event_store.audit_log) AS placed
 WHERE placed.id = a.id;
ALTER TABLE event_store.audit_log
    ALTER COLUMN position SET NOT NULL,
    ADD CHECK (position > 0),
    ADD UNIQUE (position);

-- Gives a row its place, whoever adds it and by which way. One writer at a time: rows come in batches, about once a second.
CREATE FUNCTION event_store.place_audit_row() RETURNS trigger
    LANGUAGE plpgsql
    SECURITY DEFINER
    SET search_path = event_store, pg_temp
    SET enable_seqscan = off
AS
$$
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'the audit log needs READ COMMITTED: an older snapshot would hide the latest rows';
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('event_store.audit_log'));
    SELECT a.position + 1, greatest(clock_timestamp(), a.recorded_at) INTO NEW.position, NEW.recorded_at
      FROM audit_log a ORDER BY a.position DESC LIMIT 1;
    NEW.position := coalesce(NEW.position, 1);
    NEW.recorded_at := coalesce(NEW.recorded_at, clock_timestamp());
    RETURN NEW;
END
$$;
REVOKE ALL ON FUNCTION event_store.place_audit_row FROM PUBLIC;
CREATE TRIGGER place BEFORE INSERT ON event_store.audit_log
    FOR EACH ROW EXECUTE FUNCTION event_store.place_audit_row();

CREATE TABLE event_store.seals
(
    log    text COLLATE "C" NOT NULL CHECK (log IN ('events', 'audit')),
    number bigint           NOT NULL CHECK (number > 0),
    first  bigint           NOT NULL CHECK (first > 0),
    last   bigint           NOT NULL CHECK (last >= first),
    -- signed, the same bytes as in the file outside and on NATS
    line   text             NOT NULL,
    -- the hashes that the root was made of: they tell which event was changed, and proofs are made of them
    leaves bytea            NOT NULL CHECK (octet_length(leaves) = 32 * (last - first + 1)),
    PRIMARY KEY (log, number),
    UNIQUE (log, first)
);
ALTER TABLE event_store.seals ALTER COLUMN leaves SET STORAGE EXTERNAL;

-- Adds the seal that follows the last one, and says whether it did: somebody else may have been first. A seal may only stand
-- where the one before it ends, so that there is neither gap nor fork.
CREATE FUNCTION event_store.keep_seal(log text, number bigint, first bigint, last bigint, line text, leaves bytea)
    RETURNS boolean
    LANGUAGE sql
    SECURITY DEFINER
    SET search_path = event_store, pg_temp
    SET enable_seqscan = off
AS
$$
WITH kept AS (
    INSERT INTO seals (log, number, first, last, line, leaves)
    SELECT $1, $2, $3, $4, $5, $6
     WHERE $2 = 1 AND $3 = 1
        OR EXISTS (SELECT FROM seals s WHERE s.log = $1 AND s.number = $2 - 1 AND s.last = $3 - 1)
        ON CONFLICT DO NOTHING
    RETURNING 1)
SELECT EXISTS (SELECT FROM kept)
$$;
REVOKE ALL ON FUNCTION event_store.keep_seal FROM PUBLIC;
GRANT EXECUTE ON FUNCTION event_store.keep_seal TO taskledger_command;

GRANT SELECT ON event_store.seals, event_store.audit_log TO taskledger_command, taskledger_read;

ANALYZE event_store.seals, event_store.audit_log;
