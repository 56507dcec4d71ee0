-- Puts the statements of a prune or an erasure into the tenant's tree, for each epoch whose leaves have gone: in the transaction in which
-- they go. A prune states each mode by itself, since each has its own term.

CREATE OR REPLACE FUNCTION audit.append_gone_statements(
    p_kind      text,
    p_tenant_id text,
    p_epochs    int[],
    p_leaves    bigint[],
    p_at        timestamptz,
    p_times     timestamptz[] DEFAULT NULL,
    p_mode      text          DEFAULT NULL,
    p_keep_days int           DEFAULT NULL)
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
        SELECT numbered.epoch, numbered.part, array_agg(numbered.index ORDER BY numbered.index) AS leaves,
               min(numbered.created_at) AS first, max(numbered.created_at) AS last
        FROM (
            -- Neighbours have one start.
            SELECT run.epoch, run.index, run.created_at, (dense_rank() OVER (PARTITION BY run.epoch ORDER BY run.start) - 1) / c_ranges AS part
            FROM (
                SELECT leaf.epoch, leaf.index, leaf.created_at,
                       leaf.index - row_number() OVER (PARTITION BY leaf.epoch ORDER BY leaf.index) AS start
                FROM unnest(p_epochs, p_leaves, p_times) AS leaf (epoch, index, created_at)) AS run) AS numbered
        GROUP BY numbered.epoch, numbered.part ORDER BY numbered.epoch, numbered.part
    LOOP
        PERFORM audit.enter_tenant_to_keep(p_tenant_id);   -- a proof lasts five seconds, and this many leaves may take longer
        PERFORM audit.append_statement(p_tenant_id, v_epoch, audit.gone_leaf_line(
            p_kind, p_tenant_id, v_gone.epoch, v_gone.leaves, p_mode, p_keep_days, v_gone.first, v_gone.last, p_at));
    END LOOP;
END
$$;

COMMENT ON FUNCTION audit.append_gone_statements IS
    'Appends to the newest tree of the tenant that is proven with the scope seal a statement that these leaves, by epoch and index, are pruned '
    '(prune) or their private parts erased (erase); several statements where one would be a long line. p_at: when; of a prune the time at which the '
    'records were due. Of a prune alone: p_times, created_at of the record of each leaf; p_mode, their mode (NULL: without one); p_keep_days, their term. '
    'RF009 when the tree contradicts itself. The caller has locked the tree. Nobody but '
    'audit_owner and audit_keeper may call it. SECURITY DEFINER: audit_keeper appends no leaf of its own making.';
REVOKE ALL ON FUNCTION audit.append_gone_statements FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.append_gone_statements TO audit_keeper;
