-- The private line of a record's leaf: what can be erased, with a salt. The leaf itself has its digest alone, so the tree stays valid when
-- the line is erased, and the salt keeps anybody from guessing what it was. Format and bytes: as audit.record_leaf_line().

CREATE OR REPLACE FUNCTION audit.private_leaf_line(p_log audit.listed_audit_log, p_salt bytea)
RETURNS text
LANGUAGE plpgsql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    -- The context is a text in it, as it was sent: its bytes are hashed, and no parser has to keep them.
    RETURN concat(
        '{"salt":"', encode(p_salt, 'hex'),
        '","user_id":', coalesce(to_json(p_log.user_id)::text, 'null'),
        ',"error":', coalesce(to_json(p_log.error)::text, 'null'),
        ',"context":', coalesce(to_json(p_log.context)::text, 'null'), '}');
END
$$;

COMMENT ON FUNCTION audit.private_leaf_line IS
    'The line with what can be erased of a record: user_id, error and context, and the salt of audit.seals. Its SHA-256 is in '
    'audit.record_leaf_line().';
REVOKE ALL ON FUNCTION audit.private_leaf_line FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.private_leaf_line TO audit_trusted, audit_keeper;
