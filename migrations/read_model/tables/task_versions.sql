-- Every version that a task has had, as far as lists filter and sort by it, with the span of positions and of times in which it
-- stood: a list as of a moment is the versions whose span it is in. What a task was like in all is read from the log.
CREATE TABLE task_versions (
    id              uuid        NOT NULL,
    -- The event that made it, and the next one of the task; null while it stands.
    since           bigint      NOT NULL,
    until           bigint,
    -- The last event that changed this row.
    position        bigint      NOT NULL GENERATED ALWAYS AS (coalesce(until, since)) STORED,
    version         bigint      NOT NULL,
    -- When these two happened.
    update_time     timestamptz NOT NULL,
    until_time      timestamptz,
    -- It happened more than a day after the log took it, as the log has it.
    ahead           boolean     NOT NULL,
    status          text        COLLATE "C" NOT NULL,
    priority        smallint    NOT NULL,
    due             timestamptz,
    due_order       timestamptz NOT NULL GENERATED ALWAYS AS (coalesce(due, 'infinity')) STORED,
    labels          text[]      COLLATE "C" NOT NULL,
    assignees       uuid[]      NOT NULL,
    watchers        uuid[]      NOT NULL,
    creator         uuid        NOT NULL,
    parent          uuid,
    external_system text        COLLATE "C",
    external_id     text        COLLATE "C",
    private         boolean     NOT NULL,
    create_time     timestamptz NOT NULL,
    delete_time     timestamptz,
    PRIMARY KEY (id, since)
) WITH (fillfactor = 80);

-- The same for the filters by person and by label: rows come only when the people or labels of a task change.
CREATE TABLE task_version_links (
    -- creator | assignee | watcher | label
    kind        text        COLLATE "C" NOT NULL,
    -- The person's id, or the label.
    value       text        COLLATE "C" NOT NULL,
    task_id     uuid        NOT NULL,
    since       bigint      NOT NULL,
    until       bigint,
    position    bigint      NOT NULL GENERATED ALWAYS AS (coalesce(until, since)) STORED,
    since_time  timestamptz NOT NULL,
    until_time  timestamptz,
    PRIMARY KEY (kind, value, task_id, since)
) WITH (fillfactor = 90);

-- indexes
CREATE INDEX task_versions_by_update ON task_versions (update_time, id);
CREATE INDEX task_versions_by_status ON task_versions (status, update_time, id);
CREATE INDEX task_versions_by_parent ON task_versions (parent, id) WHERE parent IS NOT NULL;
CREATE INDEX task_versions_by_external_ref ON task_versions (external_system, external_id) WHERE external_system IS NOT NULL;
CREATE INDEX task_versions_ahead ON task_versions (id) WHERE ahead;
