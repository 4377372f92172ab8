-- Records tell more: how somebody proved who they are, through which proxies a request came, and which process answered it.

ALTER TABLE event_store.audit_log
    -- of what proves anew who somebody is, a login say: `amr` of the tokens that follow
    ADD COLUMN methods     text[] COLLATE "C",
    -- the trusted proxies between the client and us, sealed as the address is
    ADD COLUMN ip_chain    text,
    -- the process that answered, and the version of its program
    ADD COLUMN node        text COLLATE "C",
    ADD COLUMN app_version text COLLATE "C",
    DROP CONSTRAINT audit_log_actor_type_check,
    -- a program comes with an API key, which stands in the place of a session; before this it was called a user
    ADD CONSTRAINT audit_log_actor_type_check
        CHECK (actor_type IN ('user', 'service_account', 'anonymous', 'operator', 'system'));

-- How somebody came into a session, and proved anew in it who they are.
CREATE INDEX audit_log_of_methods ON event_store.audit_log (session, position) WHERE methods IS NOT NULL;

CREATE OR REPLACE FUNCTION event_store.keep_audit(rows jsonb) RETURNS void
    LANGUAGE sql
    SET search_path = event_store, pg_temp
AS
$$
INSERT INTO audit_log (id, occurred_at, action, outcome, status, code, actor_type, actor, session, methods, ip, ip_chain,
                       user_agent, request_id, correlation_id, trace_id, method, route, target_type, target_id, key_hash,
                       count, query, node, app_version)
SELECT id, occurred_at, action, outcome, status, code, actor_type, actor, session, methods, ip, ip_chain,
       user_agent, request_id, correlation_id, trace_id, method, route, target_type, target_id, key_hash,
       count, query, node, app_version
  FROM jsonb_to_recordset(rows) AS kept (id uuid, occurred_at timestamptz, action text, outcome text, status integer,
       code text, actor_type text, actor uuid, session uuid, methods text[], ip text, ip_chain text, user_agent text,
       request_id uuid, correlation_id uuid, trace_id text, method text, route text, target_type text, target_id text,
       key_hash text, count integer, query text, node text, app_version text)
    ON CONFLICT DO NOTHING
$$;

-- As before, and programs are called what they are. How people come in only the command side can say.
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
    OR kept ->> 'method' IN ('POST', 'PUT', 'DELETE')
       AND kept ->> 'action' IN ('events.make_consumer_group', 'events.seek_consumer_group',
           'events.replay_parked_group_events', 'events.skip_parked_group_events', 'events.delete_consumer_group')
       AND (kept ->> 'outcome' IN ('denied', 'failure') AND kept ->> 'actor_type' IN ('user', 'service_account', 'anonymous')
            OR kept ->> 'outcome' = 'success' AND kept ->> 'actor_type' IN ('user', 'service_account'))
$$;
