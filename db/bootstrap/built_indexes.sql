-- The indexes of audit.audit_logs, and whether each is usable: a build that failed leaves one that is not. No row: there is no table yet.
-- Reads the catalogue, which any role may, and resolves no name, which needs a privilege on the schema.
SELECT c.relname AS name, i.indisvalid AS is_valid
FROM pg_catalog.pg_index AS i
JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
JOIN pg_catalog.pg_class AS t ON t.oid = i.indrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = t.relnamespace
WHERE n.nspname = 'audit' AND t.relname = 'audit_logs'
ORDER BY c.relname;
