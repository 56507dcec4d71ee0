-- What no pattern finds in the proof of a tenant: what it is compared with, what it holds, for how long it is believed, and what asks for it,
-- each made to say less.
-- A phrase that is no longer in its function changes nothing, and that is an error of the suite: keep the two together.
-- Answers one row a weakening: its name, and the SQL that applies it.

WITH rewritten (function, how, phrase, instead) AS (
    VALUES
        ('proven_tenant', 'believes any proof', 'v_parts[4] = audit', 'v_parts[4] IS DISTINCT FROM audit'),
        ('proven_tenant', 'believes where there is no proof', 'v_parts[4] = audit', 'v_parts[4] IS NULL OR v_parts[4] = audit'),
        ('proven_tenant', 'believes where there is no secret', 'v_parts[2], '''', v_parts[3])', 'v_parts[2], '''', v_parts[3]) IS NOT FALSE'),
        ('proven_tenant', 'asks for no scope', 'p_scope = ANY (string_to_array(v_scopes, '',''))', 'true'),
        ('proven_tenant', 'asks for any scope', 'p_scope = ANY (string_to_array(v_scopes, '',''))', '(''read'' = ANY (string_to_array(v_scopes, '','')) OR ''write'' = ANY (string_to_array(v_scopes, '','')))'),
        ('proven_tenant', 'believes for a second more', '> 5', '> 6'),
        ('proven_tenant', 'believes for an hour', '> 5', '> 3600'),
        ('proven_tenant', 'believes for half as long', '> 5', '> 2'),
        ('proven_tenant', 'believes what is yet to come', 'abs(extract(epoch FROM clock_timestamp()) - v_parts[3]::numeric)', 'extract(epoch FROM clock_timestamp()) - v_parts[3]::numeric'),
        ('proven_tenant', 'counts to the start of the transaction', 'clock_timestamp()', 'now()'),
        ('proven_tenant', 'counts to the start of the statement', 'clock_timestamp()', 'statement_timestamp()'),
        ('proven_tenant', 'hides an end in the middle', 'RAISE EXCEPTION ''the proof of the tenant has expired'' USING ERRCODE = ''RF001'',', 'RETURN NULL; RAISE EXCEPTION ''the proof of the tenant has expired'' USING ERRCODE = ''RF001'','),
        ('tenant_proof', 'knows the secret in use alone', 'WHERE s.id::text = p_secret_id', 'WHERE s.replaced_at IS NULL'),
        ('tenant_proof', 'knows the oldest secret alone', 'WHERE s.id::text = p_secret_id', 'WHERE s.id = (SELECT min(o.id) FROM audit.proof_secrets AS o)'),
        ('tenant_proof', 'serves with any replaced secret', '(s.replaced_at IS NULL OR s.replaced_at > clock_timestamp() - interval ''30 seconds'')', 'true'),
        ('tenant_proof', 'serves with no replaced secret', ' OR s.replaced_at > clock_timestamp() - interval ''30 seconds''', ''),
        ('tenant_proof', 'serves for longer with a replaced secret', '''30 seconds''', '''31 seconds'''),
        ('tenant_proof', 'serves for a moment with a replaced secret', '''30 seconds''', '''5 seconds'''),
        ('tenant_proof', 'counts from the start of the transaction', 'clock_timestamp()', 'now()'),
        ('tenant_proof', 'has no inner secret', 's.inner_key || ', ''),
        ('tenant_proof', 'has no outer secret', 's.outer_key || ', ''),
        ('tenant_proof', 'has one hash', 'sha256(s.outer_key || sha256(s.inner_key || convert_to(', 'sha256(s.outer_key || (s.inner_key || convert_to('),
        ('tenant_proof', 'holds the secret in a variable', E'AS $function$\nBEGIN', E'AS $function$\nDECLARE v_inner_key bytea := (SELECT o.inner_key FROM audit.proof_secrets AS o WHERE o.id::text = p_secret_id);\nBEGIN'),
        ('set_proven_tenant', 'proves for a second more', 'v_entered text := extract(epoch FROM clock_timestamp())', 'v_entered text := (extract(epoch FROM clock_timestamp()) + 1)'),
        ('set_proven_tenant', 'counts from the start of the transaction', 'v_entered text := extract(epoch FROM clock_timestamp())', 'v_entered text := extract(epoch FROM now())'),
        ('tenant_proof', 'does not hold the transaction', '|| audit.transaction_identity()', ''),
        ('set_proven_tenant', 'names no key', 'p_secret_id, p_api_key_id, v_entered', 'p_secret_id, '''', v_entered'),
        ('set_proven_tenant', 'proves no key', 'p_scopes, p_api_key_id, p_restriction, v_entered))', 'p_scopes, '''', p_restriction, v_entered))'),
        ('set_proven_tenant', 'takes a number', 'PERFORM set_config(''app.tenant_id''', 'PERFORM pg_current_xact_id(), set_config(''app.tenant_id'''),
        ('enter_tenant', 'proves another key of the tenant', 'v_key.scopes, v_key.id, v', 'v_key.scopes, (SELECT min(o.id) FROM audit.api_keys AS o WHERE o.tenant_id = v_key.tenant_id), v'),
        ('enter_tenant', 'proves no key', 'v_key.scopes, v_key.id, v', 'v_key.scopes, '''', v'),
        ('enter_tenant', 'writes the use down', 'RETURN v_key.tenant_id;', 'UPDATE audit.api_key_uses AS u SET last_used_at = now() WHERE u.api_key_id = v_key.id; RETURN v_key.tenant_id;'),
        ('enter_tenant', 'locks the use', 'RETURN v_key.tenant_id;', 'PERFORM FROM audit.api_key_uses AS u WHERE u.api_key_id = v_key.id FOR NO KEY UPDATE SKIP LOCKED; RETURN v_key.tenant_id;'),
        ('enter_tenant', 'proves with the oldest secret', 'ON s.replaced_at IS NULL', 'ON s.id = (SELECT min(o.id) FROM audit.proof_secrets AS o)'),
        ('enter_tenant', 'proves every scope', 'array_to_string(k.scopes, '','') AS scopes', '''read,write'' AS scopes'),
        ('enter_tenant', 'enters at the level SERIALIZABLE', '<> ''read committed''', 'NOT IN (''read committed'', ''serializable'')'),
        ('enter_tenant', 'enters at the level REPEATABLE READ', '<> ''read committed''', 'NOT IN (''read committed'', ''repeatable read'')'),
        ('enter_tenant', 'enters at the level READ UNCOMMITTED', '<> ''read committed''', 'NOT LIKE ''read %committed'''),
        ('enter_tenant', 'locks the key', 'k.secret_sha256 = sha256(convert_to(substr(p_api_key, 21), ''UTF8''));', 'k.secret_sha256 = sha256(convert_to(substr(p_api_key, 21), ''UTF8'')) FOR SHARE OF k;'),
        ('list_proven_audit_logs', 'asks for no proof', 'PERFORM audit.required_proven_part(''read'');', ''),
        ('list_proven_audit_logs', 'asks for the scope write', 'proven_part(''read'')', 'proven_part(''write'')'),
        ('list_proven_audit_logs', 'reads with the scope write', '''app.scope'', ''read''', '''app.scope'', ''write'''),
        ('list_proven_audit_logs', 'asks for neither and reads with what is set', 'PERFORM set_config(''app.scope'', ''read'', true);', ''),
        ('count_proven_audit_logs', 'asks for no proof', 'PERFORM audit.required_proven_part(''read'');', ''),
        ('count_proven_audit_logs', 'asks for the scope write', 'proven_part(''read'')', 'proven_part(''write'')'),
        ('count_proven_audit_logs', 'reads with the scope write', '''app.scope'', ''read''', '''app.scope'', ''write'''),
        ('count_proven_audit_logs', 'asks for neither and reads with what is set', 'PERFORM set_config(''app.scope'', ''read'', true);', ''),
        ('summarize_proven_audit_logs', 'asks for no proof', 'PERFORM audit.required_proven_tenant(''read'');', ''),
        ('summarize_proven_audit_logs', 'asks for the scope write', 'proven_tenant(''read'')', 'proven_tenant(''write'')'),
        ('summarize_proven_audit_logs', 'reads with the scope write', '''app.scope'', ''read''', '''app.scope'', ''write'''),
        ('summarize_proven_audit_logs', 'asks for neither and reads with what is set', 'PERFORM set_config(''app.scope'', ''read'', true);', ''),
        ('describe_administration', 'believes every name', 'audit.tenant_source() = ''header''', 'true'),
        ('describe_administration', 'believes the name beside a key', 'audit.required_proven_tenant(''read'')', 'audit.required_tenant(''read'')'),
        ('describe_administration', 'asks a key for the scope write', 'required_proven_tenant(''read'')', 'required_proven_tenant(''write'')'),
        ('get_proven_audit_log', 'asks for no proof', 'PERFORM audit.required_proven_part(''read'');', ''),
        ('get_proven_audit_log', 'asks for the scope write', 'proven_part(''read'')', 'proven_part(''write'')'),
        ('get_proven_audit_log', 'reads with the scope write', '''app.scope'', ''read''', '''app.scope'', ''write'''),
        ('get_proven_audit_log', 'asks for neither and reads with what is set', 'PERFORM set_config(''app.scope'', ''read'', true);', ''),
        ('list_proven_admin_events', 'asks for no proof', 'PERFORM audit.required_proven_tenant(''read'');', ''),
        ('list_proven_admin_events', 'asks for the scope write', 'proven_tenant(''read'')', 'proven_tenant(''write'')'),
        ('list_proven_admin_events', 'reads with the scope write', '''app.scope'', ''read''', '''app.scope'', ''write'''),
        ('list_proven_admin_events', 'asks for neither and reads with what is set', 'PERFORM set_config(''app.scope'', ''read'', true);', ''),
        ('required_tenant', 'takes an ended setting for a tenant', 'coalesce(v_tenant_id, '''') = ''''', 'v_tenant_id IS NULL'),
        ('required_tenant', 'takes no setting for a tenant', 'coalesce(v_tenant_id, '''') = ''''', 'v_tenant_id = '''''),
        ('required_tenant', 'asks for any scope', 'p_scope <> ALL (string_to_array(v_scopes, '',''))', 'false'),
        ('required_tenant', 'asks for the scope of a caller without a key too', 'v_scopes <> '''' AND ', ''),
        ('required_proven_tenant', 'believes the name', 'audit.proven_tenant(p_scope)', 'current_setting(''app.tenant_id'', true)'),
        ('transaction_identity', 'is that of the backend alone', 'concat(extract(epoch FROM pg_postmaster_start_time()), '':'', pg_backend_pid(), '':'', extract(epoch FROM transaction_timestamp()))', 'pg_backend_pid()::text'),
        ('transaction_identity', 'is that of the start alone', 'concat(extract(epoch FROM pg_postmaster_start_time()), '':'', pg_backend_pid(), '':'', extract(epoch FROM transaction_timestamp()))', 'extract(epoch FROM transaction_timestamp())::text'),
        ('transaction_identity', 'is that of a copy of the server too', 'extract(epoch FROM pg_postmaster_start_time()), '':'', ', ''),
        ('transaction_identity', 'is one for all', 'concat(extract(epoch FROM pg_postmaster_start_time()), '':'', pg_backend_pid(), '':'', extract(epoch FROM transaction_timestamp()))', '''one'''),
        ('transaction_identity', 'is that of the second', 'concat(extract(epoch FROM pg_postmaster_start_time()), '':'', pg_backend_pid(), '':'', extract(epoch FROM transaction_timestamp()))', 'concat(extract(epoch FROM pg_postmaster_start_time()), '':'', pg_backend_pid(), '':'', extract(epoch FROM date_trunc(''second'', transaction_timestamp())))'),
        ('transaction_identity', 'is that of the statement', 'concat(extract(epoch FROM pg_postmaster_start_time()), '':'', pg_backend_pid(), '':'', extract(epoch FROM transaction_timestamp()))', 'concat(extract(epoch FROM pg_postmaster_start_time()), '':'', pg_backend_pid(), '':'', extract(epoch FROM statement_timestamp()))'),
        ('transaction_identity', 'holds the number too', 'concat(extract(epoch FROM pg_postmaster_start_time()), '':'', pg_backend_pid(), '':'', extract(epoch FROM transaction_timestamp()))', 'concat(extract(epoch FROM pg_postmaster_start_time()), '':'', pg_backend_pid(), '':'', extract(epoch FROM transaction_timestamp()), pg_current_xact_id())'),
        ('proven_api_key', 'believes any proof', 'v_parts[4] = audit', 'v_parts[4] IS DISTINCT FROM audit'),
        ('proven_api_key', 'believes where there is no proof', 'v_parts[4] = audit', 'v_parts[4] IS NULL OR v_parts[4] = audit'),
        ('proven_api_key', 'names the secret', 'RETURN v_parts[2]', 'RETURN v_parts[1]'),
        ('proven_writer', 'names the secret', ''':'', 2)', ''':'', 1)'),
        ('proven_writer', 'believes the name', 'audit.proven_tenant(p_scope)', 'current_setting(''app.tenant_id'', true)'),
        ('proven_writer', 'asks for the scope write', 'audit.proven_tenant(p_scope)', 'audit.proven_tenant(''write'')'),
        ('proven_writer', 'runs the tenant into the key', ' || '':'' || ', ' || '),
        ('set_tenant', 'leaves a proof', 'set_config(''app.proof'', '''', true)', 'NULL'),
        ('leave_tenant', 'leaves the tenant', 'set_config(''app.tenant_id'', '''', true), ', ''),
        ('leave_tenant', 'leaves the scopes', 'set_config(''app.scopes'', '''', true), ', ''),
        ('leave_tenant', 'leaves the proof', 'set_config(''app.proof'', '''', true)', 'NULL'),
        ('leave_tenant', 'leaves the restriction', 'set_config(''app.restriction'', '''', true)', 'NULL'),
        ('leave_tenant', 'leaves the scope that is in use', 'set_config(''app.scope'', '''', true)', 'NULL')
),
source AS (
    SELECT p.proname, pg_get_functiondef(p.oid) AS body FROM pg_proc AS p WHERE p.pronamespace = 'audit'::regnamespace
)
SELECT format('function audit.%s %s', r.function, r.how), replace(s.body, r.phrase, r.instead)
FROM rewritten AS r
JOIN source AS s ON s.proname = r.function
UNION ALL
-- A proof holds each part, after its length.
SELECT format('function audit.%s %s %s', s.proname, way.said, part.name),
       replace(s.body, format('length(%1$s) || '':'' || %1$s', part.name), format(way.instead, part.name))
FROM source AS s
CROSS JOIN unnest(ARRAY['p_tenant_id', 'p_scopes', 'p_api_key_id', 'p_restriction', 'p_entered']) AS part (name)
CROSS JOIN (VALUES ('does not hold', ''''''), ('holds without its length', '%1$s'), ('runs into its length', 'length(%1$s) || %1$s'))
    AS way (said, instead)
WHERE s.proname = 'tenant_proof'
ORDER BY 1
