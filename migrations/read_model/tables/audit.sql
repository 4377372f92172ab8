-- One row an event: what auditors look for it by. What it says is in the log itself, at its position; here is what the log
-- holds sealed, in clear until the person is erased, and what it has no index for.
CREATE TABLE audit_events (
    position    bigint           NOT NULL PRIMARY KEY,
    occurred_at timestamptz      NOT NULL,
    recorded_at timestamptz      NOT NULL,
    -- the event's type
    action      text COLLATE "C" NOT NULL,
    -- the aggregate
    target_type text COLLATE "C" NOT NULL,
    target      uuid             NOT NULL,
    actor_type  text COLLATE "C" NOT NULL,
    actor       uuid,
    -- of a program the API key
    session     uuid,
    request     uuid             NOT NULL,
    correlation uuid             NOT NULL,
    ip          inet,
    user_agent  text
);

-- Every event is written into each of these, so there is one for each question that must be answered at once.
-- indexes
CREATE INDEX audit_events_by_actor ON audit_events (actor, position) WHERE actor IS NOT NULL;
CREATE INDEX audit_events_by_target ON audit_events (target, position);
CREATE INDEX audit_events_by_action ON audit_events (action, position);
CREATE INDEX audit_events_by_session ON audit_events (session, position) WHERE session IS NOT NULL;
CREATE INDEX audit_events_by_ip ON audit_events (ip, position) WHERE ip IS NOT NULL;
CREATE INDEX audit_events_by_correlation ON audit_events (correlation);
-- A request is its own intent, but where the system goes on with it.
CREATE INDEX audit_events_by_request ON audit_events (request) WHERE request <> correlation;
