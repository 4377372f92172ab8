-- Erasing a person. Whoever appends `user.erased` erases: what follows happens in the transaction of the append, so an erasure
-- that was acknowledged has happened, and there is none without its event.

-- Of values that must be unique a person gives back those that say who they are; tasks' claims are not looked at.
CREATE INDEX unique_claims_of_users ON event_store.unique_claims (owner)
    WHERE scope IN ('user.email', 'user.identity', 'user.device', 'user.admin');

CREATE FUNCTION event_store.erase() RETURNS trigger
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
    DELETE FROM snapshots WHERE aggregate_type = 'user' AND aggregate_id = NEW.aggregate_id;
    RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION event_store.erase FROM PUBLIC;

CREATE TRIGGER erase AFTER INSERT ON event_store.events
    FOR EACH ROW WHEN (NEW.event_type = 'user.erased') EXECUTE FUNCTION event_store.erase();

ANALYZE event_store.unique_claims;

-- The sessions of a person, for the person: all that the query side may know of them.
CREATE FUNCTION event_store.sessions_of(person uuid)
    RETURNS TABLE (id uuid, ip text, user_agent text, created_at timestamptz, last_active_at timestamptz, ended_at timestamptz)
    LANGUAGE sql
    STABLE
    SECURITY DEFINER
    SET search_path = event_store, pg_temp
AS
$$
SELECT s.id, s.ip, s.user_agent, s.created_at, s.last_active_at, s.ended_at FROM sessions s WHERE s.user_id = person
$$;
REVOKE ALL ON FUNCTION event_store.sessions_of FROM PUBLIC;
GRANT EXECUTE ON FUNCTION event_store.sessions_of TO taskledger_read;
