-- Exports have seals and what was sealed with them; projections writes them.
GRANT SELECT ON event_store.seals, event_store.audit_log TO taskledger_projections;
