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

GRANT SELECT ON announcements, announcement_sendings, announcement_recipients, active_people TO taskledger_read;
