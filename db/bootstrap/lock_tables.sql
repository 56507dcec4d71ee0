-- Locks every table before a migration changes the first, in the order in which the service's transactions come to them.
--
-- A migration that locks one table after the other, as its files happen to name them, and a service that goes on working
-- would each soon wait for what the other has. Between two tables the locks of this file take no time, and what remains
-- (a named tenant is looked up before the record is written, a foreign key after it) app/migrate.py tries again.
DO $$
DECLARE
    v_table regclass;
BEGIN
    FOR v_table IN
        SELECT c.oid
        FROM pg_catalog.pg_class AS c
        WHERE c.relnamespace = to_regnamespace('audit') AND c.relkind IN ('r', 'p')
        ORDER BY array_position(
            ARRAY['api_keys', 'proof_secrets', 'api_key_uses', 'idempotency_keys', 'admin_events',
                  'audit_logs', 'tenants'], c.relname::text), c.relname
    LOOP
        -- Changes nothing, and takes an ACCESS EXCLUSIVE lock. LOCK TABLE wants a privilege on PostgreSQL 15 that the owner
        -- does not have: to change, delete or empty.
        EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', v_table);
    END LOOP;
END
$$;
