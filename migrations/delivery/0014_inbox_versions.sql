-- Whoever listens to an inbox looks every second whether anything was read: one number says so.
CREATE OR REPLACE VIEW inboxes AS
SELECT id AS user_id, (state ->> 'read_up_to')::bigint AS read_up_to,
    ARRAY(SELECT jsonb_array_elements_text(state -> 'read'))::uuid[] AS read, version
FROM states WHERE consumer = 'notices' AND kind = 'inbox';
