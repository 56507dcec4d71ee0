-- What audit.isolation_report() demands of a cluster: the same, of policies in their bare form, and of the functions that are made here; and that every
-- other node is as closed as the coordinator. The rest of its text stays where it is, db/functions/isolation.
DO $$
DECLARE
    v_definition text;
BEGIN
    v_definition := pg_get_functiondef('audit.findings_of_policies'::regproc);
    IF v_definition NOT LIKE '%audit.in\_sub\_selects(%' THEN
        v_definition := regexp_replace(v_definition, 'pg_get_expr\((p\.pol\w+, p\.polrelid)\)', 'audit.in_sub_selects(pg_get_expr(\1))', 'g');
        v_definition := replace(v_definition,
            'IN (expression.proven_importer, expression.proven_replayer)',
            'IN (expression.proven, expression.proven_importer, expression.proven_replayer)');
        EXECUTE v_definition;
    END IF;

    v_definition := pg_get_functiondef('audit.findings_of_objects'::regproc);
    IF v_definition NOT LIKE '%commit\_in\_two\_phases%' THEN
        EXECUTE regexp_replace(v_definition, '''schema_version'', (''store_proven_audit_logs'', )?''enter_tenant'',',
            '''schema_version'', ''store_proven_audit_logs'', ''commit_in_two_phases'', ''enter_tenant'',');
        v_definition := pg_get_functiondef('audit.findings_of_objects'::regproc);
        EXECUTE regexp_replace(v_definition, '(WHERE NOT t\.tgisinternal)', 
            '\1 AND t.tgfoid IS DISTINCT FROM to_regproc(''audit.commit_in_two_phases'')');
    END IF;
    v_definition := pg_get_functiondef('audit.findings_of_objects'::regproc);
    IF v_definition NOT LIKE '%findings\_of\_nodes%' THEN
        EXECUTE replace(v_definition, '''schema_version'', ', '''schema_version'', ''findings_of_nodes'', ');
    END IF;

    v_definition := pg_get_functiondef('audit.intended_privileges'::regproc);
    IF v_definition NOT LIKE '%store\_proven\_audit\_logs%' THEN
        EXECUTE replace(v_definition, '(''function'', ''audit.enter_tenant'',',
            '(''function'', ''audit.set_on_nodes'', ''EXECUTE'', ''audit_trusted audit_keyed audit_keeper''),
        (''function'', ''audit.store_on_shard'', ''EXECUTE'', ''audit_trusted audit_keyed''),
        (''function'', ''audit.store_proven_audit_logs'', ''EXECUTE'', ''audit_keyed''),
        (''function'', ''audit.in_sub_selects'', ''EXECUTE'', ''audit_trusted audit_keyed audit_admin''),
        (''function'', ''audit.records_of_ids'', ''EXECUTE'', ''audit_keeper''),
        (''function'', ''audit.enter_tenant'',');
    END IF;
    v_definition := pg_get_functiondef('audit.intended_privileges'::regproc);
    IF v_definition NOT LIKE '%findings\_of\_nodes%' THEN
        EXECUTE replace(v_definition, '(''function'', ''audit.set_on_nodes'',',
            '(''function'', ''audit.findings_of_nodes'', ''EXECUTE'', ''audit_trusted audit_keyed audit_admin''),
        (''function'', ''audit.set_on_nodes'',');
    END IF;

    v_definition := pg_get_functiondef('audit.isolation_report'::regproc);
    IF v_definition NOT LIKE '%findings\_of\_nodes%' THEN
        v_definition := replace(v_definition, ')) AS known (number, rule)', '),
        (101, ''every other node of the cluster is as closed as this one''),
        (102, ''no restrictive policy would widen anything on a shard''),
        (103, ''what Citus runs between nodes is for nobody else'')) AS known (number, rule)');
        v_definition := replace(v_definition, 'SELECT f.rule, f.finding FROM audit.findings_of_roles() AS f',
            'SELECT f.rule, f.finding FROM audit.findings_of_nodes() AS f
        UNION ALL
        SELECT f.rule, f.finding FROM audit.findings_of_roles() AS f');
        EXECUTE v_definition;
    END IF;
END
$$;
