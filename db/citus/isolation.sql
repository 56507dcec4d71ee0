-- What audit.isolation_report() demands of a cluster: the same, of policies in their bare form, and of the functions that are made here. The rest of
-- its text stays where it is, db/functions/isolation.
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
    IF v_definition NOT LIKE '%store\_proven\_audit\_logs%' THEN
        EXECUTE replace(v_definition, '''schema_version'', ''enter_tenant'',', '''schema_version'', ''store_proven_audit_logs'', ''enter_tenant'',');
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
END
$$;
