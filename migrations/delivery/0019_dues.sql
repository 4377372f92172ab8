-- When something is next to be told of a task by itself, so that a task that is not due yet is in one index instead of three.
ALTER TABLE task_dues ADD COLUMN next_at timestamptz GENERATED ALWAYS AS
    (CASE WHEN NOT soon_told THEN soon_at WHEN NOT overdue_told THEN overdue_at END) STORED;
CREATE INDEX task_dues_next ON task_dues (next_at) WHERE next_at IS NOT NULL;
DROP INDEX task_dues_soon, task_dues_overdue, task_dues_escalated;
-- What is overdue by long is told to others, once.
CREATE INDEX task_dues_long ON task_dues (overdue_at) WHERE overdue_told AND NOT escalated;
