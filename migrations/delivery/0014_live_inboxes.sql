-- Notices are numbered in the order in which they come to be seen, which is not that of the log: several reactors write them.
-- Whoever listens to an inbox asks for what is behind a number.
ALTER TABLE notices ADD COLUMN number bigint GENERATED ALWAYS AS IDENTITY;
CREATE UNIQUE INDEX notices_numbered ON notices (number) INCLUDE (user_id);
CREATE INDEX notices_latest ON notices (user_id, number);

-- One transaction after the other: else a lower number might be seen after a higher one.
CREATE FUNCTION number_in_turn() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('delivery.notices'));
    RETURN NULL;
END
$$;
CREATE TRIGGER number_in_turn BEFORE INSERT ON notices FOR EACH STATEMENT EXECUTE FUNCTION number_in_turn();

-- Who listens also looks whether anything was read: one number says so.
CREATE OR REPLACE VIEW inboxes AS
SELECT id AS user_id, (state ->> 'read_up_to')::bigint AS read_up_to,
    ARRAY(SELECT jsonb_array_elements_text(state -> 'read'))::uuid[] AS read, version
FROM states WHERE consumer = 'notices' AND kind = 'inbox';
