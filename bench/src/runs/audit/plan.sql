-- What is copied, and by which rule: from a position follow the task, its step and the person, so that the log and the table of
-- audits can be filled side by side.
CREATE SCHEMA bench;

-- All of these are so plain that they are not called but written into the queries, which makes them ten times as fast.
-- 53 bits of 64, the same for the same.
CREATE FUNCTION bench.dice(x bigint, seed bigint) RETURNS bigint LANGUAGE sql STABLE PARALLEL SAFE
AS $$ SELECT hashint8extended(x, seed) & 9007199254740991 $$;

-- Between 0 and 1.
CREATE FUNCTION bench.luck(x bigint, seed bigint) RETURNS double precision LANGUAGE sql STABLE PARALLEL SAFE
AS $$ SELECT (hashint8extended(x, seed) & 9007199254740991) / 9007199254740992.0::double precision $$;

-- A version 7 id of this time.
CREATE FUNCTION bench.id(at timestamptz, x bigint, seed bigint) RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE
AS $$ SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '70008'
    || lpad(to_hex(hashint8extended(x, seed)), 16, '0')::char(15))::uuid $$;

-- The one whose roles have changed is what others are made after.
CREATE TABLE bench.person_steps AS
SELECT e.sequence::integer AS step, e.event_type, e.event_version, e.payload, e.metadata, count(*) OVER ()::integer AS count
  FROM event_store.events e
 WHERE e.aggregate_type = 'user'
   AND e.aggregate_id = (SELECT min(aggregate_id) FROM event_store.events WHERE event_type = 'user.role_revoked');

-- The year that ends now.
CREATE TABLE bench.plan AS
SELECT head, head + people * (SELECT min(count) FROM bench.person_steps) AS people_until, events AS last, people, lanes, began,
    365 * 86400.0::double precision / (events - head) AS pace
  FROM (SELECT max(position) AS head FROM event_store.events) AS made,
       (VALUES ($1::bigint, 1000, least(5000, $1 / 40)::integer, date_trunc('second', now() - interval '365 days')))
           AS given (events, people, lanes, began);

-- What was made came before.
UPDATE event_store.events SET recorded_at = recorded_at - interval '366 days';
UPDATE event_store.audit_log SET recorded_at = recorded_at - interval '366 days', occurred_at = occurred_at - interval '366 days';
UPDATE read_model.audit_events SET recorded_at = recorded_at - interval '366 days';
UPDATE read_model.audit_attempts
   SET recorded_at = recorded_at - interval '366 days', occurred_at = occurred_at - interval '366 days';

-- Each event as it was made, with places for who, in which session, in which request, and when. The last scripts are the rare ones.
CREATE TABLE bench.steps AS
SELECT dense_rank() OVER (ORDER BY made.first) - 1 AS script, e.sequence::integer AS step, e.event_type, e.event_version,
    replace(replace(e.payload::text, '%', '%%'), substring(e.payload::text FROM '"key": ?"T-\d+"'), '"key":"T-%s"') AS keyed,
    e.payload::text AS payload,
    regexp_replace(regexp_replace(regexp_replace(regexp_replace(regexp_replace(
        replace(e.metadata::text, '%', '%%'),
        '("actor_id": ?)"[^"]*"', '\1"%1$s"'), '("session_id": ?)"[^"]*"', '\1"%2$s"'),
        '("request_id": ?)"[^"]*"', '\1"%3$s"'), '("correlation_id": ?)"[^"]*"', '\1"%3$s"'),
        '("occurred_at": ?)"[^"]*"', '\1"%4$s"') AS metadata
  FROM event_store.events e
  JOIN (SELECT aggregate_id, min(position) AS first FROM event_store.events
         WHERE aggregate_type = 'task' GROUP BY 1 HAVING count(*) >= 20) AS made USING (aggregate_id)
 WHERE e.sequence <= 20;
CREATE UNIQUE INDEX ON bench.steps (script, step);
CREATE TABLE bench.scripts AS SELECT max(script) + 1 AS count FROM bench.steps;
ANALYZE bench.steps, bench.scripts, bench.plan;

