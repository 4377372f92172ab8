-- The query side may also say who has moved a consumer group, or settled or forgotten what was in one, and who was refused
-- that. They are no facts of the log, so no event tells of them.
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
    OR kept ->> 'method' IN ('POST', 'PUT', 'DELETE')
       AND kept ->> 'action' IN ('events.make_consumer_group', 'events.seek_consumer_group',
           'events.replay_parked_group_events', 'events.skip_parked_group_events', 'events.delete_consumer_group')
       AND (kept ->> 'outcome' IN ('denied', 'failure') AND kept ->> 'actor_type' IN ('user', 'anonymous')
            OR kept ->> 'outcome' = 'success' AND kept ->> 'actor_type' = 'user')
$$;
