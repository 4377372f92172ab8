INSERT INTO event_store.events (position, sequence, recorded_at, event_id, aggregate_type, aggregate_id, event_type, event_version,
    payload, metadata)
SELECT a.place, a.step, a.at, bench.id(a.at, a.place, 8), 'task', bench.task(a.task)::text, s.event_type,
    s.event_version, coalesce(format(s.keyed, 1000000 + a.task), s.payload)::json,
    format(s.metadata, bench.person(a.person), bench.session(a.person, a.day), bench.request(a.place, a.at),
        to_char(a.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))::json
  FROM bench.acts($1, $2) AS a JOIN bench.steps s ON s.script = a.script AND s.step = a.step
