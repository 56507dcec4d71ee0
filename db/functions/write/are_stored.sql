-- audit.are_repeated() for audit_keyed, which has no SELECT on the table: as the owner, whose policy demands the proof.

CREATE OR REPLACE FUNCTION audit.are_stored(p_records json)
RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET debug_print_parse = off
SET debug_print_rewritten = off
SET debug_print_plan = off
SET plpgsql.print_strict_params = off
AS $$
BEGIN
    RETURN audit.are_repeated(p_records, 'write');
END
$$;

COMMENT ON FUNCTION audit.are_stored IS
    'Whether the proven tenant has exactly these records; every field of each must be named right, so it tells nothing that the caller '
    'does not know. SECURITY DEFINER: a key that may only write sees no record.';
REVOKE ALL ON FUNCTION audit.are_stored FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.are_stored TO audit_keyed;
