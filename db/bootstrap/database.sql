-- What this database needs before the first table: two schemas that audit_owner owns, and nothing for PUBLIC.
-- Run by the role that migrates, before SET ROLE audit_owner. Idempotent.

DO $$
BEGIN
    IF to_regnamespace('audit') IS NULL THEN
        CREATE SCHEMA audit AUTHORIZATION audit_owner;
        SET LOCAL ROLE audit_owner;   -- who alone may comment on it; a member that does not inherit may not
        COMMENT ON SCHEMA audit IS 'Ringfence: the audit trail. Every table has forced row-level security.';
        RESET ROLE;
    END IF;
    IF to_regnamespace('pgmigrate') IS NULL THEN
        CREATE SCHEMA pgmigrate AUTHORIZATION audit_owner;
        SET LOCAL ROLE audit_owner;
        COMMENT ON SCHEMA pgmigrate IS 'Ringfence: which files of db/ have been applied. No run-time role enters it.';
        RESET ROLE;
    END IF;

    -- A temporary table outlives the tenant's transaction in a pooled session, and its name can shadow ours.
    -- Only the database's owner may revoke; where that is somebody else, audit.isolation_report() asks for it.
    IF pg_has_role((SELECT datdba FROM pg_database WHERE datname = current_database()), 'USAGE') THEN
        IF has_database_privilege('public', current_database(), 'TEMPORARY') THEN
            EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', current_database());
        END IF;
        IF has_database_privilege('public', current_database(), 'CREATE') THEN
            EXECUTE format('REVOKE CREATE ON DATABASE %I FROM PUBLIC', current_database());
        END IF;
    END IF;
END
$$;
