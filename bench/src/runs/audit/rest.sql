-- People: their rows, and what was recorded about each. Tasks: a row each, as that of one that was made.
INSERT INTO read_model.audit_events (position, occurred_at, recorded_at, action, target, actor)
SELECT e.position, e.recorded_at, e.recorded_at, e.event_type, e.aggregate_id::uuid, (e.metadata ->> 'actor_id')::uuid
  FROM event_store.events e, bench.plan p WHERE e.position > p.head AND e.position <= p.people_until;

DO $$
DECLARE
    columns text;
    wanted  record;
BEGIN
    FOR wanted IN
        SELECT * FROM (VALUES
            ('users', 'bench.person(n::integer)', 'NULL', 'SELECT n FROM bench.plan, generate_series(0, people - 1) AS n'),
            ('tasks', 'bench.task(n)', '1000000 + n',
                'SELECT n FROM generate_series(0, (SELECT max(task) FROM bench.plan, bench.acts(last - 20 * lanes, last))) AS n'))
            AS made (projection, id, key, numbers)
    LOOP
        SELECT string_agg(format('%I', c.column_name), ', ') INTO columns
          FROM information_schema.columns c JOIN read_model.projections p ON p.name = wanted.projection
         WHERE c.table_schema = 'read_model_v' || p.live_version AND c.table_name = wanted.projection
           AND c.is_generated = 'NEVER';
        EXECUTE format('INSERT INTO %s (%s) SELECT %s FROM (SELECT * FROM read_model.%I ORDER BY create_time DESC LIMIT 1) AS one, (%s) AS numbers',
            (SELECT format('read_model_v%s.%I', p.live_version, p.name) FROM read_model.projections p WHERE p.name = wanted.projection),
            columns,
            regexp_replace(regexp_replace(columns, '\mid\M', wanted.id), '\mkey\M', wanted.key),
            wanted.projection, wanted.numbers);
    END LOOP;
END $$;

-- Two of the audit log for each hundred events, half of them logins.
CREATE TABLE bench.attempts AS
SELECT row_number() OVER (ORDER BY methods IS NULL, position) - 1 AS number, methods IS NOT NULL AS is_login, a.*
  FROM event_store.audit_log a WHERE actor IS NOT NULL OR outcome <> 'success';
CREATE TABLE bench.tried AS
SELECT made.position + n AS position, p.began + make_interval(secs => n * 50 * p.pace) AS at,
    bench.who_is_left(bench.person_of(n, 10), (n * 50 * p.pace / 86400)::integer) AS person,
    (n * 50 * p.pace / 86400)::integer AS day,
    CASE WHEN n % 2 = 0 THEN bench.dice(n, 11) % logins.count ELSE logins.count + bench.dice(n, 11) % others.count END AS number
  FROM bench.plan p,
       (SELECT max(position) AS position FROM event_store.audit_log) AS made,
       (SELECT count(*) FROM bench.attempts WHERE is_login) AS logins,
       (SELECT count(*) FROM bench.attempts WHERE NOT is_login) AS others,
       generate_series(1, p.last / 50) AS n;
ALTER TABLE event_store.audit_log DISABLE TRIGGER place;
INSERT INTO event_store.audit_log (position, id, occurred_at, recorded_at, action, outcome, status, code, actor_type, actor, session,
    methods, ip, ip_chain, user_agent, request_id, correlation_id, trace_id, method, route, target_type, target_id, key_hash, count,
    query, node, app_version, transport)
SELECT t.position, bench.id(t.at, t.position, 12), t.at, t.at, action, outcome, status, code, actor_type,
    CASE WHEN actor IS NOT NULL THEN bench.person(t.person) END,
    CASE WHEN session IS NOT NULL THEN bench.session(t.person, t.day) END, methods, ip, ip_chain, user_agent,
    bench.id(t.at, t.position, 13), bench.id(t.at, t.position, 13), trace_id, method, route, target_type, target_id, key_hash, count,
    query, node, app_version, transport
  FROM bench.tried t JOIN bench.attempts a ON a.number = t.number ORDER BY t.position;
ALTER TABLE event_store.audit_log ENABLE TRIGGER place;
INSERT INTO read_model.audit_attempts (position, occurred_at, recorded_at, action, outcome, status, code, actor_type, actor, session,
    request, correlation, trace, method, route, target_type, target, target_key, key_hash, count, ip, user_agent, query)
SELECT t.position, t.at, t.at, c.action, c.outcome, c.status, c.code, c.actor_type,
    CASE WHEN c.actor IS NOT NULL THEN bench.person(t.person) END,
    CASE WHEN c.session IS NOT NULL THEN bench.session(t.person, t.day) END,
    bench.id(t.at, t.position, 13), bench.id(t.at, t.position, 13), c.trace, c.method, c.route, c.target_type, c.target, c.target_key,
    c.key_hash, c.count, bench.address(bench.dice(t.position, 14), t.person, t.day), bench.client(t.person), c.query
  FROM bench.tried t JOIN bench.attempts a ON a.number = t.number JOIN read_model.audit_attempts c ON c.position = a.position
 ORDER BY t.position;
UPDATE read_model.audit_copied SET position = (SELECT max(position) FROM event_store.audit_log);

-- Nobody is behind.
UPDATE read_model.checkpoints c SET position = e.position, event_id = e.event_id, recorded_at = e.recorded_at
  FROM event_store.events e WHERE e.position = (SELECT max(position) FROM event_store.events);
UPDATE delivery.checkpoints c SET position = e.position, event_id = e.event_id
  FROM event_store.events e WHERE e.position = (SELECT max(position) FROM event_store.events);
