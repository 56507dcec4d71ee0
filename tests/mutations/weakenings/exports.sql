-- What no pattern finds in an export: its tenant, its end, its pages and parts, its mark, its text, and the record of it, each
-- made to say less. The filters that have a line of their own are taken out by checks.sql.
-- A phrase that is no longer in its function changes nothing, and that is an error of the suite: keep the two together.
-- occurrence: which one is rewritten, where a phrase stands more than once; 0: each. Oldest first stands before newest first,
-- CSV before NDJSON. Answers one row a weakening: its name, and the SQL that applies it.

WITH rewritten (function, how, occurrence, phrase, instead) AS (
    VALUES
        -- The tenant, and who may read it.
        ('export_audit_logs', 'asks for the scope write', 0, 'required_tenant(''read'')', 'required_tenant(''write'')'),
        ('export_audit_logs', 'reads as the owner for everybody', 0, 'NOT has_column_privilege(''audit.audit_logs'', ''id'', ''SELECT'')', 'true'),
        ('export_audit_logs', 'reads as the caller for everybody', 0, 'NOT has_column_privilege(''audit.audit_logs'', ''id'', ''SELECT'')', 'false'),
        ('export_proven_audit_logs', 'asks for the scope write', 0, 'proven_tenant(''read'')', 'proven_tenant(''write'')'),
        ('export_proven_audit_logs', 'asks for no proof', 0, 'PERFORM audit.required_proven_tenant(''read'');', ''),
        ('export_proven_audit_logs', 'reads with the scope write', 0, '''app.scope'', ''read''', '''app.scope'', ''write'''),
        ('export_proven_audit_logs', 'reads with what is set', 0, 'PERFORM set_config(''app.scope'', ''read'', true);', ''),
        ('export_proven_audit_logs', 'hides an end in the middle', 0, 'RETURN QUERY SELECT part.lines, part.state FROM audit.export_audit_logs() AS part;',
            'BEGIN RETURN QUERY SELECT part.lines, part.state FROM audit.export_audit_logs() AS part; EXCEPTION WHEN SQLSTATE ''RF001'' THEN NULL; END;'),
        ('continue_export', 'goes on with what was set before', 0, 'coalesce(p_state, '''')', 'coalesce(p_state, current_setting(''app.export'', true))'),

        -- Which records.
        ('export_audit_logs', 'excludes start_time, oldest first', 0, 'v_after_time := v_from - interval ''1 microsecond''', 'v_after_time := v_from'),
        ('export_audit_logs', 'excludes start_time, newest first', 0, 'v_end_time := v_from', 'v_end_time := v_from + interval ''1 microsecond'''),
        ('export_audit_logs', 'includes end_time, oldest first', 0, 'v_end_time := v_to - interval ''1 microsecond''', 'v_end_time := v_to'),
        ('export_audit_logs', 'includes end_time, newest first', 0, 'v_after_time := v_to', 'v_after_time := v_to + interval ''1 microsecond'''),
        ('export_audit_logs', 'ends before the newest', 0, 'v_end_time := v_newest_time', 'v_end_time := v_newest_time - interval ''1 microsecond'''),
        ('export_audit_logs', 'ends with the time of the newest', 0, 'v_end_id := v_newest_id', 'v_end_id := c_greatest'),
        ('export_audit_logs', 'ends amid equal times', 0, 'v_end_id := v_newest_id', 'v_end_id := c_least'),
        ('export_audit_logs', 'goes beyond its end_time', 0, 'IF v_newest_time >= v_to THEN', 'IF false THEN'),
        ('export_audit_logs', 'has no end of its own', 0, 'IF v_newest_time >= v_to THEN', 'IF true THEN'),
        ('export_audit_logs', 'looks for its end in each part', 0, 'IF NOT v_state ? ''newest_time'' THEN', 'IF true THEN'),
        ('export_audit_logs', 'forgets its end', 0, 'v_state := v_state || jsonb_build_object(''newest_time'', v_newest_time, ''newest_id'', v_newest_id);', ''),

        -- Its order, pages and parts.
        ('export_audit_logs', 'is always oldest first', 0, 'IF v_is_asc THEN', 'IF true THEN'),
        ('export_audit_logs', 'is always newest first', 0, 'IF v_is_asc THEN', 'IF false THEN'),
        ('export_audit_logs', 'forgets the time that it got to', 0, '''last_time'', v_after_time, ', ''),
        ('export_audit_logs', 'forgets the record that it got to', 0, '''last_id'', v_after_id, ', ''),
        ('export_audit_logs', 'forgets what it counted', 0, ', ''count'', v_count)', ')'),
        ('export_audit_logs', 'ends no part for its size', 0, 'v_bytes >= c_bytes OR ', ''),
        ('export_audit_logs', 'ends no part for its time', 0, ' OR clock_timestamp() >= v_until', ''),
        ('export_audit_logs', 'gives a part a minute', 0, 'interval ''1 second''', 'interval ''1 minute'''),
        ('export_audit_logs', 'gives a part a page', 0, 'v_bytes >= c_bytes', 'true'),

        -- The mark of its end.
        ('export_audit_logs', 'has no mark, in CSV', 0, 'concat(''#complete,'', v_count, E'',,,,,,,,,,,,\r\n'')', ''''''),
        ('export_audit_logs', 'has no mark, in NDJSON', 0, 'concat(''{"complete": true, "count": '', v_count, E''}\n'')', ''''''),
        ('export_audit_logs', 'has a mark of fewer columns', 0, ',,,,,,,,,,,,\r\n', ',,,,,,,,,,,\r\n'),
        ('export_audit_logs', 'marks each part, in CSV', 0, E'RETURN NEXT;\n        IF v_bytes',
            'lines := lines || convert_to(CASE WHEN v_is_csv THEN concat(''#complete,'', v_count, E'',,,,,,,,,,,,\r\n'') ELSE '''' END, ''UTF8''); RETURN NEXT; IF v_bytes'),
        ('export_audit_logs', 'marks each part, in NDJSON', 0, E'RETURN NEXT;\n        IF v_bytes',
            'lines := lines || convert_to(CASE WHEN v_is_csv THEN '''' ELSE concat(''{"complete": true, "count": '', v_count, E''}\n'') END, ''UTF8''); RETURN NEXT; IF v_bytes'),
        ('export_audit_logs', 'marks a part that has more after it', 0, E'v_until THEN\n            RETURN;', 'v_until THEN EXIT;'),
        ('export_audit_logs', 'marks with the number of the last page, in CSV', 1, 'v_count, E''', 'cardinality(v_page), E'''),
        ('export_audit_logs', 'marks with the number of the last page, in NDJSON', 2, 'v_count, E''', 'cardinality(v_page), E'''),
        ('export_audit_logs', 'puts the mark in place of the last page', 0, 'lines := lines || convert_to(CASE', 'lines := convert_to(CASE'),
        ('export_audit_logs', 'has a state after the mark', 0, 'state := NULL;', ''),
        ('export_audit_logs', 'has no state after a page', 0, 'state := v_state || jsonb_build_object(''last_time'', v_after_time, ''last_id'', v_after_id, ''count'', v_count);', 'state := NULL;'),
        ('export_audit_logs', 'has no state after the header', 0, 'state := v_state;', 'state := NULL;'),
        ('export_audit_logs', 'has no header', 0, E'state := v_state;\n            RETURN NEXT;', ''),

        -- Its text. Of formulas and quotes, see below.
        ('export_audit_logs', 'leaves formulas that begin with a tab', 0, 'ARRAY[9, 10,', 'ARRAY[10,'),
        ('export_audit_logs', 'leaves formulas that begin with a line feed', 0, '[9, 10, 13,', '[9, 13,'),
        ('export_audit_logs', 'leaves formulas that begin with a carriage return', 0, '10, 13,', '10,'),
        ('export_audit_logs', 'leaves formulas that begin with +', 0, ', 43,', ','),
        ('export_audit_logs', 'leaves formulas that begin with -', 0, ', 45,', ','),
        ('export_audit_logs', 'leaves formulas that begin with =', 0, ', 61,', ','),
        ('export_audit_logs', 'leaves formulas that begin with @', 0, ', 64,', ','),
        ('export_audit_logs', 'leaves formulas that begin with a byte order mark', 0, ', 65279,', ','),
        ('export_audit_logs', 'leaves formulas that begin with + in full width', 0, ', 65291,', ','),
        ('export_audit_logs', 'leaves formulas that begin with - in full width', 0, ', 65293,', ','),
        ('export_audit_logs', 'leaves formulas that begin with = in full width', 0, ', 65309,', ','),
        ('export_audit_logs', 'leaves formulas that begin with @ in full width', 0, ', 65312]', ']'),
        ('export_audit_logs', 'tells times in the zone of the session, in CSV', 1, ' AT TIME ZONE ''UTC''', ''),
        ('export_audit_logs', 'tells times in the zone of the session, in NDJSON', 2, ' AT TIME ZONE ''UTC''', ''),
        ('export_audit_logs', 'tells milliseconds, in CSV', 1, 'SS.US', 'SS.MS'),
        ('export_audit_logs', 'tells milliseconds, in NDJSON', 2, 'SS.US', 'SS.MS'),

        -- Its beginning. That it refuses at all is taken out by checks.sql.
        ('begin_export', 'asks for the scope write', 0, 'required_tenant(''read'')', 'required_tenant(''write'')'),
        ('begin_export', 'asks for no scope', 0, 'PERFORM audit.required_tenant(''read'');', ''),
        ('begin_export', 'takes an unknown format', 0, 'p_format IS NULL OR ', ''),
        ('begin_export', 'takes an unknown order', 0, 'p_order IS NULL OR ', ''),
        ('begin_export', 'takes a format in any letters', 0, 'p_format NOT IN', 'lower(p_format) NOT IN'),
        ('begin_export', 'takes an order in any letters', 0, 'p_order NOT IN', 'lower(p_order) NOT IN'),
        ('begin_export', 'takes a mode in any letters', 0, 'p_mode NOT IN', 'upper(p_mode) NOT IN'),
        ('begin_export', 'takes a status in any letters', 0, 'p_status NOT IN', 'lower(p_status) NOT IN'),
        ('begin_export', 'records nothing', 0, 'PERFORM audit.record_export(p_api_key, v_detail);', ''),
        ('begin_export', 'hands the key on to nobody', 0, 'audit.record_export(p_api_key, v_detail)', 'audit.record_export(NULL, v_detail)'),
        ('begin_export', 'is content when nothing is recorded', 0, 'PERFORM audit.record_export(p_api_key, v_detail);',
            'BEGIN PERFORM audit.record_export(p_api_key, v_detail); EXCEPTION WHEN OTHERS THEN NULL; END;'),
        ('begin_export', 'counts from one', 0, '''count'', 0', '''count'', 1'),

        -- The record of it.
        ('record_export', 'believes every name', 0, 'audit.tenant_source() = ''header''', 'true'),
        ('record_export', 'believes the name of who has no tenant', 0, 'audit.tenant_source() = ''header''', 'audit.tenant_source() IS DISTINCT FROM ''api_key'''),
        ('record_export', 'demands a key of who names a tenant', 0, 'audit.tenant_source() = ''header''', 'false'),
        ('record_export', 'asks for the key alone', 0, 'audit.required_proven_tenant(''read'')', 'audit.required_tenant(''read'')'),
        ('record_export', 'asks for the key alone where a part would do', 0, 'audit.required_proven_part(''read'')', 'audit.required_tenant(''read'')'),
        ('record_export', 'asks for the scope write, of the proof of a part', 0, 'required_proven_part(''read'')', 'required_proven_part(''write'')'),
        ('record_export', 'asks for the scope write, of the proof', 0, 'required_proven_tenant(''read'')', 'required_proven_tenant(''write'')'),
        ('record_export', 'asks for the scope write, of the key', 2, 'required_tenant(''read'')', 'required_tenant(''write'')'),
        ('record_export', 'asks for no scope of the key', 0, 'PERFORM audit.required_tenant(''read'');', ''),
        ('record_export', 'does not check the key', 0, 'PERFORM audit.enter_tenant(p_api_key, v_tenant_id);', ''),
        ('record_export', 'takes the key of another tenant', 0, 'audit.enter_tenant(p_api_key, v_tenant_id)', 'audit.enter_tenant(p_api_key)'),
        ('record_export', 'names no key', 0, 'split_part(p_api_key, ''_'', 2)', 'NULL'),
        ('record_export', 'names the secret', 0, 'split_part(p_api_key, ''_'', 2)', 'p_api_key'),
        ('record_export', 'names no tenant', 0, '''records exported'', v_tenant_id', '''records exported'', NULL'),
        ('record_export', 'calls it another act', 0, 'records exported', 'api key issued'),
        ('record_export', 'is content with a name that is not registered', 0, 'RAISE EXCEPTION ''the tenant is not registered''', 'RETURN; RAISE EXCEPTION ''the tenant is not registered'''),
        ('record_export', 'leaves a COMMIT that does not wait', 0, 'IN (''off'', ''local'')', 'IN (''local'')'),
        ('record_export', 'leaves a COMMIT that waits for no standby', 0, 'IN (''off'', ''local'')', 'IN (''off'')'),
        ('record_export', 'lowers what a COMMIT waits for', 0, 'IN (''off'', ''local'')', '<> ''on'''),
        ('record_export', 'raises too little', 0, '''synchronous_commit'', ''on''', '''synchronous_commit'', ''local'''),
        ('record_export', 'leaves every COMMIT as it was', 0, 'PERFORM set_config(''synchronous_commit'', ''on'', true);', 'NULL;')
),
-- What is done with each column that holds a caller's words.
column_rewritten (function, how, occurrence, phrase, instead) AS (
    SELECT 'export_audit_logs', format(w.how, c.name), 0, replace(w.phrase, '%s', c.name), replace(w.instead, '%s', c.name)
    FROM unnest(ARRAY['trace_id', 'agent_id', 'user_id', 'error']) AS c (name)
    CROSS JOIN (VALUES
        ('leaves formulas in %s', $$CASE WHEN ascii(l.%s) = ANY (c_formula) THEN '''' ELSE '' END || $$, ''),
        ('puts an apostrophe before every %s', $$CASE WHEN ascii(l.%s) = ANY (c_formula) THEN '''' ELSE '' END || $$, $$'''' || $$),
        ('doubles no quotes in %s', $$replace(l.%s, '"', '""')$$, 'l.%s'),
        ('puts no quotes around %s', $$'"' || CASE WHEN ascii(l.%s) = ANY (c_formula) THEN '''' ELSE '' END || replace(l.%s, '"', '""') || '"'$$,
            $$CASE WHEN ascii(l.%s) = ANY (c_formula) THEN '''' ELSE '' END || replace(l.%s, '"', '""')$$),
        ('escapes nothing in %s, in NDJSON', 'to_json(l.%s)', $$'"' || l.%s || '"'$$)) AS w (how, phrase, instead)
    UNION ALL
    SELECT 'export_audit_logs', format('leaves out an unknown %s, in NDJSON', name), 0, format('coalesce(%s::text, ''null'')', value), value
    FROM (VALUES ('trace_id', 'to_json(l.trace_id)'), ('mode', 'to_json(l.mode)'), ('status', 'to_json(l.status)'),
                 ('http_status', 'l.http_status'), ('latency_ms', 'l.latency_ms'), ('user_id', 'to_json(l.user_id)'),
                 ('error', 'to_json(l.error)')) AS c (name, value)
    UNION ALL
    SELECT 'export_audit_logs', format('does not filter by %s', name), 0, format(' := v_state ->> ''%s''', name), ''
    FROM unnest(ARRAY['agent_id', 'trace_id', 'user_id', 'mode', 'status', 'http_status']) AS c (name)
    UNION ALL
    SELECT 'export_audit_logs', format('does not look at %s', name), 0, format('(v_state ->> ''%s'')::timestamptz', name), 'NULL::timestamptz'
    FROM unnest(ARRAY['start_time', 'end_time']) AS c (name)
    UNION ALL
    SELECT 'begin_export', format('forgets %s', name), 0, format('''%s'', p_%1$s,', name), ''
    FROM unnest(ARRAY['format', 'order', 'agent_id', 'trace_id', 'user_id', 'mode', 'status', 'http_status', 'start_time']) AS c (name)
    UNION ALL
    SELECT 'begin_export', 'forgets end_time', 0, '''end_time'', p_end_time, ', ''
    UNION ALL
    SELECT 'begin_export', format('refuses %s', value), 0, format('NOT IN (%s)', known), format('NOT IN (%s)', fewer)
    FROM (VALUES
        ('ndjson',  '''ndjson'', ''csv'', ''evidence''', '''csv'', ''evidence'''),
        ('csv',     '''ndjson'', ''csv'', ''evidence''', '''ndjson'', ''evidence'''),
        ('evidence', '''ndjson'', ''csv'', ''evidence''', '''ndjson'', ''csv'''),
        ('asc',     '''asc'', ''desc''',    '''desc'''),
        ('desc',    '''asc'', ''desc''',    '''asc'''),
        ('DRY_RUN', '''DRY_RUN'', ''LIVE''', '''LIVE'''),
        ('LIVE',    '''DRY_RUN'', ''LIVE''', '''DRY_RUN'''),
        ('started', '''started'', ''success'', ''error'', ''denied''', '''success'', ''error'', ''denied'''),
        ('success', '''started'', ''success'', ''error'', ''denied''', '''started'', ''error'', ''denied'''),
        ('error',   '''started'', ''success'', ''error'', ''denied''', '''started'', ''success'', ''denied'''),
        ('denied',  '''started'', ''success'', ''error'', ''denied''', '''started'', ''success'', ''error''')) AS v (value, known, fewer)
),
source AS (
    SELECT p.proname, pg_get_functiondef(p.oid) AS body FROM pg_proc AS p WHERE p.pronamespace = 'audit'::regnamespace
)
SELECT format('function audit.%s %s', r.function, r.how),
       -- The phrase as it stands, and what comes instead too: of a regular expression no character means anything but itself.
       regexp_replace(s.body, '***=' || r.phrase, replace(r.instead, '\', '\\'), 1, r.occurrence)
FROM (TABLE rewritten UNION ALL TABLE column_rewritten) AS r
JOIN source AS s ON s.proname = r.function
ORDER BY 1
