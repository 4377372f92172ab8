-- One row a user, personal fields in clear: this is where readers take names from.
CREATE TABLE users (
    id            uuid PRIMARY KEY,
    version       bigint      NOT NULL,
    position      bigint      NOT NULL,
    -- null when erased, or never given (an imported user has no e-mail address)
    email         text,
    name          text,
    -- The key of the personal fields is gone.
    erased        boolean     NOT NULL,
    verified      boolean     NOT NULL,
    deactivated   boolean     NOT NULL,
    -- unverified | active | deactivated
    state         text        COLLATE "C" NOT NULL GENERATED ALWAYS AS
        (CASE WHEN deactivated THEN 'deactivated' WHEN verified THEN 'active' ELSE 'unverified' END) STORED,
    -- null for imported users
    locale        text,
    time_zone     text,
    roles         text[]      COLLATE "C" NOT NULL,
    source_system text        COLLATE "C",
    source_id     text        COLLATE "C",
    create_time   timestamptz NOT NULL,
    update_time   timestamptz NOT NULL
) WITH (fillfactor = 80);

-- indexes
CREATE INDEX users_by_create ON users (create_time, id);
CREATE INDEX users_by_source ON users (source_system, source_id) WHERE source_system IS NOT NULL;
