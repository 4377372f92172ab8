-- Records tell over what a request came, and there are more of them: who was refused a stream over gRPC, and who makes a
-- consumer group or skips events while consuming one.

ALTER TABLE event_store.audit_log
    -- http | grpc | system; none in rows from before, which say of both of the first that they came as HTTP
    ADD COLUMN transport text COLLATE "C";

CREATE OR REPLACE FUNCTION event_store.keep_audit(rows jsonb) RETURNS void
    LANGUAGE sql
    SET search_path = event_store, pg_temp
AS
$$
INSERT INTO audit_log (id, occurred_at, action, outcome, status, code, actor_type, actor, session, methods, ip, ip_chain,
                       user_agent, request_id, correlation_id, trace_id, method, route, target_type, target_id, key_hash,
                       count, query, node, app_version, transport)
SELECT id, occurred_at, action, outcome, status, code, actor_type, actor, session, methods, ip, ip_chain,
       user_agent, request_id, correlation_id, trace_id, method, route, target_type, target_id, key_hash,
       count, query, node, app_version, transport
  FROM jsonb_to_recordset(rows) AS kept (id uuid, occurred_at timestamptz, action text, outcome text, status integer,
       code text, actor_type text, actor uuid, session uuid, methods text[], ip text, ip_chain text, user_agent text,
       request_id uuid, correlation_id uuid, trace_id text, method text, route text, target_type text, target_id text,
       key_hash text, count integer, query text, node text, app_version text, transport text)
    ON CONFLICT DO NOTHING
$$;

-- The query side may also say who was refused what is posted and changes nothing: to subscribe and to consume over gRPC, to try
-- a rule.
CREATE OR REPLACE FUNCTION event_store.keep_refused_reads(rows jsonb) RETURNS void
    LANGUAGE sql
    SECURITY DEFINER
    SET search_path = event_store, pg_temp
AS
$$
SELECT keep_audit(coalesce(jsonb_agg(kept - 'methods'), '[]'))
  FROM jsonb_array_elements(rows) AS kept
 WHERE kept ->> 'method' IN ('GET', 'HEAD')
       AND (kept ->> 'outcome' = 'denied' AND kept ->> 'actor_type' IN ('user', 'service_account', 'anonymous')
            OR kept ->> 'outcome' = 'success' AND kept ->> 'actor_type' IN ('user', 'service_account'))
    OR kept ->> 'method' = 'POST' AND kept ->> 'action' IN ('events.subscribe', 'events.consume',
           'notifications.dry_run_notification_rule')
       AND kept ->> 'outcome' = 'denied' AND kept ->> 'actor_type' IN ('user', 'service_account', 'anonymous')
    OR kept ->> 'method' IN ('POST', 'PUT', 'DELETE')
       AND kept ->> 'action' IN ('events.make_consumer_group', 'events.seek_consumer_group',
           'events.replay_parked_group_events', 'events.skip_parked_group_events', 'events.delete_consumer_group')
       AND (kept ->> 'outcome' IN ('denied', 'failure') AND kept ->> 'actor_type' IN ('user', 'service_account', 'anonymous')
            OR kept ->> 'outcome' = 'success' AND kept ->> 'actor_type' IN ('user', 'service_account'))
$$;
