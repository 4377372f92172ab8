-- Consumer groups: how far a program that follows the log has come, kept for it. Bookmarks, not facts: nothing is decided by
-- them and they leave no event. See docs/decisions/consumer-groups.md.

CREATE TABLE event_store.consumer_groups
(
    id         uuid             NOT NULL PRIMARY KEY DEFAULT gen_random_uuid(),
    owner      uuid             NOT NULL,
    name       text COLLATE "C" NOT NULL CHECK (name ~ '^[a-z0-9][a-z0-9._-]{0,63}$'),
    -- which events, as it was asked for
    interest   jsonb            NOT NULL,
    -- of the log that the positions are places of
    log_epoch  uuid             NOT NULL,
    -- everything at or below is finished, or listed in consumer_group_events
    position   bigint           NOT NULL CHECK (position >= 0),
    -- finished beyond that
    finished   bigint[]         NOT NULL DEFAULT '{}',
    in_flight  integer          NOT NULL DEFAULT 0,
    skipped    bigint           NOT NULL DEFAULT 0,
    -- rises with each process that takes the group, and when the group is moved: who has an older one may write no more
    epoch      bigint           NOT NULL DEFAULT 0,
    expires_at timestamptz      NOT NULL DEFAULT '-infinity',
    -- rises when others than the holder settle what is parked
    revision   bigint           NOT NULL DEFAULT 0,
    created_at timestamptz      NOT NULL DEFAULT clock_timestamp(),
    used_at    timestamptz      NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (owner, name)
) WITH (fillfactor = 50);

-- Events that a group has not finished and does not wait for: to be tried again, parked, or behind such a one of their aggregate.
CREATE TABLE event_store.consumer_group_events
(
    group_id     uuid    NOT NULL REFERENCES event_store.consumer_groups ON DELETE CASCADE,
    position     bigint  NOT NULL,
    aggregate_id uuid    NOT NULL,
    attempts     integer NOT NULL,
    due_at       timestamptz,
    parked_at    timestamptz,
    reason       text,
    PRIMARY KEY (group_id, position)
);

-- Makes a group, unless its owner has one of this name or as many as there may be. What was not used for so long is gone.
CREATE FUNCTION event_store.make_consumer_group(
    whose uuid, called text, wanted jsonb, log uuid, place bigint, most integer, idle interval)
    RETURNS text
    LANGUAGE plpgsql
    SECURITY DEFINER
    SET search_path = event_store, pg_temp
    SET enable_seqscan = off
AS
$$
DECLARE
    there consumer_groups;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('event_store.consumer_groups'), hashtext(whose::text));
    DELETE FROM consumer_groups g
     WHERE g.owner = whose AND g.used_at < clock_timestamp() - idle AND g.expires_at < clock_timestamp();
    SELECT * INTO there FROM consumer_groups g WHERE g.owner = whose AND g.name = called;
    IF FOUND THEN
        RETURN CASE WHEN there.interest = wanted THEN 'there' ELSE 'differs' END;
    END IF;
    IF (SELECT count(*) >= most FROM consumer_groups g WHERE g.owner = whose) THEN
        RETURN 'full';
    END IF;
    INSERT INTO consumer_groups (owner, name, interest, log_epoch, position) VALUES (whose, called, wanted, log, place);
    RETURN 'made';
END
$$;

-- Takes a group that nobody holds, for so many milliseconds; its row, or none.
CREATE FUNCTION event_store.hold_consumer_group(which uuid, milliseconds integer)
    RETURNS SETOF event_store.consumer_groups
    LANGUAGE sql
    SECURITY DEFINER
    SET search_path = event_store, pg_temp
    SET enable_seqscan = off
AS
$$
UPDATE consumer_groups g
   SET epoch = g.epoch + 1,
       used_at = clock_timestamp(),
       expires_at = clock_timestamp() + milliseconds * interval '1 millisecond'
 WHERE g.id = which AND g.expires_at < clock_timestamp()
RETURNING g.*
$$;

-- Writes down how far the holder has come, and goes on holding; the group's revision, or none of who holds it no more.
CREATE FUNCTION event_store.keep_consumer_group(
    which uuid, held bigint, milliseconds integer, place bigint, done bigint[], under_way integer, passed_over bigint,
    listed jsonb, settled bigint[])
    RETURNS bigint
    LANGUAGE plpgsql
    SECURITY DEFINER
    SET search_path = event_store, pg_temp
    SET enable_seqscan = off
