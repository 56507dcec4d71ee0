-- audit.enter_tenant() inserts a row and deletes it again, where it updated one of its backend's: versions of that row pile up
-- while an old snapshot is open, for a dump say, and every entry had to walk past them. Now nothing is ever looked up.

-- squawk-ignore ban-drop-constraint
ALTER TABLE audit.tenant_entries DROP CONSTRAINT tenant_entries_pkey;
-- What is in it is worthless once its transaction has ended.
-- squawk-ignore ban-drop-column
ALTER TABLE audit.tenant_entries DROP COLUMN entries;
ALTER TABLE audit.tenant_entries RESET (fillfactor);
-- To give room back to the system VACUUM would lock out everybody who enters a tenant; the next entries take it instead.
ALTER TABLE audit.tenant_entries SET (vacuum_truncate = off);
DELETE FROM audit.tenant_entries;

COMMENT ON TABLE audit.tenant_entries IS
    'Empty, but for what transactions in progress have written: a row that audit.enter_tenant() inserts, and deletes at once. '
    'Only its transaction number matters: it is the number of the innermost subtransaction, which PostgreSQL tells in no '
    'other way. A proof bound to it dies with a savepoint.';
COMMENT ON COLUMN audit.tenant_entries.backend_pid IS 'The backend that enters a tenant.';
