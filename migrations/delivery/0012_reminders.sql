-- When open tasks are due, as of the checkpoint of the reactor `notices`, and of what people were told.
CREATE TABLE task_dues (
    task_id    uuid PRIMARY KEY,
    due        jsonb       NOT NULL,
    -- when people are reminded that it is due soon, and that it is overdue
    soon_at    timestamptz NOT NULL,
    overdue_at timestamptz NOT NULL,
    soon_told    boolean   NOT NULL DEFAULT false,
    overdue_told boolean   NOT NULL DEFAULT false,
    escalated    boolean   NOT NULL DEFAULT false
) WITH (fillfactor = 70);
CREATE INDEX task_dues_soon ON task_dues (soon_at) WHERE NOT soon_told;
CREATE INDEX task_dues_overdue ON task_dues (overdue_at) WHERE NOT overdue_told;
CREATE INDEX task_dues_escalated ON task_dues (overdue_at) WHERE NOT escalated;

-- Tasks of before: what is over by now is no news. Days are taken as in UTC until they change.
INSERT INTO task_dues (task_id, due, soon_at, overdue_at, soon_told, overdue_told, escalated)
SELECT id, due, soon_at, overdue_at, soon_at <= now(), overdue_at <= now(), overdue_at <= now()
FROM (
    SELECT id, state -> 'due' AS due,
        coalesce((state #>> '{due,at}')::timestamptz - interval '1 day',
            ((state #>> '{due,date}')::date - 1 + time '08:00') AT TIME ZONE 'UTC') AS soon_at,
        coalesce((state #>> '{due,at}')::timestamptz,
            ((state #>> '{due,date}')::date + 1 + time '08:00') AT TIME ZONE 'UTC') AS overdue_at
    FROM states
    WHERE consumer = 'notices' AND kind = 'task' AND jsonb_typeof(state -> 'due') = 'object'
        AND NOT (state ->> 'deleted')::boolean AND state ->> 'status' NOT IN ('done', 'cancelled')
) AS open;

-- Which task blocks which, and whether it is open, as of the same checkpoint.
CREATE TABLE task_blocks (
    blocked uuid    NOT NULL,
    blocker uuid    NOT NULL,
    open    boolean NOT NULL,
    PRIMARY KEY (blocked, blocker)
);
CREATE INDEX task_blocks_of_blocker ON task_blocks (blocker);
INSERT INTO task_blocks (blocked, blocker, open)
SELECT (relation ->> 'task')::uuid, id, NOT (state ->> 'deleted')::boolean AND state ->> 'status' NOT IN ('done', 'cancelled')
FROM states, jsonb_array_elements(state -> 'relations') AS relation
WHERE consumer = 'notices' AND kind = 'task' AND relation ->> 'type' = 'blocks'
ON CONFLICT DO NOTHING;
