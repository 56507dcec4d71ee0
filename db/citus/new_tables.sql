-- On a worker, before a migration: its tables are made as on a single server, without what new_shards.sql gives and takes.
DO $$
BEGIN
    IF to_regnamespace('audit') IS NOT NULL THEN
        ALTER DEFAULT PRIVILEGES FOR ROLE audit_owner GRANT UPDATE, DELETE, TRUNCATE ON TABLES TO audit_owner;
        ALTER DEFAULT PRIVILEGES FOR ROLE audit_owner IN SCHEMA audit REVOKE INSERT ON TABLES FROM audit_trusted;
    END IF;
END
$$;
