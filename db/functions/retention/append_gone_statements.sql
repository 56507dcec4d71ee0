-- Puts the statements of a prune or an erasure into the tenant's tree, for each epoch whose leaves have gone: in the transaction in which
-- they go.

CREATE OR REPLACE FUNCTION audit.append_gone_statements(p_kind text, p_tenant_id text, p_epochs int[], p_leaves bigint[])
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET debug_print_parse = off
SET debug_print_rewritten = off
SET debug_print_plan = off
SET plpgsql.print_strict_params = off
AS $$
DECLARE
    -- A range takes up to 41 bytes, and verifiers read lines of at most 4 MiB.
    c_ranges CONSTANT int := 10000;
    v_epoch int := (SELECT max(t.epoch) FROM audit.trees AS t WHERE t.tenant_id = p_tenant_id);
    v_gone  record;
BEGIN
    FOR v_gone IN
        SELECT numbered.epoch, numbered.part, array_agg(numbered.index ORDER BY numbered.index) AS leaves
        FROM (
            -- Neighbours have one start.
            SELECT run.epoch, run.index, (dense_rank() OVER (PARTITION BY run.epoch ORDER BY run.start) - 1) / c_ranges AS part
            FROM (
                SELECT leaf.epoch, leaf.index,
                       leaf.index - row_number() OVER (PARTITION BY leaf.epoch ORDER BY leaf.index) AS start
                FROM unnest(p_epochs, p_leaves) AS leaf (epoch, index)) AS run) AS numbered
        GROUP BY numbered.epoch, numbered.part ORDER BY numbered.epoch, numbered.part
    LOOP
        PERFORM audit.enter_tenant_to_keep(p_tenant_id);   -- a proof lasts five seconds, and this many leaves may take longer
        PERFORM audit.append_statement(p_tenant_id, v_epoch, audit.gone_leaf_line(
            p_kind, p_tenant_id, v_gone.epoch, v_gone.leaves, clock_timestamp()));
    END LOOP;
END
$$;

COMMENT ON FUNCTION audit.append_gone_statements IS
    'Appends to the newest tree of the tenant that is proven with the scope seal a statement that these leaves, by epoch and index, are pruned '
    '(prune) or their private parts erased (erase); several statements where one would be a long line. RF009 when the tree contradicts itself. The caller has locked the tree. Nobody but '
    'audit_owner and audit_keeper may call it. SECURITY DEFINER: audit_keeper appends no leaf of its own making.';
REVOKE ALL ON FUNCTION audit.append_gone_statements FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.append_gone_statements TO audit_keeper;
