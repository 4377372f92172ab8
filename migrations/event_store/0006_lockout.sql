-- Passwords that were tried, by address, whether or not anybody has signed up with it. A try is counted before its
-- password is looked at, so that many at once are no more than one after the other; a right one forgets all of them.
CREATE TABLE event_store.login_tries
(
    -- HMAC of the address as it is compared
    address      text COLLATE "C" NOT NULL PRIMARY KEY,
    -- of the last 15 minutes, since the last lock
    tried_at     timestamptz[]    NOT NULL,
    last_at      timestamptz      NOT NULL DEFAULT clock_timestamp(),
    -- until then no password is looked at
    locked_until timestamptz,
    -- locks so far, the next one is twice as long
    locks        integer          NOT NULL DEFAULT 0,
    -- when the person was last to be told
    told_at      timestamptz
) WITH (fillfactor = 80);

GRANT SELECT, INSERT, UPDATE, DELETE ON event_store.login_tries TO taskledger_command;
