-- One row a task, bearing the position of its last event. Every event moves update_time, so every index below is written
-- by every event: there is one for each documented sort, and no other that changes.
CREATE TABLE tasks (
    id              uuid PRIMARY KEY,
    -- 123 of T-123
    key             bigint      NOT NULL,
    version         bigint      NOT NULL,
    position        bigint      NOT NULL,
    title           text        NOT NULL,
    description     text,
    status          text        COLLATE "C" NOT NULL,
    -- low 0, normal 1, high 2, urgent 3
    priority        smallint    NOT NULL,
    -- {"date"}: due_date alone; {"at", "zone"}: due_at and due_zone
    due_date        date,
    due_at          timestamptz,
    due_zone        text,
    -- What filters and sorts see: due_at, or the start of due_date in UTC, or infinity where nothing is due.
    due_order       timestamptz NOT NULL GENERATED ALWAYS AS
        (coalesce(due_at, due_date::timestamp AT TIME ZONE 'UTC', 'infinity')) STORED,
    labels          text[]      COLLATE "C" NOT NULL,
    assignees       uuid[]      NOT NULL,
    watchers        uuid[]      NOT NULL,
    creator         uuid        NOT NULL,
    parent          uuid,
    external_system text        COLLATE "C",
    external_id     text        COLLATE "C",
    private         boolean     NOT NULL,
    progress        smallint    NOT NULL,
    -- [{"type", "task"}]
    relations       jsonb       NOT NULL,
    -- [{"id", "text", "done"}]
    checklist       jsonb       NOT NULL,
    comment_count   integer     NOT NULL,
    create_time     timestamptz NOT NULL,
    update_time     timestamptz NOT NULL,
    -- The last event, or the creation, is said to have happened more than a second after the log took that event.
    ahead           boolean     NOT NULL,
    delete_time     timestamptz,
    purge_time      timestamptz
) WITH (fillfactor = 80);

-- The filters by person and by label, as in the row's arrays: rows change only when the people or labels of a task do, never with its status.
CREATE TABLE task_people (
    user_id  uuid   NOT NULL,
    -- creator | assignee | watcher
    role     text   COLLATE "C" NOT NULL,
    task_id  uuid   NOT NULL,
    PRIMARY KEY (user_id, role, task_id)
);

CREATE TABLE task_labels (
    label    text   COLLATE "C" NOT NULL,
    task_id  uuid   NOT NULL,
    PRIMARY KEY (label, task_id)
);

CREATE TABLE comments (
    task_id     uuid        NOT NULL,
    id          uuid        NOT NULL,
    author      uuid        NOT NULL,
    text        text        NOT NULL,
    create_time timestamptz NOT NULL,
    edit_time   timestamptz,
    -- Sequence and position of the event that last set the text.
    version     bigint      NOT NULL,
    position    bigint      NOT NULL,
    PRIMARY KEY (task_id, id)
) WITH (fillfactor = 90);

-- The versions of tasks that stand no more, as far as lists filter and sort by what can change, with the span of positions and
-- of times in which each stood: a list as of a moment is those whose span it is in, among these and the rows of `tasks`.
-- Inserted once and never changed; a task that never changed has none. What a task was like in all is read from the log.
CREATE TABLE task_versions (
    id              uuid        NOT NULL,
    -- The event that made it, and the next one of the task.
    since           bigint      NOT NULL,
    until           bigint      NOT NULL,
    -- When these two happened.
    update_time     timestamptz NOT NULL,
    until_time      timestamptz NOT NULL,
    ahead           boolean     NOT NULL,
    private         boolean     NOT NULL,
    priority        smallint    NOT NULL,
    status          text        COLLATE "C" NOT NULL,
    due_order       timestamptz NOT NULL,
    labels          text[]      COLLATE "C" NOT NULL,
    assignees       uuid[]      NOT NULL,
    watchers        uuid[]      NOT NULL,
    parent          uuid,
    external_system text        COLLATE "C",
    external_id     text        COLLATE "C",
    delete_time     timestamptz,
    PRIMARY KEY (id, since)
);

-- For the same filters by person and by label: who and what was taken from a task, which it may have got again. It narrows
-- the search; what a version had is in its arrays.
CREATE TABLE task_past_links (
    -- assignee | watcher | label
    kind       text        COLLATE "C" NOT NULL,
    -- The person's id, or the label.
    value      text        COLLATE "C" NOT NULL,
    task_id    uuid        NOT NULL,
    -- The latest position and the latest time at which it was taken away.
    until      bigint      NOT NULL,
    until_time timestamptz NOT NULL,
    PRIMARY KEY (kind, value, task_id)
) WITH (fillfactor = 90);

-- indexes
CREATE INDEX tasks_by_key ON tasks (key);
CREATE INDEX tasks_by_update ON tasks (update_time, id);
CREATE INDEX tasks_by_status ON tasks (status, update_time, id);
CREATE INDEX tasks_by_create ON tasks (create_time, id);
CREATE INDEX tasks_by_due ON tasks (due_order, id);
CREATE INDEX tasks_by_priority ON tasks (priority, id);
CREATE INDEX tasks_by_parent ON tasks (parent, id) WHERE parent IS NOT NULL;
CREATE INDEX tasks_by_external_ref ON tasks (external_system, external_id) WHERE external_system IS NOT NULL;
CREATE INDEX tasks_ahead ON tasks (update_time, id) WHERE ahead;
CREATE INDEX task_versions_by_update ON task_versions (update_time, id);
CREATE INDEX task_versions_by_status ON task_versions (status, update_time, id);
CREATE INDEX task_versions_by_parent ON task_versions (parent, id) WHERE parent IS NOT NULL;
CREATE INDEX task_versions_by_external_ref ON task_versions (external_system, external_id) WHERE external_system IS NOT NULL;
-- For moments near the end of the log, after which few versions ended: those are found at once.
CREATE INDEX task_versions_by_until ON task_versions (until);
CREATE INDEX task_versions_by_until_time ON task_versions (until_time);
CREATE INDEX task_versions_ahead ON task_versions (update_time, id) WHERE ahead;
