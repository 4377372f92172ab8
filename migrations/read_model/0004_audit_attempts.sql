-- What is no event and still must be known, as the audit log has it, with addresses in clear until the person is erased.
-- Copied, so it may be emptied and is filled again.
CREATE TABLE read_model.audit_attempts
(
    -- in the audit log
    position    bigint           NOT NULL PRIMARY KEY,
    occurred_at timestamptz      NOT NULL,
    recorded_at timestamptz      NOT NULL,
    action      text COLLATE "C" NOT NULL,
    -- success | failure | denied
    outcome     text COLLATE "C" NOT NULL,
    status      integer,
    code        text COLLATE "C",
    actor_type  text COLLATE "C" NOT NULL,
    actor       uuid,
    session     uuid,
    request     uuid             NOT NULL,
    correlation uuid             NOT NULL,
    trace       text COLLATE "C",
    method      text COLLATE "C",
    route       text COLLATE "C",
    target_type text COLLATE "C",
    target      uuid,
    -- where the path named the target by something else: T-123
    target_key  text COLLATE "C",
    key_hash    text COLLATE "C",
    -- of so many alike
    count       integer          NOT NULL,
    ip          inet,
    user_agent  text,
    -- what a read asked for
    query       text
);
CREATE INDEX audit_attempts_by_time ON read_model.audit_attempts (recorded_at, position);
CREATE INDEX audit_attempts_by_actor ON read_model.audit_attempts (actor, position) WHERE actor IS NOT NULL;
CREATE INDEX audit_attempts_by_target ON read_model.audit_attempts (target, position) WHERE target IS NOT NULL;
CREATE INDEX audit_attempts_by_action ON read_model.audit_attempts (action, position);
CREATE INDEX audit_attempts_by_session ON read_model.audit_attempts (session, position) WHERE session IS NOT NULL;
CREATE INDEX audit_attempts_by_ip ON read_model.audit_attempts (ip, position) WHERE ip IS NOT NULL;
CREATE INDEX audit_attempts_by_correlation ON read_model.audit_attempts (correlation);

-- How far the copy is, and of which log.
CREATE TABLE read_model.audit_copied
(
    single   boolean NOT NULL PRIMARY KEY DEFAULT true CHECK (single),
    position bigint  NOT NULL DEFAULT 0,
    epoch    uuid
);
INSERT INTO read_model.audit_copied DEFAULT VALUES;
