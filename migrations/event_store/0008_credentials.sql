-- A password counts from the event on that names its row. Before, the row opens nothing, so row and event need no common
-- transaction: what is interrupted between them has changed nothing.

ALTER TABLE event_store.credentials ADD COLUMN id uuid;
-- Of users whose events name none, the row that bears their own id counts.
UPDATE event_store.credentials SET id = user_id;
ALTER TABLE event_store.credentials
    ALTER COLUMN id SET NOT NULL,
    DROP CONSTRAINT credentials_pkey,
    ADD PRIMARY KEY (id);
CREATE INDEX credentials_by_user ON event_store.credentials (user_id);