-- Few do much, most do little.
CREATE FUNCTION bench.person_of(x bigint, seed bigint) RETURNS integer LANGUAGE sql STABLE PARALLEL SAFE
AS $$ SELECT floor(1000 * power(bench.luck(x, seed), 3))::integer $$;
-- One in ten leaves after a quarter, and the next one does the work.
CREATE FUNCTION bench.who_is_left(rank integer, day integer) RETURNS integer LANGUAGE sql STABLE PARALLEL SAFE
AS $$ SELECT CASE WHEN rank % 10 = 3 AND day > 90 THEN rank + 1 ELSE rank END $$;
CREATE FUNCTION bench.person(rank integer) RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE
AS $$ SELECT bench.id(timestamptz '2025-01-01 00:00Z', rank, 1) $$;
CREATE FUNCTION bench.task(number bigint) RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE
AS $$ SELECT bench.id(timestamptz '2025-01-01 00:00Z' + number * interval '1 minute', number, 2) $$;
CREATE FUNCTION bench.session(person integer, day integer) RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE
AS $$ SELECT bench.id(timestamptz '2025-01-01 00:00Z' + day * interval '1 day', person, 3 + day) $$;
CREATE FUNCTION bench.request(place bigint, at timestamptz) RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE
AS $$ SELECT bench.id(at, place, 4) $$;

-- At work, at home, on the way. In the first weeks the work was done in an office that was left then.
CREATE FUNCTION bench.address(x bigint, person integer, day integer) RETURNS inet LANGUAGE sql STABLE PARALLEL SAFE
AS $$ SELECT (CASE
    WHEN x % 100 < 60 AND day < 36 THEN '198.51.' || person % 8 || '.' || 1 + person / 8
    WHEN x % 100 < 60 THEN '10.' || person % 20 || '.' || 1 + person / 20 || '.7'
    WHEN x % 100 < 90 THEN '81.' || person * 7 % 200 || '.' || person % 250 || '.9'
    WHEN x % 100 < 98 THEN '100.64.' || x / 100 % 256 || '.' || x / 25600 % 256
    ELSE '2001:db8:' || to_hex(person) || '::' || to_hex(x / 100 % 65536) END)::inet $$;
CREATE FUNCTION bench.client(person integer) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
AS $$ SELECT (ARRAY['Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0',
    'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36',
    'Mozilla/5.0 (iPhone; CPU iPhone OS 19_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.1 Safari/604.1',
    'okhttp/5.1.0'])[1 + person % 4] $$;

-- Who did which step of which task. As many tasks as there are lanes are under way at a time, each at another step; three people
-- share a task. One that was under way when the log ends is not finished, nor are the first ones.
CREATE FUNCTION bench.acts(first bigint, last bigint)
    RETURNS TABLE (place bigint, at timestamptz, task bigint, script bigint, step integer, person integer, day integer)
    LANGUAGE sql STABLE
AS $$
SELECT place, at, task,
    CASE WHEN kind < 50 THEN s.count - 1 WHEN kind < 150 THEN s.count - 2 ELSE kind % (s.count - 2) END,
    step, bench.who_is_left(person, day), day
  FROM bench.scripts s, (
    SELECT *, bench.person_of(task * 3 + step % 3, 5) AS person FROM (
    SELECT place, at, day, lane + turn / 20 * lanes AS task, bench.dice(lane + turn / 20 * lanes, 6) % 10000 AS kind,
        (CASE WHEN turn < 20 THEN tick ELSE turn % 20 END)::integer + 1 AS step
      FROM (
        SELECT place, p.began + make_interval(secs => (place - p.head) * p.pace) AS at,
            ((place - p.head) * p.pace / 86400)::integer AS day, p.lanes,
            (place - p.people_until - 1) % p.lanes AS lane,
            (place - p.people_until - 1) / p.lanes AS tick,
            (place - p.people_until - 1) / p.lanes + (place - p.people_until - 1) % p.lanes % 20 AS turn
          FROM bench.plan p, generate_series(first, last) AS place
        OFFSET 0) AS ticks
      OFFSET 0) AS tasks
    OFFSET 0) AS acts $$;

INSERT INTO event_store.events (position, sequence, recorded_at, event_id, aggregate_type, aggregate_id, event_type, event_version,
    payload, metadata)
SELECT p.head + rank * count + step, step, p.began, bench.id(p.began, rank * count + step, 7), 'user', bench.person(rank)::text,
    event_type, event_version, payload, metadata
  FROM bench.plan p, generate_series(0, p.people - 1) AS rank, bench.person_steps;
