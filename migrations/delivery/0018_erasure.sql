-- Takes away what was for these people and what names them in clear; what was sealed for them nobody can open any more. In others'
-- mails, which only a machine keeps that sends none, they may be named as well: all of those go.
CREATE FUNCTION forget_people(erased uuid[]) RETURNS void
    LANGUAGE plpgsql
AS
$$
BEGIN
    DELETE FROM people WHERE user_id = ANY (erased);
    DELETE FROM notices WHERE user_id = ANY (erased);
    DELETE FROM states WHERE kind = 'inbox' AND id = ANY (erased);
    DELETE FROM announcement_recipients WHERE user_id = ANY (erased);
    -- A person, or one of their devices; attempts go with them.
    DELETE FROM deliveries WHERE split_part(recipient, '/', 1) = ANY (erased::text[]);
    DELETE FROM mails;
END
$$;
