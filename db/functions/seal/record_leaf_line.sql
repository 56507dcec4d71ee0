-- The line of a record's leaf, format 1: what is hashed and sealed. A tenant can hash the line with any tool, so its bytes must be
-- the same for ever, on every server and with every setting. So each field is named here, in this order, and no row is turned into
-- JSON as it is: a column that is added one day would change the bytes. Nor has the body a backslash, which
-- standard_conforming_strings would read in two ways.

CREATE OR REPLACE FUNCTION audit.record_leaf_line(p_log audit.listed_audit_log, p_private_sha256 text)
RETURNS text
LANGUAGE plpgsql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    -- to_json() escapes a text; it depends on no setting. to_char() has a fixed format, and the year four digits: the table says so.
    RETURN concat(
        '{"version":1,"kind":"record","tenant_id":', to_json(p_log.tenant_id),
        ',"id":"', p_log.id,
        '","trace_id":', coalesce(to_json(p_log.trace_id)::text, 'null'),
        ',"agent_id":', to_json(p_log.agent_id),
        ',"mode":', coalesce(to_json(p_log.mode)::text, 'null'),
        ',"status":', coalesce(to_json(p_log.status)::text, 'null'),
        ',"http_status":', coalesce(p_log.http_status::text, 'null'),
        ',"latency_ms":', coalesce(p_log.latency_ms::text, 'null'),
        ',"created_at":"', to_char(p_log.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        '","recorded_at":', coalesce('"' || to_char(p_log.recorded_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') || '"', 'null'),
        ',"api_key_id":', coalesce(to_json(p_log.api_key_id)::text, 'null'),
        ',"private_sha256":"', p_private_sha256, '"}');
END
$$;

COMMENT ON FUNCTION audit.record_leaf_line IS
    'The line that a record''s leaf is the hash of. p_private_sha256: the SHA-256 of audit.private_leaf_line(), in hexadecimal. The '
    'format has version 1 and never changes: another one gets another version.';
REVOKE ALL ON FUNCTION audit.record_leaf_line FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.record_leaf_line TO audit_trusted, audit_keeper;
