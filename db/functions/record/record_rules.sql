-- What a refused record broke, in words: the CHECK constraints of audit.audit_logs and their comments, so that the
-- service can tell its caller without knowing a single rule itself.

CREATE OR REPLACE FUNCTION audit.record_rules()
RETURNS TABLE (rule text, field text, description text)
LANGUAGE sql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT c.conname, a.attname, obj_description(c.oid, 'pg_constraint')
    FROM pg_constraint AS c
    JOIN pg_attribute AS a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
    WHERE c.conrelid = 'audit.audit_logs'::regclass AND c.contype = 'c'
    ORDER BY c.conname
$$;

COMMENT ON FUNCTION audit.record_rules IS
    'The rules a record must keep: the constraint''s name, the column, and the rule in words.';
REVOKE ALL ON FUNCTION audit.record_rules FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.record_rules TO audit_trusted, audit_keyed;