AS
$$
DECLARE
    known bigint;
BEGIN
    UPDATE consumer_groups g
       SET position = place, finished = done, in_flight = under_way, skipped = g.skipped + passed_over,
           used_at = clock_timestamp(),
           expires_at = clock_timestamp() + milliseconds * interval '1 millisecond'
     WHERE g.id = which AND g.epoch = held
    RETURNING g.revision INTO known;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    DELETE FROM consumer_group_events e WHERE e.group_id = which AND e.position = ANY (settled);
    INSERT INTO consumer_group_events (group_id, position, aggregate_id, attempts, due_at, parked_at, reason)
    SELECT which, l.position, l.aggregate_id, l.attempts, l.due_at, l.parked_at, l.reason
      FROM jsonb_to_recordset(listed) AS l(
           position bigint, aggregate_id uuid, attempts integer, due_at timestamptz, parked_at timestamptz, reason text)
        ON CONFLICT (group_id, position) DO UPDATE
       SET attempts = excluded.attempts, due_at = excluded.due_at, parked_at = excluded.parked_at, reason = excluded.reason;
    RETURN known;
END
$$;

-- Sets a group to another place and forgets what was unfinished; whoever holds it holds it no more.
CREATE FUNCTION event_store.move_consumer_group(whose uuid, called text, log uuid, place bigint) RETURNS boolean
    LANGUAGE plpgsql
    SECURITY DEFINER
    SET search_path = event_store, pg_temp
    SET enable_seqscan = off
AS
$$
DECLARE
    which uuid;
BEGIN
    UPDATE consumer_groups g
       SET log_epoch = log, position = place, finished = '{}', in_flight = 0, epoch = g.epoch + 1,
           used_at = clock_timestamp(), expires_at = '-infinity'
     WHERE g.owner = whose AND g.name = called
    RETURNING g.id INTO which;
    DELETE FROM consumer_group_events e WHERE e.group_id = which;
    RETURN which IS NOT NULL;
END
$$;

-- Parked events to be tried again, or to be finished as they are: these, or all. How many; none if there is no such group.
CREATE FUNCTION event_store.settle_consumer_group(whose uuid, called text, places bigint[], again boolean) RETURNS bigint
    LANGUAGE plpgsql
    SECURITY DEFINER
    SET search_path = event_store, pg_temp
    SET enable_seqscan = off
AS
$$
DECLARE
    which uuid;
    changed bigint;
BEGIN
    SELECT g.id INTO which FROM consumer_groups g WHERE g.owner = whose AND g.name = called FOR UPDATE;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    IF again THEN
        UPDATE consumer_group_events e SET parked_at = NULL, due_at = NULL
         WHERE e.group_id = which AND e.parked_at IS NOT NULL AND (places IS NULL OR e.position = ANY (places));
    ELSE
        DELETE FROM consumer_group_events e
         WHERE e.group_id = which AND e.parked_at IS NOT NULL AND (places IS NULL OR e.position = ANY (places));
    END IF;
    GET DIAGNOSTICS changed = ROW_COUNT;
    UPDATE consumer_groups g
       SET revision = g.revision + 1, skipped = g.skipped + CASE WHEN again THEN 0 ELSE changed END,
           used_at = clock_timestamp()
     WHERE g.id = which AND changed > 0;
    RETURN changed;
END
$$;

CREATE FUNCTION event_store.drop_consumer_group(whose uuid, called text) RETURNS boolean
    LANGUAGE sql
    SECURITY DEFINER
    SET search_path = event_store, pg_temp
    SET enable_seqscan = off
AS
$$
WITH gone AS (DELETE FROM consumer_groups g WHERE g.owner = whose AND g.name = called RETURNING 1)
SELECT EXISTS (SELECT FROM gone)
$$;

REVOKE ALL ON FUNCTION event_store.make_consumer_group, event_store.hold_consumer_group, event_store.keep_consumer_group,
    event_store.move_consumer_group, event_store.settle_consumer_group, event_store.drop_consumer_group FROM PUBLIC;
GRANT EXECUTE ON FUNCTION event_store.make_consumer_group, event_store.hold_consumer_group, event_store.keep_consumer_group,
    event_store.move_consumer_group, event_store.settle_consumer_group, event_store.drop_consumer_group TO taskledger_read;
GRANT SELECT ON event_store.consumer_groups, event_store.consumer_group_events TO taskledger_read;

ANALYZE event_store.consumer_groups, event_store.consumer_group_events;
