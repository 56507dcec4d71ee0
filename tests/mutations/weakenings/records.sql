-- What no pattern finds where records are written: their context, the many of one call, and what makes a call repeatable, each made to say
-- less.
-- A phrase that is no longer in its function changes nothing, and that is an error of the suite: keep the two together.
-- Answers one row a weakening: its name, and the SQL that applies it.

WITH rewritten (function, how, phrase, instead) AS (
    VALUES
        -- The context.
        ('is_context', 'takes a byte more', '<= 4096', '<= 4097'),
        ('is_context', 'takes a byte less', '<= 4096', '<= 4095'),
        ('is_context', 'counts characters', 'octet_length(p_context::text)', 'length(p_context::text)'),
        ('is_context', 'looks into no object', 'json_typeof(p_context) = ''object''', 'true'),
        ('is_context', 'takes a name twice', 'count(*) = count(DISTINCT e.key)', 'true'),
        ('is_context', 'takes any name', 'e.key = ANY (c_names)', 'true'),
        ('is_context', 'takes what is unknown', '(''string'', ''number'', ''boolean'')', '(''string'', ''number'', ''boolean'', ''null'')'),
        ('is_context', 'takes objects and lists', '(''string'', ''number'', ''boolean'')', '(''string'', ''number'', ''boolean'', ''object'', ''array'')'),
        ('is_context', 'takes no number', '(''string'', ''number'', ''boolean'')', '(''string'', ''boolean'')'),
        ('is_context', 'takes no boolean', '(''string'', ''number'', ''boolean'')', '(''string'', ''number'')'),
        ('is_context', 'takes no empty object', ')), true)', ')), false)'),
        ('is_context', 'fails at NUL', 'untranslatable_character OR ', ''),
        ('is_context', 'fails at half of a pair', ' OR invalid_text_representation', ''),
        ('parsed_context', 'changes the text', 'p_text::json', 'p_text::jsonb::json'),
        ('parsed_context', 'takes what is no JSON for none', 'RAISE EXCEPTION ''the context is not JSON'' USING ERRCODE = ''RF003'', COLUMN = ''context'';', 'RETURN NULL;'),

        -- One record, and many.
        ('insert_audit_log', 'leaves a COMMIT that does not wait', 'IN (''off'', ''local'')', 'IN (''local'')'),
        ('insert_audit_log', 'leaves a COMMIT that waits for no standby', 'IN (''off'', ''local'')', 'IN (''off'')'),
        ('insert_audit_log', 'lowers what a COMMIT waits for', 'IN (''off'', ''local'')', '<> ''on'''),
        ('insert_audit_log', 'raises too little', '''synchronous_commit'', ''on''', '''synchronous_commit'', ''local'''),
        ('insert_audit_log', 'leaves every COMMIT as it was', 'PERFORM set_config(''synchronous_commit'', ''on'', true);', 'NULL;'),
        ('insert_audit_log', 'lets a repetition wait for nothing', 'PERFORM pg_logical_emit_message(true, ''ringfence'', '''');', 'NULL;'),
        ('append_audit_log', 'lets a repetition wait for nothing', 'PERFORM pg_logical_emit_message(true, ''ringfence'', '''');', 'NULL;'),
        ('append_audit_logs', 'lets a repetition wait for nothing', 'PERFORM pg_logical_emit_message(true, ''ringfence'', '''');', 'NULL;'),
        ('append_audit_logs', 'leaves a COMMIT that does not wait', 'IN (''off'', ''local'')', 'IN (''local'')'),
        ('append_audit_logs', 'leaves a COMMIT that waits for no standby', 'IN (''off'', ''local'')', 'IN (''off'')'),
        ('append_audit_logs', 'lowers what a COMMIT waits for', 'IN (''off'', ''local'')', '<> ''on'''),
        ('append_audit_logs', 'raises too little', '''synchronous_commit'', ''on''', '''synchronous_commit'', ''local'''),
        ('append_audit_logs', 'leaves every COMMIT as it was', 'PERFORM set_config(''synchronous_commit'', ''on'', true);', 'NULL;'),
        ('append_audit_logs', 'takes what was not all stored for stored', 'IF stored = total OR audit.are_repeated(p_records, p_scope) THEN', 'IF true THEN'),
        ('append_audit_logs', 'compares no repeated records together', 'stored = total OR audit.are_repeated(p_records, p_scope)', 'stored = total'),
        ('append_audit_logs', 'counts the refused record from elsewhere', 'coalesce(p_first, 1) - 1', '0'),
        ('append_audit_logs', 'counts what was undone', E'stored := 0;\n    END;', E'END;'),
        ('append_audit_logs', 'stores the valid where all or none is asked for', 'IF p_first IS NOT NULL THEN', 'IF false THEN'),
        ('append_audit_logs', 'stores all or none where each is asked for', 'IF p_first IS NOT NULL THEN', 'IF true THEN'),
        ('append_audit_logs', 'says that the refused are stored', 'refusals[v_position] := json_build_object(', 'CONTINUE; refusals[v_position] := json_build_object('),
        ('append_audit_logs', 'mixes up whose refusal it is', 'refusals[v_position] := json_build_object(', 'refusals[v_position + 1] := json_build_object('),
        ('append_audit_logs', 'takes an error that is about no record for a refusal', 'NOT v_is_shared AND SQLSTATE NOT IN (''RF003'', ''RF004'')', 'false AND SQLSTATE NOT IN (''RF003'', ''RF004'')'),
        ('append_audit_logs', 'says no record whose context is no JSON', 'NOT IN (''RF004'', ''RF003'')', 'NOT IN (''RF004'')'),
        ('append_audit_logs', 'lets one request fail another', 'IF NOT v_is_shared AND', 'IF'),
        ('append_audit_logs', 'stores one by one past an error that is about no record', 'IF NOT v_is_shared AND SQLSTATE NOT IN (''RF004'', ''RF003'')', 'IF false AND SQLSTATE NOT IN (''RF004'', ''RF003'')'),
        ('append_audit_log', 'refuses what is stored already', 'NOT audit.are_repeated(json_build_array(p_record), p_scope)', 'true'),
        ('append_audit_log', 'takes any record of this id for the same', 'NOT audit.are_repeated(json_build_array(p_record), p_scope)', 'false'),
        ('append_audit_log', 'counts what was stored before', 'RETURN false;', 'RETURN true;'),
        ('store_audit_logs', 'takes the time of now', 'least(r.created_at, CASE p_scope WHEN ''replay'' THEN clock_timestamp() END)', 'now()'),
        ('store_audit_logs', 'takes a time to come', 'least(r.created_at, CASE p_scope WHEN ''replay'' THEN clock_timestamp() END)', 'r.created_at'),
        ('store_audit_logs', 'changes the time of history', 'CASE p_scope WHEN ''replay'' THEN clock_timestamp() END', 'timestamptz ''1999-01-01 00:00:00+00'''),
        ('store_audit_logs', 'stores a record without mode', 'r.mode IS NOT NULL AND r.status', 'r.status'),
        ('store_audit_logs', 'stores a record without status', 'r.mode IS NOT NULL AND r.status IS NOT NULL', 'r.mode IS NOT NULL'),
        ('store_audit_logs', 'keeps no id', 'coalesce(r.id, audit.uuid_v7())', 'audit.uuid_v7()'),
        ('import_audit_log_batch', 'asks for the scope write', 'proven_tenant(''import'')', 'proven_tenant(''write'')'),
        ('import_audit_log_batch', 'asks for the name', 'audit.required_proven_tenant(''import'')', 'current_setting(''app.tenant_id'', true)'),
        ('import_audit_log_batch', 'records what changed nothing', 'IF v_appended.stored > 0 THEN', 'IF true THEN'),
        ('import_audit_log_batch', 'keeps the refusals', 'array_to_json(v_appended.refusals)', 'NULL'),
        ('import_audit_logs', 'stores the valid', 'coalesce(p_first, 1)', 'NULL'),
        ('import_history', 'stores the valid', 'audit.import_audit_log_batch(p_records, 1)', 'audit.import_audit_log_batch(p_records)'),
        ('insert_audit_logs', 'stores the valid', 'coalesce(p_first, 1)', 'NULL'),
        ('writing_tenant', 'believes every name', 'CASE audit.tenant_source()', 'CASE ''header'''),
        ('writing_tenant', 'believes the name where no proof is', 'audit.proven_tenant(''import''))', 'audit.proven_tenant(''import''), current_setting(''app.tenant_id'', true))'),
        ('writing_tenant', 'is satisfied with the scope read', 'audit.proven_tenant(''import''))', 'audit.proven_tenant(''import''), audit.proven_tenant(''read''))'),

        -- Those of many credentials.
        ('insert_audit_log_batch', 'forgets what stands beside a key',
            'audit.enter_tenant(v_credential.api_key, v_credential.tenant_id)', 'audit.enter_tenant(v_credential.api_key)'),
        ('insert_audit_log_batch', 'refuses all where one credential is refused', 'GET STACKED DIAGNOSTICS', 'RAISE; GET STACKED DIAGNOSTICS'),
        ('insert_audit_log_batch', 'says nothing of a refused credential', '''sqlstate'', SQLSTATE', '''tenant_id'', v_credential.tenant_id'),
        ('insert_audit_log_batch', 'says nothing of a refused record', 'coalesce(v_refusals[v_number], v_outcome)', 'v_outcome'),
        ('insert_audit_log_batch', 'keeps the refusals of another credential', 'v_refusals := NULL;', ''),
        ('insert_audit_log_batch', 'mixes up whose refusal it is', 'coalesce(v_refusals[v_number]', 'coalesce(v_refusals[v_position]'),
        ('insert_audit_log_batch', 'says that it wrote, and writes nothing', 'v_refusals := (audit.append_audit_logs(v_credential.records, ''write'')).refusals;', 'v_refusals := NULL;'),
        ('insert_audit_log_batch', 'writes all or none of a credential', 'audit.append_audit_logs(v_credential.records, ''write'')', 'audit.append_audit_logs(v_credential.records, ''write'', 1)'),
        ('insert_audit_log_batch', 'believes the name beside a key', 'IF v_credential.api_key IS NULL THEN', 'IF v_credential.tenant_id IS NOT NULL THEN'),
        ('insert_audit_log_batch', 'asks nobody for a key', 'IF v_credential.api_key IS NULL THEN', 'IF true THEN'),
        ('insert_audit_log_batch', 'answers without the tenant of a name', 'json_build_object(''tenant_id'', audit.set_tenant', 'json_build_object(''tenant'', audit.set_tenant'),
        ('insert_audit_log_batch', 'answers without the tenant of a key', 'json_build_object(''tenant_id'', audit.enter_tenant', 'json_build_object(''tenant'', audit.enter_tenant'),
        ('insert_audit_log_batch', 'tells no detail', '''detail'', v_detail, ', ''),

        -- What makes a call repeatable.
        ('are_stored', 'asks for the scope read', ', ''write'')', ', ''read'')'),
        ('are_repeated', 'asks for what is set', 'PERFORM set_config(''app.scope'', p_scope, true);', ''),
        ('are_repeated', 'recognises a record under another id', 'l.id = r.id', 'true'),
        ('are_repeated', 'recognises a record of another tenant', 'l.tenant_id = current_setting(''app.tenant_id'', true)', 'true'),
        ('are_repeated', 'recognises a record with another context', 'l.context::text', 'r.context'),
        ('are_repeated', 'recognises a record of another time', 'AND (p_scope <> ''import'' OR l.created_at = r.created_at)', ''),
        ('are_repeated', 'recognises no record that was replayed', 'p_scope <> ''import'' OR ', ''),
        ('are_repeated', 'is always true', 'RETURN NOT EXISTS (', 'RETURN true OR EXISTS ('),
        ('are_repeated', 'is never true', 'RETURN NOT EXISTS (', 'RETURN false AND EXISTS ('),
        ('claim_idempotency_key', 'lets a repetition wait for nothing', 'PERFORM pg_logical_emit_message(true, ''ringfence'', '''');', 'NULL;'),
        ('claim_idempotency_key', 'answers another body', 'IF v_used.body_sha256 <> p_body_sha256 THEN', 'IF false THEN'),
        ('claim_idempotency_key', 'takes every key for new', 'WHERE k.created_at < now() - interval ''24 hours'';', ';'),
        ('claim_idempotency_key', 'takes a key for new too early', 'WHERE k.created_at < now() - interval ''24 hours'';', 'WHERE k.created_at <= now() - interval ''24 hours'';'),
        ('claim_idempotency_key', 'keeps a key for ever', 'WHERE k.created_at < now() - interval ''24 hours'';', 'WHERE false;')
),
source AS (
    SELECT p.proname, pg_get_functiondef(p.oid) AS body FROM pg_proc AS p WHERE p.pronamespace = 'audit'::regnamespace
)
SELECT format('function audit.%s %s', r.function, r.how), replace(s.body, r.phrase, r.instead)
FROM rewritten AS r
JOIN source AS s ON s.proname = r.function
UNION ALL
-- A retry is the same record in every field.
SELECT format('function audit.%s recognises a record with another %s', s.proname, field.name),
       regexp_replace(s.body, format('\ml\.%s(?=[,)])', field.name), 'r.' || field.name)
FROM source AS s
CROSS JOIN unnest(ARRAY['agent_id', 'mode', 'status', 'trace_id', 'http_status', 'latency_ms', 'user_id', 'error']) AS field (name)
WHERE s.proname = 'are_repeated'
UNION ALL
-- What asks for it names every field, whether the caller may read or not.
SELECT format('function audit.%s looks for a record without its %s', s.proname, field.name),
       regexp_replace(s.body, format('(%s\([^;]*?)\m%s%s\M', way.call, way.prefix, field.name), '\1NULL')
FROM (VALUES ('insert_audit_log', 'ROW', 'p_')) AS way (function, call, prefix)
JOIN source AS s ON s.proname = way.function
CROSS JOIN unnest(ARRAY['agent_id', 'mode', 'status', 'trace_id', 'http_status', 'latency_ms', 'user_id', 'error', 'context']) AS field (name)
UNION ALL
-- Each field of a record is kept, whoever writes it.
SELECT format('function audit.store_audit_logs loses %s %s', field.name, way.said),
       regexp_replace(s.body, format('\mr\.%s\M(?! IS)', field.name), 'NULL', 1, way.occurrence)
FROM source AS s
CROSS JOIN unnest(ARRAY['trace_id', 'http_status', 'latency_ms', 'user_id', 'error', 'context']) AS field (name)
CROSS JOIN (VALUES ('of a live record', 1), ('of one that keeps its time', 2)) AS way (said, occurrence)
WHERE s.proname = 'store_audit_logs'
UNION ALL
-- Each name of the list.
SELECT format('function audit.is_context knows no %s', name.name[1]), replace(s.body, format('%L', name.name[1]), format('%L', 'x' || name.name[1]))
FROM source AS s
CROSS JOIN LATERAL regexp_matches(substring(s.body FROM 'ARRAY\[(.*?)\]'), '''([a-z0-9_.]+)''', 'g') AS name (name)
WHERE s.proname = 'is_context'
ORDER BY 1
