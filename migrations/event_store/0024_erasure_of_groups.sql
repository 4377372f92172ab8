-- Erasing a person takes their consumer groups with it: names, filters and reasons are what the person has written.
CREATE OR REPLACE FUNCTION event_store.erase() RETURNS trigger
    LANGUAGE plpgsql
    SECURITY DEFINER
    SET search_path = event_store, pg_temp
    SET enable_seqscan = off
AS
$$
DECLARE
    person uuid := NEW.aggregate_id::uuid;
BEGIN
    -- With the key goes whatever was sealed with it: in events and their metadata, in copies of them, in snapshots, sessions and
    -- the audit log. A row without a key stays, or a key would be made anew.
    INSERT INTO subject_keys (subject) VALUES (person)
        ON CONFLICT (subject) DO UPDATE SET sealed_key = NULL;
    DELETE FROM unique_claims
     WHERE owner = person AND scope IN ('user.email', 'user.identity', 'user.device', 'user.admin');
    DELETE FROM credentials WHERE user_id = person;
    DELETE FROM sessions WHERE user_id = person;
    DELETE FROM totp_secrets WHERE user_id = person;
    DELETE FROM recovery_codes WHERE user_id = person;
    DELETE FROM second_step_tries WHERE user_id = person;
    DELETE FROM half_logins WHERE user_id = person;
    DELETE FROM login_codes WHERE user_id = person;
    DELETE FROM api_keys WHERE user_id = person;
    DELETE FROM consumer_groups WHERE owner = person;
    DELETE FROM snapshots WHERE aggregate_type = 'user' AND aggregate_id = NEW.aggregate_id;
    RETURN NULL;
END
$$;

-- Forgets groups that nobody has used for thirty days, which nobody is shown any more, and those that somebody has made who was
-- erased at that moment. Called at start and hourly.
CREATE FUNCTION event_store.forget_consumer_groups() RETURNS void
    LANGUAGE sql
    SECURITY DEFINER
    SET search_path = event_store, pg_temp
AS
$$
DELETE FROM consumer_groups g
 WHERE g.used_at < clock_timestamp() - interval '30 days' AND g.expires_at < clock_timestamp()
    OR EXISTS (SELECT FROM subject_keys k WHERE k.subject = g.owner AND k.sealed_key IS NULL)
$$;
REVOKE ALL ON FUNCTION event_store.forget_consumer_groups FROM PUBLIC;
GRANT EXECUTE ON FUNCTION event_store.forget_consumer_groups TO taskledger_command;
