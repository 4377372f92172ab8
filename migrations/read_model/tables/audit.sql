-- One row an event: what auditors look for it by. What it says is in the log itself, at its position; here is what the log
-- holds sealed, in clear until the person is erased, and what it has no index for. The events about a target and those of an
-- intent are found in the log.
CREATE TABLE audit_events (
    position    bigint           NOT NULL PRIMARY KEY,
    occurred_at timestamptz      NOT NULL,
    recorded_at timestamptz      NOT NULL,
    -- the event's type
    action      text COLLATE "C" NOT NULL,
    -- the aggregate
    target      uuid             NOT NULL,
    actor       uuid,
    -- of a program the API key
    session     uuid,
    -- where it is not the intent itself: the system goes on with something
    request     uuid,
    ip          inet,
    user_agent  text
);

-- Every event is written into each of these, so there is one for each question that must be answered at once. The everyday
-- actions are left out: of what is frequent there is always some near the end of a list.
-- indexes
CREATE INDEX audit_events_by_actor ON audit_events (actor, position) WHERE actor IS NOT NULL;
CREATE INDEX audit_events_by_action ON audit_events (action, position)
    WHERE action NOT IN ('task.created', 'task.assigned', 'task.started', 'task.completed', 'task.commented');
CREATE INDEX audit_events_by_session ON audit_events (session, position) WHERE session IS NOT NULL;
CREATE INDEX audit_events_by_ip ON audit_events (ip, position) WHERE ip IS NOT NULL;
CREATE INDEX audit_events_by_request ON audit_events (request) WHERE request IS NOT NULL;
-- To forget where the people came from who were strangers then.
CREATE INDEX audit_events_by_strangers_target ON audit_events (target) WHERE actor IS NULL;
