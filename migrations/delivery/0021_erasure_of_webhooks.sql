-- Erasing a person takes their webhooks with it, and what was on its way there or has arrived: addresses and descriptions are
-- what the person has written, and nobody is left to whom anything may be shown.
CREATE OR REPLACE FUNCTION forget_people(erased uuid[]) RETURNS void
    LANGUAGE plpgsql
AS
$$
DECLARE
    endpoints text[];
BEGIN
    DELETE FROM people WHERE user_id = ANY (erased);
    DELETE FROM notices WHERE user_id = ANY (erased);
    DELETE FROM states WHERE kind = 'inbox' AND id = ANY (erased);
    DELETE FROM announcement_recipients WHERE user_id = ANY (erased);
    -- First the endpoints: whoever reads the log for one has written its deliveries when this goes on.
    WITH gone AS (DELETE FROM webhooks WHERE owner = ANY (erased) RETURNING id)
    SELECT array_agg(id::text) INTO endpoints FROM gone;
    DELETE FROM deliveries WHERE channel = 'webhook' AND split_part(recipient, '/', 1) = ANY (endpoints);
    -- A person, or one of their devices; attempts go with them.
    DELETE FROM deliveries WHERE split_part(recipient, '/', 1) = ANY (erased::text[]);
    DELETE FROM mails;
END
$$;
