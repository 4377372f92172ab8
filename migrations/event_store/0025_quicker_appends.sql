-- Appends that cost Postgres less: the usual batch in one go, and an index that does not take metadata apart.

-- The intent of an event, from its metadata as they are written: without spaces. Of a text within them the quotes would have
-- backslashes. The operator ->> would read all of them, and copy every value, for each event appended.
CREATE FUNCTION event_store.correlation_id(metadata json) RETURNS text
    LANGUAGE sql
    IMMUTABLE
    PARALLEL SAFE
    RETURN split_part(split_part(metadata::text, '"correlation_id":"', 2), '"', 1);

DROP INDEX event_store.events_by_correlation;
CREATE INDEX events_by_correlation ON event_store.events (event_store.correlation_id(metadata), position);
ANALYZE event_store.events;

-- What was `append`: decides unit by unit.
ALTER FUNCTION event_store.append RENAME TO append_each;
REVOKE EXECUTE ON FUNCTION event_store.append_each FROM taskledger_command;

-- Appends a batch of units, as `append_each` says. Most batches are written as they are: each unit has events for one
-- aggregate that no other of the batch writes or relies on, all is as it was when they were decided, and nobody used their
-- keys before. Everything else goes to `append_each`.
CREATE FUNCTION event_store.append(
    unit_count integer,
    agg_type text[], agg_id uuid[],
    stream_unit integer[], stream_agg integer[], stream_expected bigint[], stream_events integer[],
    guard_unit integer[], guard_agg integer[], guard_sequence bigint[],
    claim_scope text[], claim_value text[],
    action_unit integer[], action_claim integer[], action_owner uuid[], action_take boolean[],
    receipt_unit integer[], receipt_same integer[], receipt_unit_id uuid[],
    receipt_class text[], receipt_principal text[], receipt_key text[], receipt_fingerprint bytea[],
    receipt_status integer[], receipt_body text[], receipt_etag text[], receipt_location text[],
    ev_unit integer[], ev_type text[], ev_aggregate_type text[], ev_aggregate_id uuid[], ev_sequence bigint[],
    ev_id uuid[], ev_version text[], ev_payload text[], ev_metadata text[],
    snapshot_unit integer[], snapshot_agg integer[], snapshot_sequence bigint[], snapshot_shape integer[],
    snapshot_state text[],
    OUT outcomes integer[], OUT positions bigint[], OUT details integer[], OUT owners uuid[])
    LANGUAGE plpgsql
    SECURITY DEFINER
    SET search_path = event_store, pg_temp
    SET enable_seqscan = off
    SET plan_cache_mode = force_generic_plan
    SET jit = off
AS
$$
DECLARE
    head     bigint;       -- position of the last event before the batch
    last     bigint;       -- position of the last event so far
    moment   timestamptz;  -- recorded_at of the batch
    versions bigint[];     -- per aggregate: sequence of its last event before the batch; -1 once a unit writes it
    total    integer := cardinality(ev_unit);
    receipts integer := cardinality(receipt_unit);
    usual    boolean := unit_count > 0 AND cardinality(stream_unit) = unit_count AND cardinality(action_unit) = 0
                        AND cardinality(snapshot_unit) = 0;
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'append needs READ COMMITTED: an older snapshot would hide the latest events';
    END IF;
    IF usual THEN
        PERFORM 1 FROM log_head h WHERE h.single FOR UPDATE;
        SELECT e.position, greatest(clock_timestamp(), e.recorded_at) INTO head, moment
          FROM events e ORDER BY e.position DESC LIMIT 1;
        head := coalesce(head, 0);
        moment := coalesce(moment, clock_timestamp());
        versions := ARRAY(
            SELECT coalesce((SELECT e.sequence FROM events e
                              WHERE e.aggregate_type = agg_type[n] AND e.aggregate_id = agg_id[n]::text
                              ORDER BY e.sequence DESC LIMIT 1), 0)
              FROM generate_series(1, cardinality(agg_id)) AS n ORDER BY n);
        last := head;
        FOR u IN 1..unit_count LOOP
            usual := stream_unit[u] = u AND stream_events[u] > 0 AND versions[stream_agg[u]] = stream_expected[u];
            EXIT WHEN NOT usual;
            versions[stream_agg[u]] := -1;
            last := last + stream_events[u];
            positions[u] := last;
        END LOOP;
        usual := usual AND NOT EXISTS (SELECT FROM generate_series(1, cardinality(guard_unit)) AS n
                                        WHERE versions[guard_agg[n]] <> guard_sequence[n]);
        IF receipts > 0 THEN
            usual := usual AND NOT EXISTS (
                SELECT FROM generate_series(1, receipts) AS n
                 WHERE receipt_same[n] <> n
                    OR EXISTS (SELECT FROM command_receipts r
                                WHERE r.class = receipt_class[n] AND r.key = receipt_key[n]
                                  AND r.principal = receipt_principal[n]));
        END IF;
    END IF;
    IF NOT usual THEN
        SELECT each.outcomes, each.positions, each.details, each.owners INTO outcomes, positions, details, owners
          FROM append_each(
              unit_count, agg_type, agg_id, stream_unit, stream_agg, stream_expected, stream_events, guard_unit, guard_agg,
              guard_sequence, claim_scope, claim_value, action_unit, action_claim, action_owner, action_take,
              receipt_unit, receipt_same, receipt_unit_id, receipt_class, receipt_principal, receipt_key,
              receipt_fingerprint, receipt_status, receipt_body, receipt_etag, receipt_location,
              ev_unit, ev_type, ev_aggregate_type, ev_aggregate_id, ev_sequence, ev_id, ev_version, ev_payload,
              ev_metadata, snapshot_unit, snapshot_agg, snapshot_sequence, snapshot_shape, snapshot_state) AS each;
        RETURN;
    END IF;

    INSERT INTO events (position, sequence, recorded_at, event_id, aggregate_type, aggregate_id, event_type,
                        event_version, payload, metadata)
    SELECT head + n, ev_sequence[n], moment, ev_id[n], ev_aggregate_type[n], ev_aggregate_id[n]::text, ev_type[n],
           ev_version[n], ev_payload[n]::json, ev_metadata[n]::json
      FROM generate_series(1, total) AS n;
    PERFORM pg_notify('event_store', last::text);
    IF receipts > 0 THEN
        INSERT INTO command_receipts (class, day, principal, key, unit_id, position, recorded_at, status, fingerprint,
                                      body, etag, location)
        SELECT receipt_class[n], (moment AT TIME ZONE 'UTC')::date, receipt_principal[n], receipt_key[n],
               receipt_unit_id[n], positions[receipt_unit[n]], moment, receipt_status[n], receipt_fingerprint[n],
               receipt_body[n], receipt_etag[n], receipt_location[n]
          FROM generate_series(1, receipts) AS n;
    END IF;
    outcomes := array_fill(0, ARRAY [unit_count]);
    details := array_fill(NULL::integer, ARRAY [unit_count]);
    owners := array_fill(NULL::uuid, ARRAY [unit_count]);
END
$$;

REVOKE ALL ON FUNCTION event_store.append FROM PUBLIC;
GRANT EXECUTE ON FUNCTION event_store.append TO taskledger_command;
