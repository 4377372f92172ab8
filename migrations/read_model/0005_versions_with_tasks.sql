-- Former versions of tasks are kept with the tasks. What kept them before was a projection of its own: it goes, with its tables.
DO $$
DECLARE
    gone integer;
BEGIN
    FOR gone IN
        SELECT version FROM read_model.checkpoints WHERE projection = 'task_versions'
        UNION SELECT live_version FROM read_model.projections WHERE name = 'task_versions'
    LOOP
        EXECUTE format('DROP SCHEMA IF EXISTS %I CASCADE', 'read_model_v' || gone);
    END LOOP;
END $$;
-- In the order in which workers touch their rows.
DELETE FROM read_model.workers WHERE projection = 'task_versions';
DELETE FROM read_model.checkpoints WHERE projection = 'task_versions';
DELETE FROM read_model.parked_events WHERE projection = 'task_versions';
DELETE FROM read_model.projections WHERE name = 'task_versions';
