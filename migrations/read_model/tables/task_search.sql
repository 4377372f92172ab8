-- Searchable text, one row a part of a task, so that a new comment indexes itself and nothing else: a task matches when
-- each word of the query occurs in one of its parts. Deletion and visibility are judged in `tasks`.
CREATE TABLE task_search (
    task_id  uuid   NOT NULL,
    -- The task's id for its title, the comment's id for a comment, all zeros for the description.
    part     uuid   NOT NULL,
    position bigint NOT NULL,
    -- NFC, lower case: compare with LIKE '%word%'. Empty when the text is gone; such a row stays, with the position.
    text     text   NOT NULL,
    -- Words that a trigram index cannot find: every word of one or two characters, and each single character and each
    -- pair of neighbours in words that are not plain ASCII. So `short @> ARRAY['회의']` finds 회의록 and 정기회의.
    short    text[] COLLATE "C" NOT NULL,
    PRIMARY KEY (task_id, part)
) WITH (fillfactor = 80);

-- indexes
-- One index for both: it serves a condition on either, and its list of pending entries is written once a row, not twice.
CREATE INDEX task_search_by_text ON task_search USING gin (text gin_trgm_ops, short);
