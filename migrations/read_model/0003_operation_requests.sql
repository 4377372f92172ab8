-- What was asked for, as it stands in the log: which deliveries are meant, and why.
ALTER TABLE read_model.operations ADD COLUMN request jsonb;
UPDATE read_model.operations SET request = jsonb_build_object('kind', kind, 'subject', subject);
