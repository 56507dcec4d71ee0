-- Findings about the other nodes of the cluster, for audit.isolation_report(): each is asked, and must be as closed as the coordinator, whose own
-- state the other findings are about.
--
-- The text of the functions is asked for from here, in catalogue terms: a function that was changed on a node cannot deny it.

CREATE OR REPLACE FUNCTION audit.findings_of_nodes()
RETURNS TABLE (rule text, finding text)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
SET debug_print_parse = off
SET debug_print_rewritten = off
SET debug_print_plan = off
SET plpgsql.print_strict_params = off
-- What nodes tell has no statistics: a plan of it looks as dear as one that is worth compiling.
SET jit = off
AS $$
DECLARE
    c_texts CONSTANT text := $query$
        SELECT 'function' AS kind, pg_catalog.concat('audit.', p.proname) AS object,
               pg_catalog.concat('has the text ', pg_catalog.md5(pg_catalog.pg_get_functiondef(p.oid))) AS fact
        FROM pg_catalog.pg_proc AS p
        WHERE p.pronamespace = (SELECT n.oid FROM pg_catalog.pg_namespace AS n WHERE n.nspname = 'audit')$query$;
    c_ask   CONSTANT text := format(
        'SELECT pg_catalog.json_agg(f) FROM (SELECT n.* FROM audit.facts_of_node() AS n UNION ALL %s) AS f', c_texts);
    v_here  json;
    v_table text := concat('(', (SELECT string_agg(d.logicalrelid::text, '|') FROM pg_dist_partition AS d), ')');
    v_shard text := concat('^', v_table, '_\d+$');
BEGIN
    EXECUTE c_ask INTO v_here;
    RETURN QUERY
    WITH answer AS MATERIALIZED (
        SELECT concat(w.nodename, ':', w.nodeport) AS node, w.success, w.result FROM run_command_on_workers(c_ask) AS w
    ),
    expected AS MATERIALIZED (
        SELECT f.* FROM json_to_recordset(v_here) AS f (kind text, object text, fact text)
    ),
    -- A shard is called like its table, with a number: it is compared with that.
    told AS MATERIALIZED (
        SELECT a.node, f.kind, f.object, f.fact,
               CASE WHEN f.object ~ v_shard THEN substring(f.object FROM v_shard) ELSE f.object END AS original
        FROM (SELECT * FROM answer WHERE success) AS a
        CROSS JOIN LATERAL json_to_recordset(a.result::json) AS f (kind text, object text, fact text)
    ),
    found (node, finding) AS (
        -- A node that is away shows no record to anybody here, and the tenants of the others are to be served.
        SELECT a.node, 'cannot be asked' FROM answer AS a WHERE NOT a.success AND a.result NOT LIKE 'failed to connect to %'
        UNION ALL
        SELECT concat(n.nodename, ':', n.nodeport), 'is not active, and was not asked'
        FROM pg_dist_node AS n WHERE n.noderole = 'primary' AND NOT n.isactive
        UNION ALL
        -- More than the coordinator has.
        SELECT t.node, concat_ws(' ', t.object, t.fact, 'unlike the coordinator')
        FROM told AS t
        LEFT JOIN expected AS e ON e.kind = t.kind AND e.object = t.original AND e.fact = t.fact
        WHERE (e.fact IS NULL
               -- On a worker nobody uses the table of this name, nor the functions: see db/citus/worker_privileges.sql.
               OR (t.kind = 'privilege' AND t.object ~ concat('^', v_table, '$') AND t.fact NOT LIKE 'audit\_owner has %')
               OR (t.kind = 'privilege' AND t.object = 'audit' AND t.fact NOT IN (
                    'audit_trusted has USAGE', 'audit_keeper has USAGE', 'audit_keeper has CREATE')))
          -- Citus names every column when it hands an INSERT on: see db/citus/shard_privileges.sql.
          AND NOT (t.kind = 'privilege' AND t.object <> t.original AND t.fact = 'audit_trusted has INSERT')
        UNION ALL
        -- Less, where that opens something.
        SELECT part.node, concat_ws(' ', part.object, 'lacks:', e.fact)
        FROM (SELECT DISTINCT t.node, t.object, t.original FROM told AS t WHERE t.kind = 'table'
              UNION SELECT a.node, e.object, e.object FROM answer AS a CROSS JOIN expected AS e WHERE a.success AND e.kind IN ('function', 'secret')
             ) AS part (node, object, original)
        JOIN expected AS e ON e.object = part.original AND e.kind IN ('policy', 'function', 'secret')
        LEFT JOIN told AS t ON t.node = part.node AND t.object = part.object AND t.kind = e.kind AND t.fact = e.fact
        WHERE t.fact IS NULL
    )
    SELECT 'every other node of the cluster is as closed as this one', f.node || ': ' || f.finding FROM found AS f
    UNION ALL
    -- There it is PERMISSIVE, and permits what a PERMISSIVE policy of the same roles and command permits already, or nothing.
    SELECT 'no restrictive policy would widen anything on a shard', format('policy %s on %s', p.polname, p.polrelid::regclass)
    FROM pg_dist_partition AS d
    JOIN pg_policy AS p ON p.polrelid = d.logicalrelid AND NOT p.polpermissive
    WHERE coalesce(pg_get_expr(p.polqual, p.polrelid), '') <> 'false'
      AND NOT EXISTS (
            SELECT FROM pg_policy AS same
            WHERE same.polrelid = p.polrelid AND same.polpermissive AND same.polcmd = p.polcmd AND same.polroles = p.polroles
              AND pg_get_expr(same.polqual, same.polrelid) IS NOT DISTINCT FROM pg_get_expr(p.polqual, p.polrelid)
              AND pg_get_expr(same.polwithcheck, same.polrelid) IS NOT DISTINCT FROM pg_get_expr(p.polwithcheck, p.polrelid))
    UNION ALL
    -- As db/citus/extension_privileges.sql leaves them; an update of the extension may give them back.
    SELECT 'what Citus runs between nodes is for nobody else', format('PUBLIC may call %s', p.oid::regprocedure)
    FROM pg_proc AS p
    WHERE p.pronamespace = 'pg_catalog'::regnamespace AND has_function_privilege('public', p.oid, 'EXECUTE')
      AND (p.proname LIKE 'run\_command\_on\_%' OR p.proname IN ('master_run_on_worker', 'assign_distributed_transaction_id', 'citus_shard_sizes'));
END
$$;

COMMENT ON FUNCTION audit.findings_of_nodes IS
    'Violations of the rules of audit.isolation_report() on the other nodes of the cluster: what a table, shard, function, role or stored setting has '
    'there beyond the coordinator''s, a policy or function that is missing or reads otherwise, another secret, and a node that gives no answer; one that is away is none. '
    'SECURITY DEFINER: nobody else runs a text on another node. It tells findings and no record.';
REVOKE ALL ON FUNCTION audit.findings_of_nodes FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.findings_of_nodes TO audit_trusted, audit_keyed, audit_admin;
