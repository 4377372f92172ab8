-- Other lists than those of records can be taken away too; of which one an export is.
ALTER TABLE record_exports ADD COLUMN kind text NOT NULL DEFAULT 'records';
