-- A login for backups, and for nothing else: pg_dump and pg_basebackup. For a superuser to run, once a cluster, where it is wanted;
-- no migration runs it. Idempotent. Its password comes from the operator (\password ringfence_backup).
--
-- Its password and its backups give access to every tenant's records and to the secret of the proofs. It is none of the roles that
-- the service may connect as, and audit.isolation_report() says so of any service that does.

DO $$
BEGIN
    IF to_regrole('ringfence_backup') IS NULL THEN
        -- BYPASSRLS: row-level security is forced, and pg_dump refuses to take less than everything. REPLICATION: for pg_basebackup.
        CREATE ROLE ringfence_backup LOGIN BYPASSRLS REPLICATION CONNECTION LIMIT 4;
        COMMENT ON ROLE ringfence_backup IS 'Ringfence: takes backups. Reads everything, and writes nothing.';
    END IF;
END
$$;
ALTER ROLE ringfence_backup SET default_transaction_read_only = on;
GRANT pg_read_all_data TO ringfence_backup;
