-- More who write the audit log: the query side about reads that it refused, and operators and the system itself about what
-- no request asks for (another signing key).

ALTER TABLE event_store.audit_log
    -- `user`, `anonymous`; `operator`, `system` where no request asked; none: kept by a program of before
    ADD COLUMN actor_type text COLLATE "C" CHECK (actor_type IN ('user', 'anonymous', 'operator', 'system')),
    ALTER COLUMN status DROP NOT NULL,
    ALTER COLUMN trace_id DROP NOT NULL,
    ALTER COLUMN method DROP NOT NULL,
    ALTER COLUMN route DROP NOT NULL,
    ADD CHECK (actor_type IN ('operator', 'system')
        OR (status IS NOT NULL AND trace_id IS NOT NULL AND method IS NOT NULL AND route IS NOT NULL));

UPDATE event_store.audit_log SET actor_type = CASE WHEN actor IS NULL THEN 'anonymous' ELSE 'user' END;

-- Adds rows, with the rights of the caller; those that are there already stay as they are.
CREATE FUNCTION event_store.keep_audit(rows jsonb) RETURNS void
    LANGUAGE sql
    SET search_path = event_store, pg_temp
AS
$$
INSERT INTO audit_log (id, occurred_at, action, outcome, status, code, actor_type, actor, session, ip, user_agent, request_id,
                       correlation_id, trace_id, method, route, target_type, target_id, key_hash, count)
SELECT id, occurred_at, action, outcome, status, code, actor_type, actor, session, ip, user_agent, request_id,
       correlation_id, trace_id, method, route, target_type, target_id, key_hash, count
  FROM jsonb_to_recordset(rows) AS kept (id uuid, occurred_at timestamptz, action text, outcome text, status integer,
       code text, actor_type text, actor uuid, session uuid, ip text, user_agent text, request_id uuid, correlation_id uuid,
       trace_id text, method text, route text, target_type text, target_id text, key_hash text, count integer)
    ON CONFLICT DO NOTHING
$$;

-- The query side has read rights only. It may say which reads it refused, and nothing that looks like anything else.
CREATE FUNCTION event_store.keep_refused_reads(rows jsonb) RETURNS void
    LANGUAGE sql
    SECURITY DEFINER
    SET search_path = event_store, pg_temp
AS
$$
SELECT keep_audit(coalesce(jsonb_agg(kept), '[]'))
  FROM jsonb_array_elements(rows) AS kept
 WHERE kept ->> 'method' IN ('GET', 'HEAD') AND kept ->> 'outcome' = 'denied' AND kept ->> 'actor_type' IN ('user', 'anonymous')
$$;

REVOKE ALL ON FUNCTION event_store.keep_audit, event_store.keep_refused_reads FROM PUBLIC;
GRANT EXECUTE ON FUNCTION event_store.keep_audit TO taskledger_command;
GRANT EXECUTE ON FUNCTION event_store.keep_refused_reads TO taskledger_read;

-- Shorter than a password must be that does alone: chosen by somebody who has a second factor.
ALTER TABLE event_store.credentials ADD COLUMN needs_factor boolean NOT NULL DEFAULT false;
