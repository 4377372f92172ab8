-- An operation under way that somebody wants no more.
ALTER TABLE operations ADD COLUMN cancel_requested boolean NOT NULL DEFAULT false;
