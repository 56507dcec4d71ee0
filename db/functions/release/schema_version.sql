-- Which release of db/ this database has. The service compares it with its own files before it serves.

CREATE OR REPLACE FUNCTION audit.schema_version()
RETURNS TABLE (version int, digest text)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET debug_print_parse = off
SET debug_print_rewritten = off
SET debug_print_plan = off
SET plpgsql.print_strict_params = off
AS $$
    SELECT
        max(substring(f.path FROM '^schema/V([0-9]+)__')::int),
        encode(sha256(convert_to(string_agg(f.path || ' ' || f.sha256, E'\n' ORDER BY f.path COLLATE "C"), 'UTF8')), 'hex')
    FROM pgmigrate.applied_files AS f
$$;

COMMENT ON FUNCTION audit.schema_version IS
    'The number of the last schema file applied, and a digest of all files of schema, functions and policies as applied. '
    'SECURITY DEFINER: run-time roles have no access to schema pgmigrate, and need none but this answer.';
REVOKE ALL ON FUNCTION audit.schema_version FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.schema_version TO audit_trusted, audit_keyed, audit_admin, audit_sealer, audit_signer, audit_retention, audit_eraser;
