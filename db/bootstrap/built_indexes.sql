-- The indexes of audit.audit_logs: whether each is usable (a build that failed leaves one that is not), its definition, and whether it has
-- a comment; and the columns of the table. No row: there is no table yet. Storage parameters are left out of the definition: a DBA may choose them. Reads the
-- catalogue, which any role may, and resolves no name, which needs a privilege on the schema.
SET quote_all_identifiers = off;   -- it would change the definitions, which are compared with those of db/schema.sql
SELECT c.relname AS name, i.indisvalid AS is_valid,
    regexp_replace(pg_get_indexdef(i.indexrelid), ' WITH \([^)]*\)', '') || ';' AS definition,
    obj_description(i.indexrelid, 'pg_class') IS NOT NULL AS has_comment,
    ARRAY(SELECT a.attname::text FROM pg_catalog.pg_attribute AS a WHERE a.attrelid = t.oid AND a.attnum > 0) AS columns
FROM pg_catalog.pg_index AS i
JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
JOIN pg_catalog.pg_class AS t ON t.oid = i.indrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = t.relnamespace
WHERE n.nspname = 'audit' AND t.relname = 'audit_logs'
ORDER BY c.relname;
