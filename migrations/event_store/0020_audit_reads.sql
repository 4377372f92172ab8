-- Reads that must be known of although they were answered: of audit data, and of what is somebody else's.

-- What was asked for, sealed as the address is.
ALTER TABLE event_store.audit_log ADD COLUMN query text;

CREATE OR REPLACE FUNCTION event_store.keep_audit(rows jsonb) RETURNS void
    LANGUAGE sql
    SET search_path = event_store, pg_temp
AS
$$
INSERT INTO audit_log (id, occurred_at, action, outcome, status, code, actor_type, actor, session, ip, user_agent, request_id,
                       correlation_id, trace_id, method, route, target_type, target_id, key_hash, count, query)
SELECT id, occurred_at, action, outcome, status, code, actor_type, actor, session, ip, user_agent, request_id,
       correlation_id, trace_id, method, route, target_type, target_id, key_hash, count, query
  FROM jsonb_to_recordset(rows) AS kept (id uuid, occurred_at timestamptz, action text, outcome text, status integer,
       code text, actor_type text, actor uuid, session uuid, ip text, user_agent text, request_id uuid, correlation_id uuid,
       trace_id text, method text, route text, target_type text, target_id text, key_hash text, count integer, query text)
    ON CONFLICT DO NOTHING
$$;

-- The query side may say which reads it refused and which it answered to somebody it knew, and nothing that looks like
-- anything else. The name is that of before, which programs of before still call.
CREATE OR REPLACE FUNCTION event_store.keep_refused_reads(rows jsonb) RETURNS void
    LANGUAGE sql
    SECURITY DEFINER
    SET search_path = event_store, pg_temp
AS
$$
SELECT keep_audit(coalesce(jsonb_agg(kept), '[]'))
  FROM jsonb_array_elements(rows) AS kept
 WHERE kept ->> 'method' IN ('GET', 'HEAD')
   AND (kept ->> 'outcome' = 'denied' AND kept ->> 'actor_type' IN ('user', 'anonymous')
        OR kept ->> 'outcome' = 'success' AND kept ->> 'actor_type' = 'user')
$$;

-- The read model has a copy for auditors.
GRANT SELECT ON event_store.audit_log TO taskledger_projections;
