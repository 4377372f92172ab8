-- Makes the receipt partitions of the coming days and drops the expired ones. Called at start and hourly; does nothing
-- rather than wait, because an append would queue behind its lock.
CREATE FUNCTION event_store.maintain_receipts() RETURNS void
    LANGUAGE plpgsql
    SECURITY DEFINER
    SET search_path = event_store, pg_temp
    SET lock_timeout = '200ms'
    SET timezone = 'UTC'
AS
$$
DECLARE
    parent text;
    step   interval;
    first  date;
    child  record;
    name   text;
BEGIN
    IF NOT pg_try_advisory_xact_lock(hashtext('event_store.maintain_receipts')) THEN
        RETURN;
    END IF;
    FOREACH parent IN ARRAY ARRAY['receipts_day', 'receipts_quarter'] LOOP
        step := CASE parent WHEN 'receipts_day' THEN '1 day' ELSE '1 month' END;
        FOR ahead IN 0..3 LOOP
            first := date_trunc(CASE parent WHEN 'receipts_day' THEN 'day' ELSE 'month' END, now()) + ahead * step;
            name := parent || '_' || to_char(first, 'YYYYMMDD');
            IF to_regclass('event_store.' || name) IS NULL THEN
                -- ATTACH, unlike CREATE … PARTITION OF, does not lock readers and writers out.
                EXECUTE format('CREATE TABLE %I (LIKE command_receipts INCLUDING ALL)', name);
                EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
                               parent, name, first, (first + step)::date);
            END IF;
        END LOOP;
        FOR child IN
            SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
             WHERE i.inhparent = to_regclass('event_store.' || parent)
               AND to_date(right(c.relname, 8), 'YYYYMMDD') + step
                   <= now() - CASE parent WHEN 'receipts_day' THEN interval '1 day' ELSE interval '90 days' END
        LOOP
            BEGIN
                EXECUTE format('DROP TABLE %I', child.relname);
            EXCEPTION WHEN lock_not_available THEN
                NULL; -- somebody reads it (a dump, say): next hour
            END;
        END LOOP;
    END LOOP;
END
$$;

-- Position of the last event recorded at or before `moment`; 0 if there is none. Times never fall and positions have
-- no gaps, so a binary search over the primary key finds it.
CREATE FUNCTION event_store.position_at(moment timestamptz) RETURNS bigint
    LANGUAGE plpgsql
    STABLE
    SET search_path = event_store, pg_temp
    SET enable_seqscan = off
AS
$$
DECLARE
    low    bigint := 0;
    high   bigint := coalesce((SELECT max(e.position) FROM events e), 0);
    middle bigint;
BEGIN
    WHILE low < high LOOP
        middle := (low + high + 1) / 2;
        IF (SELECT e.recorded_at FROM events e WHERE e.position = middle) <= moment THEN
            low := middle;
        ELSE
            high := middle - 1;
        END IF;
    END LOOP;
    RETURN low;
END
$$;

