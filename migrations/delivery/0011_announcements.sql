-- Announcements as they stand, as of the checkpoint of the reactor `announcements`.
CREATE VIEW announcements AS
SELECT id, version, (state ->> 'author')::uuid AS author, state ->> 'state' AS state, state -> 'content' AS content,
    (state #>> '{scheduled,at}')::timestamptz AS send_time, state #>> '{scheduled,zone}' AS zone,
    (state ->> 'create_time')::timestamptz AS create_time, (state ->> 'update_time')::timestamptz AS update_time
FROM states WHERE consumer = 'announcements' AND kind = 'announcement';

-- Those whose time has come.
CREATE TABLE announcement_sendings (
    announcement_id uuid PRIMARY KEY,
    -- which version's time it was, and up to where users are looked at
    version    bigint NOT NULL,
    as_of      bigint NOT NULL,
    -- how many are told, once that is settled
    recipients bigint,
    -- the event that says that it is sent
    event_id   uuid,
    position   bigint
);

-- Whom they are told to, whoever comes or goes later.
CREATE TABLE announcement_recipients (
    announcement_id uuid NOT NULL REFERENCES announcement_sendings ON DELETE CASCADE,
    user_id         uuid NOT NULL,
    PRIMARY KEY (announcement_id, user_id)
);

-- Who could be told something by now: active people.
CREATE VIEW active_people AS
SELECT id AS user_id, ARRAY(SELECT jsonb_array_elements_text(state -> 'roles')) AS roles
FROM states
WHERE consumer = 'notices' AND kind = 'user' AND state ->> 'name' IS NOT NULL
    AND (state ->> 'verified')::boolean AND NOT (state ->> 'deactivated')::boolean
    AND state ->> 'service_scopes' IS NULL;

-- Not every notice is about a task.
ALTER TABLE notices ALTER COLUMN task_id DROP NOT NULL, ADD COLUMN announcement_id uuid;
CREATE INDEX notices_of_announcements ON notices (announcement_id) WHERE announcement_id IS NOT NULL;

-- Announcements that have been given a time, as the long jobs that they are: each recipient by each channel is one unit.
CREATE VIEW announcement_operations AS
SELECT a.id, 'announcement' AS kind, 'announcements/' || a.id AS subject,
    CASE WHEN a.state = 'cancelled' THEN 'cancelled' WHEN s.event_id IS NULL THEN 'pending'
        WHEN told.done < told.total THEN 'running' ELSE 'done' END AS state,
    told.done, told.total, a.create_time,
    CASE WHEN s.event_id IS NOT NULL THEN a.update_time END AS start_time,
    CASE WHEN a.state = 'cancelled' THEN a.update_time
        WHEN s.event_id IS NOT NULL AND told.done = told.total THEN greatest(a.update_time, told.last) END AS end_time,
    '{}'::jsonb AS metadata,
    CASE WHEN s.event_id IS NOT NULL AND told.done = told.total
        THEN jsonb_build_object('recipients', s.recipients) END AS response,
    NULL::jsonb AS error
FROM announcements AS a
LEFT JOIN announcement_sendings AS s ON s.announcement_id = a.id AND s.event_id IS NOT NULL
CROSS JOIN LATERAL (
    SELECT count(*) AS total, count(ended) AS done, max(ended) AS last FROM (
        SELECT end_time AS ended FROM deliveries WHERE event_id = s.event_id
        UNION ALL SELECT create_time FROM notices WHERE announcement_id = a.id
    ) AS each_one
) AS told
WHERE a.send_time IS NOT NULL;

GRANT SELECT ON announcements, announcement_sendings, announcement_recipients, active_people, announcement_operations
TO taskledger_read;
