-- What only the owner of the database may do. Run before the numbered migrations, each time: roles live outside the
-- database, so another one may have made them, and a copy of a database lacks its privileges.
DO $$
DECLARE
    wanted text;
BEGIN
    FOREACH wanted IN ARRAY ARRAY['taskledger_projections', 'taskledger_read'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I NOLOGIN', wanted);
            EXCEPTION WHEN duplicate_object OR unique_violation THEN
                NULL; -- made meanwhile by the migration of another database
            END;
        END IF;
    END LOOP;
    BEGIN
        EXECUTE format('GRANT taskledger_projections TO %I', current_user);
    EXCEPTION WHEN insufficient_privilege OR invalid_grant_operation OR unique_violation OR internal_error THEN
        NULL; -- a superuser needs no membership; another owner may have it from the operator
    END;
END $$;

CREATE SCHEMA IF NOT EXISTS read_model AUTHORIZATION taskledger_projections;

-- A rebuild needs a schema of its own, and may make no others.
CREATE OR REPLACE FUNCTION read_model.make_schema(version integer) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    EXECUTE format('CREATE SCHEMA %I AUTHORIZATION taskledger_projections', 'read_model_v' || version);
END $$;
REVOKE ALL ON FUNCTION read_model.make_schema(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION read_model.make_schema(integer) TO taskledger_projections;
