INSERT INTO read_model.audit_events (position, occurred_at, recorded_at, action, target, actor, session, ip, user_agent)
SELECT a.place, a.at, a.at, s.event_type, bench.task(a.task), bench.person(a.person), bench.session(a.person, a.day),
    bench.address(bench.dice(a.place, 9), a.person, a.day), bench.client(a.person)
  FROM bench.acts($1, $2) AS a JOIN bench.steps s ON s.script = a.script AND s.step = a.step
