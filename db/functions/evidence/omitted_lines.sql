-- Lines of an evidence bundle that stand for leaves which are not shown: one for each complete, aligned subtree. With their hashes the
-- reader computes the root all the same.

CREATE OR REPLACE FUNCTION audit.omitted_lines(p_tenant_id text, p_epoch int, p_first bigint, p_end bigint)
RETURNS text
LANGUAGE plpgsql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_at     bigint := p_first;
    v_height int;
    v_lines  text := '';
BEGIN
    WHILE v_at < p_end LOOP
        -- As high as it is aligned and fits.
        v_height := 0;
        WHILE v_height < 62 AND v_at % (2::bigint << v_height) = 0 AND (2::bigint << v_height) <= p_end - v_at LOOP
            v_height := v_height + 1;
        END LOOP;
        v_lines := v_lines || concat(
            '{"omitted":', 1::bigint << v_height, ',"hash":"',
            encode(audit.subtree_hash(p_tenant_id, p_epoch, v_height, v_at >> v_height), 'hex'), E'"}\n');
        v_at := v_at + (1::bigint << v_height);
    END LOOP;
    RETURN v_lines;
END
$$;

COMMENT ON FUNCTION audit.omitted_lines IS
    'For the leaves from p_first to p_end - 1, from the left: {"omitted":COUNT,"hash":"hex"} for each complete, aligned subtree of COUNT leaves, '
    'as few as possible. RF009 when the stored tree lacks a hash. Runs as its caller; the policies decide.';
REVOKE ALL ON FUNCTION audit.omitted_lines FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.omitted_lines TO audit_trusted;