-- Appends a batch of units, each all or nothing, and returns an array entry per unit:
--   outcomes: 0 written (now or by an earlier sending), 1 conflict, 2 guard failed, 3 taken, 4 replay
--   positions: of the unit's last event where written; the receipt's where replayed
--   details: conflict and guard: index of the aggregate; taken: index of the claim
--   owners: taken: who holds it
-- The reply is small on purpose: it is sent before the COMMIT, and a client that has stopped reading must not make the
-- server wait with the lock in its hands. The client reads replayed receipts afterwards.
-- All indexes start at 1. The client numbers the distinct aggregates (`agg_`) and claimed values (`claim_`) of the
-- batch; `receipt_same` is the index of the first receipt with that key. Arrays with a unit column are ordered by it.
-- Never raises for a unit's outcome.
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
    head         bigint;       -- position of the last event before the batch
    moment       timestamptz;  -- recorded_at of the batch
    versions     bigint[];     -- per aggregate: sequence of its last event, accepted units included
    ends         bigint[];     -- per aggregate: position of its last event, accepted units included
    holders      uuid[];       -- per claim: who holds it, accepted units included
    held         uuid[];       -- per claim: who held it before the batch
    keepers      uuid[];       -- per receipt: the unit that used its key, accepted units included
    kept         bigint[];     -- per receipt: that unit's position
    written      boolean[] := array_fill(false, ARRAY [unit_count]);
    shifts       bigint[]  := array_fill(0::bigint, ARRAY [unit_count]); -- position minus index in ev_
    streams      integer   := cardinality(stream_unit);
    guards       integer   := cardinality(guard_unit);
    actions      integer   := cardinality(action_unit);
    receipts     integer   := cardinality(receipt_unit);
    s            integer   := 1; -- next of stream_, guard_, action_, receipt_
    g            integer   := 1;
    a            integer   := 1;
    r            integer   := 1;
    first_stream integer;
    first_action integer;
    proof        integer;        -- first stream of this unit that has events
    slot         integer;
    agg          integer;
    before       integer   := 0; -- events of the units before this one
    skipped      integer   := 0; -- … of those not written
    events_here  integer;        -- events of this unit
    outcome      integer;
    known        bigint;         -- position of this unit if an earlier sending wrote it
    found_at     bigint;
    any_action   boolean   := false;
    today        date;         -- in UTC, as all of these
    since_day    date;         -- no older receipt of class day, or quarter, counts
    since_quarter date;
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'append needs READ COMMITTED: an older snapshot would hide the latest events';
    END IF;
    outcomes := array_fill(0, ARRAY [unit_count]);
    positions := array_fill(NULL::bigint, ARRAY [unit_count]);
    details := array_fill(NULL::integer, ARRAY [unit_count]);
    owners := array_fill(NULL::uuid, ARRAY [unit_count]);
    PERFORM 1 FROM log_head h WHERE h.single FOR UPDATE;

    SELECT e.position, greatest(clock_timestamp(), e.recorded_at) INTO head, moment
      FROM events e ORDER BY e.position DESC LIMIT 1;
    head := coalesce(head, 0);
    moment := coalesce(moment, clock_timestamp());
    today := (moment AT TIME ZONE 'UTC')::date;
    since_day := ((moment - interval '1 day') AT TIME ZONE 'UTC')::date;
    since_quarter := ((moment - interval '90 days') AT TIME ZONE 'UTC')::date;
    SELECT array_agg(coalesce(l.sequence, 0) ORDER BY q.n), array_agg(coalesce(l.position, 0) ORDER BY q.n)
      INTO versions, ends
      FROM unnest(agg_type, agg_id) WITH ORDINALITY AS q(type, id, n)
      LEFT JOIN LATERAL (SELECT e.sequence, e.position FROM events e
                          WHERE e.aggregate_type = q.type AND e.aggregate_id = q.id::text
                          ORDER BY e.sequence DESC LIMIT 1) l ON true;
    IF actions > 0 THEN
        SELECT array_agg(c.owner ORDER BY q.n) INTO holders
          FROM unnest(claim_scope, claim_value) WITH ORDINALITY AS q(scope, value, n)
          LEFT JOIN unique_claims c ON c.scope = q.scope AND c.value = q.value;
        held := holders;
    END IF;
    IF receipts > 0 THEN
        SELECT array_agg(f.unit_id ORDER BY q.n), array_agg(f.position ORDER BY q.n) INTO keepers, kept
          FROM unnest(receipt_class, receipt_principal, receipt_key) WITH ORDINALITY AS q(class, principal, key, n)
          LEFT JOIN LATERAL (
              SELECT d.unit_id, d.position FROM receipts_day d
               WHERE q.class = 'day' AND d.key = q.key AND d.principal = q.principal
                 AND d.day BETWEEN since_day AND today AND d.recorded_at > moment - interval '1 day'
              UNION ALL
              SELECT m.unit_id, m.position FROM receipts_quarter m
               WHERE q.class = 'quarter' AND m.key = q.key AND m.principal = q.principal
                 AND m.day BETWEEN since_quarter AND today AND m.recorded_at > moment - interval '90 days'
              LIMIT 1) f ON true;
    END IF;

    FOR u IN 1..unit_count LOOP
        outcome := 0;
        known := NULL;
        events_here := 0;
        first_stream := s;
        first_action := a;

        proof := NULL;
        WHILE s <= streams AND stream_unit[s] = u LOOP
            IF outcome = 0 AND versions[stream_agg[s]] <> stream_expected[s] THEN
                outcome := 1;
                details[u] := stream_agg[s];
            END IF;
            IF proof IS NULL AND stream_events[s] > 0 THEN
                proof := s;
            END IF;
            events_here := events_here + stream_events[s];
            s := s + 1;
        END LOOP;
        IF outcome = 1 AND proof IS NOT NULL THEN
            -- Is the first event of this unit there already? Then all of it is.
            agg := stream_agg[proof];
            SELECT e.position + events_here - 1 INTO known FROM events e
             WHERE e.aggregate_type = agg_type[agg] AND e.aggregate_id = agg_id[agg]::text
               AND e.sequence = stream_expected[proof] + 1 AND e.event_id = ev_id[before + 1];
        END IF;

        IF r <= receipts AND receipt_unit[r] = u THEN
            slot := receipt_same[r];
            IF keepers[slot] IS NOT NULL AND known IS NULL THEN
                IF keepers[slot] = receipt_unit_id[r] THEN
                    known := kept[slot];
                ELSE
                    outcome := 4;
                    positions[u] := kept[slot];
                END IF;
            END IF;
            r := r + 1;
        ELSE
            slot := NULL;
        END IF;

        WHILE g <= guards AND guard_unit[g] = u LOOP
            IF outcome = 0 AND known IS NULL AND versions[guard_agg[g]] <> guard_sequence[g] THEN
                outcome := 2;
                details[u] := guard_agg[g];
            END IF;
            g := g + 1;
        END LOOP;

        WHILE a <= actions AND action_unit[a] = u LOOP
            IF outcome = 0 AND known IS NULL AND action_take[a]
                AND holders[action_claim[a]] <> action_owner[a] THEN -- null (free) is not different
                outcome := 3;
                details[u] := action_claim[a];
                owners[u] := holders[action_claim[a]];
            END IF;
            a := a + 1;
        END LOOP;

        IF known IS NOT NULL THEN
            outcome := 0;
            positions[u] := known;
            skipped := skipped + events_here;
        ELSIF outcome <> 0 THEN
            skipped := skipped + events_here;
        ELSE
            written[u] := true;
            shifts[u] := head - skipped;
            found_at := head - skipped + before; -- position before the unit's first event
            FOR i IN first_stream..s - 1 LOOP
                IF stream_events[i] > 0 THEN
                    agg := stream_agg[i];
                    found_at := found_at + stream_events[i];
                    versions[agg] := stream_expected[i] + stream_events[i];
                    ends[agg] := found_at;
                END IF;
            END LOOP;
            IF events_here = 0 AND first_stream < s AND ends[stream_agg[first_stream]] > 0 THEN
                found_at := ends[stream_agg[first_stream]];
            END IF;
            positions[u] := found_at;
            FOR i IN first_action..a - 1 LOOP
                any_action := true;
                IF action_take[i] THEN
                    holders[action_claim[i]] := action_owner[i];
                ELSIF holders[action_claim[i]] = action_owner[i] THEN
                    holders[action_claim[i]] := NULL;
                END IF;
            END LOOP;
            IF slot IS NOT NULL THEN
                keepers[slot] := receipt_unit_id[r - 1];
                kept[slot] := found_at;
            END IF;
        END IF;
        outcomes[u] := outcome;
        before := before + events_here;
    END LOOP;

    IF before > skipped THEN
        INSERT INTO events (position, sequence, recorded_at, event_id, aggregate_type, aggregate_id, event_type,
                            event_version, payload, metadata)
        SELECT shifts[e.unit] + e.n, e.sequence, moment, e.id, e.aggregate_type, e.aggregate_id::text, e.type,
               e.version, e.payload::json, e.metadata::json
          FROM unnest(ev_unit, ev_type, ev_aggregate_type, ev_aggregate_id, ev_sequence, ev_id, ev_version, ev_payload,
                      ev_metadata)
               WITH ORDINALITY AS e(unit, type, aggregate_type, aggregate_id, sequence, id, version, payload, metadata, n)
         WHERE written[e.unit];
        PERFORM pg_notify('event_store', (head + before - skipped)::text);
    END IF;

    IF receipts > 0 THEN
        INSERT INTO command_receipts (class, day, principal, key, unit_id, position, recorded_at, status, fingerprint,
                                      body, etag, location)
        SELECT q.class, today, q.principal, q.key, q.unit_id, positions[q.unit], moment,
               q.status, q.fingerprint, q.body, q.etag, q.location
          FROM unnest(receipt_unit, receipt_unit_id, receipt_class, receipt_principal, receipt_key,
                      receipt_fingerprint, receipt_status, receipt_body, receipt_etag, receipt_location)
               AS q(unit, unit_id, class, principal, key, fingerprint, status, body, etag, location)
         WHERE written[q.unit];
    END IF;

    IF any_action THEN
        DELETE FROM unique_claims c
         USING unnest(claim_scope, claim_value, held, holders) AS q(scope, value, held, holder)
         WHERE q.held IS NOT NULL AND q.holder IS NULL AND c.scope = q.scope AND c.value = q.value;
        INSERT INTO unique_claims (scope, value, owner)
        SELECT q.scope, q.value, q.holder
          FROM unnest(claim_scope, claim_value, held, holders) AS q(scope, value, held, holder)
         WHERE q.holder IS NOT NULL AND q.held IS DISTINCT FROM q.holder
            ON CONFLICT (scope, value) DO UPDATE SET owner = excluded.owner;
    END IF;

    IF cardinality(snapshot_unit) > 0 THEN
        INSERT INTO snapshots AS kept_one (aggregate_type, aggregate_id, last_sequence, shape, payload)
        SELECT DISTINCT ON (q.agg) agg_type[q.agg], agg_id[q.agg]::text, q.sequence, q.shape, q.state::json
          FROM unnest(snapshot_unit, snapshot_agg, snapshot_sequence, snapshot_shape, snapshot_state)
               AS q(unit, agg, sequence, shape, state)
         WHERE written[q.unit]
         ORDER BY q.agg, q.sequence DESC
            ON CONFLICT (aggregate_type, aggregate_id) DO UPDATE
           SET last_sequence = excluded.last_sequence, shape = excluded.shape, payload = excluded.payload;
    END IF;
END
$$;

REVOKE ALL ON FUNCTION event_store.maintain_receipts, event_store.append, event_store.position_at FROM PUBLIC;
GRANT EXECUTE ON FUNCTION event_store.maintain_receipts, event_store.append TO taskledger_command;
GRANT EXECUTE ON FUNCTION event_store.position_at TO taskledger_command, taskledger_projections, taskledger_read;

SELECT event_store.maintain_receipts();

-- A plan made for tables that were never analysed guesses wildly.
ANALYZE event_store.events, event_store.log_head, event_store.snapshots, event_store.unique_claims,
    event_store.command_receipts, event_store.subject_keys;
