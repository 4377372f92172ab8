-- Searchable text, one row a part of a task, so that a new comment indexes itself and nothing else: a task matches when
-- each word of the query occurs in one of its parts. Deletion and visibility are judged in `tasks`.
--
-- Texts are indexed by the words in them, and the words by what they are made of. A text of forty words is forty entries
-- instead of some two hundred trigrams, and a word is taken apart once, not in every text that has it.
CREATE TABLE task_search (
    task_id  uuid      NOT NULL,
    -- The task's id for its title and description, the comment's id for a comment.
    part     uuid      NOT NULL,
    position bigint    NOT NULL,
    -- NFC, lower case: compare with LIKE '%word%'. The first line of a task's is its title. Empty when the text is gone;
    -- such a row stays, with the position.
    text     text      NOT NULL,
    -- Hashes of its words, each once. Two words may share one: compare the text too.
    words    integer[] NOT NULL,
    PRIMARY KEY (task_id, part)
);

-- Every word that a text has or had: the only rows here that belong to no task. They come in the transaction of the first
-- text that has them and stay.
CREATE TABLE search_words (
    hash  integer NOT NULL,
    -- A run of letters and digits.
    word  text    NOT NULL,
    -- What a trigram index is blind to: a word of one or two characters, and each single character and each pair of
    -- neighbours of a word that is not plain ASCII. So `short @> ARRAY['회의']` finds 회의록 and 정기회의.
    short text[] COLLATE "C" NOT NULL
);
-- A word may be too long for an index of its own.
CREATE UNIQUE INDEX search_words_once ON search_words (hash, hashtextextended(word, 0));

-- indexes
CREATE INDEX task_search_by_word ON task_search USING gin (words);
CREATE INDEX search_words_by_part ON search_words USING gin (word gin_trgm_ops, short);
