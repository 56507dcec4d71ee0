-- Findings about tables, views, functions and triggers, for audit.isolation_report().

CREATE OR REPLACE FUNCTION audit.findings_of_objects()
RETURNS TABLE (rule text, finding text)
LANGUAGE plpgsql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
-- Names and expressions are compared as they are printed: the same whatever the session or the database has set.
SET quote_all_identifiers = off
AS $$
BEGIN
    RETURN QUERY
    WITH relation AS (
        SELECT c.oid, c.relname, c.relkind, c.relam, c.relrowsecurity, c.relforcerowsecurity, c.reloptions
        FROM pg_class AS c
        WHERE c.relnamespace = 'audit'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
    )
    SELECT 'every table has forced row-level security',
           CASE WHEN c.relkind IN ('r', 'p')
                THEN concat_ws(' and ',
                    CASE WHEN NOT c.relrowsecurity THEN c.oid::regclass || ' has it disabled' END,
                    CASE WHEN NOT c.relforcerowsecurity THEN c.oid::regclass || ' does not force it on its owner' END)
                ELSE c.oid::regclass || ' cannot have it' END
    FROM relation AS c
    WHERE (c.relkind IN ('r', 'p') AND NOT (c.relrowsecurity AND c.relforcerowsecurity))
       OR c.relkind IN ('m', 'f')
       OR (c.relkind = 'v' AND NOT coalesce((
                SELECT o.option_value::boolean FROM pg_options_to_table(c.reloptions) AS o
                WHERE o.option_name = 'security_invoker'), false))

    UNION ALL
    -- Read through a parent, or as a child, or through a view, rows are under the policies of that, or under none.
    SELECT 'no table or view elsewhere shows a record',
           format('%s inherits from %s', i.inhrelid::regclass, i.inhparent::regclass)
    FROM pg_inherits AS i
    JOIN pg_class AS child ON child.oid = i.inhrelid
    JOIN pg_class AS parent ON parent.oid = i.inhparent
    WHERE child.relkind IN ('r', 'p', 'f')
      AND 'audit'::regnamespace IN (child.relnamespace, parent.relnamespace)
      AND child.relnamespace <> parent.relnamespace
    UNION ALL
    SELECT 'no table or view elsewhere shows a record', format('%s reads %s', r.ev_class::regclass, c.oid::regclass)
    FROM relation AS c
    JOIN pg_depend AS d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = c.oid
    JOIN pg_rewrite AS r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid
    JOIN pg_class AS reader ON reader.oid = r.ev_class AND reader.relnamespace <> 'audit'::regnamespace
    UNION ALL
    -- Stored otherwise, as TimescaleDB compresses and Citus makes columns, its rows lie in tables of an extension's own, which have no policies.
    SELECT 'no table or view elsewhere shows a record', format('%s is stored by %s', c.oid::regclass, m.amname)
    FROM relation AS c
    JOIN pg_am AS m ON m.oid = c.relam AND m.amname <> 'heap'

    UNION ALL
    SELECT 'every table that holds tenants checks their form', format('%s.%s', c.oid::regclass, a.attname)
    FROM relation AS c
    JOIN pg_attribute AS a ON a.attrelid = c.oid
    WHERE c.relkind IN ('r', 'p')
      AND a.attname = CASE c.relname WHEN 'tenants' THEN 'id' ELSE 'tenant_id' END
      AND NOT EXISTS (
            SELECT FROM pg_constraint AS k
            WHERE k.conrelid = c.oid AND k.contype = 'c' AND k.convalidated
              AND pg_get_constraintdef(k.oid) = format('CHECK ((%I ~ ''^[a-z0-9][a-z0-9_-]{0,62}$''::text))', a.attname))

    UNION ALL
    SELECT 'every function is pinned to its schema and runs as its caller, but for the known ones',
           format('%s %s', p.oid::regprocedure, fault.name)
    FROM pg_proc AS p
    CROSS JOIN LATERAL (VALUES
        (NOT coalesce('search_path=pg_catalog, pg_temp' = ANY (p.proconfig), false), 'does not set search_path'),
        (p.prosecdef AND p.proname NOT IN (
            'schema_version', 'enter_tenant', 'proven_tenant', 'are_stored', 'import_audit_log_batch', 'replay_audit_logs',
            'describe_api_key', 'claim_idempotency_key',
            'get_proven_audit_log', 'list_proven_audit_logs', 'count_proven_audit_logs', 'list_proven_admin_events', 'export_proven_audit_logs',
            'begin_proven_evidence', 'get_proven_checkpoint', 'get_proven_consistency_proof', 'get_proven_inclusion_proof',
            'get_proven_leaf', 'read_proven_feed', 'list_tree_heads', 'signer_consistency_proof', 'signer_epoch_statement', 'store_checkpoint',
            'record_export', 'record_api_key_use', 'list_all_admin_events',
            'create_tenant', 'list_tenants', 'issue_api_key', 'list_api_keys', 'rotate_api_key', 'revoke_api_key',
            'rotate_proof_secret', 'issue_view_link', 'list_view_links', 'revoke_view_link', 'open_view_link', 'end_keys_of_user',
            'seal_records', 'sealing_lag', 'begin_epoch',
            'are_pruned', 'set_retention', 'list_retention', 'place_hold', 'list_holds', 'release_hold', 'confirm_release',
            'summarize_proven_audit_logs', 'describe_administration',
            'enter_tenant_to_keep', 'lock_tree_to_keep', 'append_gone_statements', 'record_pruned_ids', 'record_keeping_event', 'note_looked_at',
            'refresh_statistics', 'prune_records', 'count_due_records', 'erase_record', 'erase_user',
            'offboarding'), 'runs as its owner'),
        -- The lists of intended privileges and of known functions go by name.
        (EXISTS (SELECT FROM pg_proc AS other
                 WHERE other.pronamespace = p.pronamespace AND other.proname = p.proname AND other.oid <> p.oid),
         'shares its name with another')) AS fault (found, name)
    WHERE p.pronamespace = 'audit'::regnamespace AND fault.found

    UNION ALL
    -- Plans hold the values at hand, and any session can have its plans printed: see audit.enter_tenant().
    SELECT 'no plan is printed where keys and secrets are', format('%s does not set %s', p.oid::regprocedure, pin.setting)
    FROM pg_proc AS p
    CROSS JOIN (VALUES ('debug_print_parse=off'), ('debug_print_rewritten=off'), ('debug_print_plan=off'),
                       ('plpgsql.print_strict_params=off')) AS pin (setting)
    WHERE p.pronamespace = 'audit'::regnamespace
      AND (p.prosecdef OR 'p_api_key' = ANY (p.proargnames) OR p.proname IN ('insert_audit_log_batch', 'store_api_key'))
      AND NOT pin.setting = ANY (coalesce(p.proconfig, '{}'))

    UNION ALL
    -- A worker is another backend: proofs are not genuine there, and rows that it reads would be missing without an error.
    SELECT 'no function runs in a parallel worker', format('%s is PARALLEL SAFE', p.oid::regprocedure)
    FROM pg_proc AS p
    WHERE p.pronamespace = 'audit'::regnamespace AND p.proparallel = 's'

    UNION ALL
    SELECT 'no trigger or rule acts on a record', format('%s on %s', t.tgname, t.tgrelid::regclass)
    FROM pg_trigger AS t JOIN relation AS c ON c.oid = t.tgrelid
    WHERE NOT t.tgisinternal
    UNION ALL
    SELECT 'no trigger or rule acts on a record', format('a foreign key of %s is switched off', t.tgrelid::regclass)
    FROM pg_trigger AS t JOIN relation AS c ON c.oid = t.tgrelid
    WHERE t.tgisinternal AND t.tgenabled <> 'O'
    UNION ALL
    SELECT 'no trigger or rule acts on a record', format('%s on %s', r.rulename, r.ev_class::regclass)
    FROM pg_rewrite AS r JOIN relation AS c ON c.oid = r.ev_class AND c.relkind IN ('r', 'p');
END
$$;

COMMENT ON FUNCTION audit.findings_of_objects IS
    'Violations of the rules of audit.isolation_report() about tables, views, functions, triggers and rewrite rules.';
REVOKE ALL ON FUNCTION audit.findings_of_objects FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.findings_of_objects TO audit_trusted, audit_keyed, audit_admin;
