-- On a worker: what shard_privileges.sql gives and takes is there from the start in a shard that is made, moved or split later. Citus makes shards as the
-- owner, copies the table's own privileges to them, and takes none away.
ALTER DEFAULT PRIVILEGES FOR ROLE audit_owner REVOKE UPDATE, DELETE, TRUNCATE ON TABLES FROM audit_owner;
ALTER DEFAULT PRIVILEGES FOR ROLE audit_owner IN SCHEMA audit GRANT INSERT ON TABLES TO audit_trusted;
