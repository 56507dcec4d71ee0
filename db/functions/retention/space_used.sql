-- The bytes on disk of each table of the schema and each index, for metrics and for planning.

CREATE OR REPLACE FUNCTION audit.space_used()
RETURNS TABLE (relation text, kind text, of_table text, bytes bigint, records bigint)
LANGUAGE plpgsql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY
    SELECT c.relname::text, CASE c.relkind WHEN 'i' THEN 'index' ELSE 'table' END, coalesce(t.relname, c.relname)::text,
           CASE c.relkind WHEN 'i' THEN pg_relation_size(c.oid) ELSE pg_table_size(c.oid) END,
           greatest(c.reltuples, 0)::bigint
    FROM pg_class AS c
    LEFT JOIN pg_index AS i ON i.indexrelid = c.oid
    LEFT JOIN pg_class AS t ON t.oid = i.indrelid
    WHERE c.relnamespace = 'audit'::regnamespace AND c.relkind IN ('r', 'i')
    ORDER BY coalesce(t.relname, c.relname), c.relkind DESC, c.relname;
END
$$;

COMMENT ON FUNCTION audit.space_used IS
    'Each table of schema audit, and each index with the table it is of: bytes on disk, the free space of pruned records included, and records, as '
    'VACUUM or ANALYZE last estimated them.';
REVOKE ALL ON FUNCTION audit.space_used FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.space_used TO audit_trusted, audit_keyed, audit_admin, audit_retention;
