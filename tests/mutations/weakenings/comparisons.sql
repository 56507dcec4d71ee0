-- What no pattern finds: the comparisons that a proof, a key, a retry and the access matrix rest on, each made to say less.
-- A phrase that is no longer in its function changes nothing, and that is an error of the suite: keep the two together.
-- Answers one row a weakening: its name, and the SQL that applies it.

WITH rewritten (function, how, phrase, instead) AS (
    VALUES
        -- The proof.
        ('proven_tenant', 'believes any proof', 'v_parts[4] = audit', 'v_parts[4] IS DISTINCT FROM audit'),
        ('proven_tenant', 'believes where there is no proof', 'v_parts[4] = audit', 'v_parts[4] IS NULL OR v_parts[4] = audit'),
        ('proven_tenant', 'believes where there is no secret', 'v_parts[2], v_parts[3])', 'v_parts[2], v_parts[3]) IS NOT FALSE'),
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
        ('set_proven_tenant', 'proves no key', 'p_scopes, p_api_key_id, v_entered))', 'p_scopes, '''', v_entered))'),
        ('set_proven_tenant', 'takes a number', 'PERFORM set_config(''app.tenant_id''', 'PERFORM pg_current_xact_id(), set_config(''app.tenant_id'''),
        ('enter_tenant', 'proves another key of the tenant', 'v_key.scopes, v_key.id)', 'v_key.scopes, (SELECT min(o.id) FROM audit.api_keys AS o WHERE o.tenant_id = v_key.tenant_id))'),
        ('enter_tenant', 'proves no key', 'v_key.scopes, v_key.id)', 'v_key.scopes, '''')'),
        ('enter_tenant', 'writes the use down', 'RETURN v_key.tenant_id;', 'UPDATE audit.api_key_uses AS u SET last_used_at = now() WHERE u.api_key_id = v_key.id; RETURN v_key.tenant_id;'),
        ('enter_tenant', 'locks the use', 'RETURN v_key.tenant_id;', 'PERFORM FROM audit.api_key_uses AS u WHERE u.api_key_id = v_key.id FOR NO KEY UPDATE SKIP LOCKED; RETURN v_key.tenant_id;'),
        ('enter_tenant', 'proves with the oldest secret', 'ON s.replaced_at IS NULL', 'ON s.id = (SELECT min(o.id) FROM audit.proof_secrets AS o)'),
        ('enter_tenant', 'proves every scope', 'array_to_string(k.scopes, '','') AS scopes', '''read,write'' AS scopes'),
        ('enter_tenant', 'enters at the level SERIALIZABLE', '<> ''read committed''', 'NOT IN (''read committed'', ''serializable'')'),
        ('enter_tenant', 'enters at the level REPEATABLE READ', '<> ''read committed''', 'NOT IN (''read committed'', ''repeatable read'')'),
        ('enter_tenant', 'enters at the level READ UNCOMMITTED', '<> ''read committed''', 'NOT LIKE ''read %committed'''),
        ('enter_tenant', 'locks the key', 'k.secret_sha256 = sha256(convert_to(substr(p_api_key, 21), ''UTF8''));', 'k.secret_sha256 = sha256(convert_to(substr(p_api_key, 21), ''UTF8'')) FOR SHARE OF k;'),
        ('list_proven_audit_logs', 'asks for no proof', 'PERFORM audit.required_proven_tenant(''read'');', ''),
        ('list_proven_audit_logs', 'asks for the scope write', 'proven_tenant(''read'')', 'proven_tenant(''write'')'),
        ('list_proven_audit_logs', 'reads with the scope write', '''app.scope'', ''read''', '''app.scope'', ''write'''),
        ('list_proven_audit_logs', 'asks for neither and reads with what is set', 'PERFORM set_config(''app.scope'', ''read'', true);', ''),
        ('get_proven_audit_log', 'asks for no proof', 'PERFORM audit.required_proven_tenant(''read'');', ''),
        ('get_proven_audit_log', 'asks for the scope write', 'proven_tenant(''read'')', 'proven_tenant(''write'')'),
        ('get_proven_audit_log', 'reads with the scope write', '''app.scope'', ''read''', '''app.scope'', ''write'''),
        ('get_proven_audit_log', 'asks for neither and reads with what is set', 'PERFORM set_config(''app.scope'', ''read'', true);', ''),
        ('list_proven_admin_events', 'asks for no proof', 'PERFORM audit.required_proven_tenant(''read'');', ''),
        ('list_proven_admin_events', 'asks for the scope write', 'proven_tenant(''read'')', 'proven_tenant(''write'')'),
        ('list_proven_admin_events', 'reads with the scope write', '''app.scope'', ''read''', '''app.scope'', ''write'''),
        ('list_proven_admin_events', 'asks for neither and reads with what is set', 'PERFORM set_config(''app.scope'', ''read'', true);', ''),
        ('are_stored', 'asks for the scope read', ', ''write'')', ', ''read'')'),
        ('are_repeated', 'asks for what is set', 'PERFORM set_config(''app.scope'', p_scope, true);', ''),
        ('insert_audit_log', 'leaves a COMMIT that does not wait', 'IN (''off'', ''local'')', 'IN (''local'')'),
        ('insert_audit_log', 'leaves a COMMIT that waits for no standby', 'IN (''off'', ''local'')', 'IN (''off'')'),
        ('insert_audit_log', 'lowers what a COMMIT waits for', 'IN (''off'', ''local'')', '<> ''on'''),
        ('insert_audit_log', 'raises too little', '''synchronous_commit'', ''on''', '''synchronous_commit'', ''local'''),
        ('insert_audit_log', 'leaves every COMMIT as it was', 'PERFORM set_config(''synchronous_commit'', ''on'', true);', 'NULL;'),
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
        ('context_filter', 'takes a number for a text', 'json_typeof(e.value) <> ''string'' OR ', ''),
        ('context_filter', 'knows every name', ' OR NOT audit.is_context(json_build_object(e.key, e.value))', ''),
        ('context_filter', 'keeps the order of the names', 'p_context::jsonb::json', 'p_context'),
        ('context_filter', 'takes no name for a filter', 'CASE WHEN EXISTS (SELECT FROM json_object_keys(p_context)) THEN p_context::jsonb::json END', 'p_context::jsonb::json'),
        ('context_filter', 'fails at NUL', 'untranslatable_character OR ', ''),
        ('filtered_page', 'compares nothing with a key or a context alone', ' OR num_nonnulls(p_api_key_id, p_context) > 0', ''),
        ('filtered_page', 'finds what has no context', 'IS DISTINCT FROM p_context ->> w.name', '<> p_context ->> w.name'),
        ('filtered_page', 'compares the first name alone', 'FROM json_each_text(p_context) AS w', 'FROM json_each_text(p_context) AS w LIMIT 1'),

        -- The use of a key.
        ('record_api_key_use', 'asks for no scope', 'PERFORM audit.required_tenant(p_scope);', ''),
        ('record_api_key_use', 'asks for the scope write', 'required_proven_tenant(p_scope)', 'required_proven_tenant(''write'')'),
        ('record_api_key_use', 'believes the name', 'audit.required_proven_tenant(p_scope)', 'current_setting(''app.tenant_id'', true)'),
        ('record_api_key_use', 'notes the use of every key', 'u.api_key_id = v_api_key_id AND (u.last_used_at', '(u.last_used_at'),
        ('record_api_key_use', 'notes the reading of every key', 'u.api_key_id = v_api_key_id AND (u.last_read_at', '(u.last_read_at'),
        ('record_api_key_use', 'notes every use', ' AND (u.last_used_at IS NULL OR u.last_used_at < v_hour)', ''),
        ('record_api_key_use', 'notes no first use', 'u.last_used_at IS NULL OR ', ''),
        ('record_api_key_use', 'notes the first use alone', ' OR u.last_used_at < v_hour', ''),
        ('record_api_key_use', 'goes back with the clock', 'u.last_used_at < v_hour', 'u.last_used_at <> v_hour'),
        ('record_api_key_use', 'records every read', ' AND (u.last_read_at IS NULL OR u.last_read_at < v_hour)', ''),
        ('record_api_key_use', 'records no first read', 'u.last_read_at IS NULL OR ', ''),
        ('record_api_key_use', 'records the first read alone', ' OR u.last_read_at < v_hour', ''),
        ('record_api_key_use', 'records reads when the clock goes back', 'u.last_read_at < v_hour', 'u.last_read_at <> v_hour'),
        ('record_api_key_use', 'records every use as a read', 'IF p_scope = ''read'' THEN', 'IF true THEN'),
        ('record_api_key_use', 'records no read', 'IF p_scope = ''read'' THEN', 'IF false THEN'),
        ('record_api_key_use', 'records what it did not note', 'IF FOUND THEN', 'IF true THEN'),
        ('record_api_key_use', 'records another act', '''records read''', '''records exported'''),
        ('record_api_key_use', 'names no tenant', 'v_tenant_id, v_api_key_id)', 'NULL, v_api_key_id)'),
        ('record_api_key_use', 'names no key', 'v_tenant_id, v_api_key_id)', 'v_tenant_id, NULL)'),
        ('record_api_key_use', 'notes the moment', 'date_trunc(''hour'', now(), ''UTC'')', 'now()'),
        ('record_api_key_use', 'notes the year', 'date_trunc(''hour''', 'date_trunc(''year'''),
        ('record_api_key_use', 'notes the hour of the session''s zone', ', now(), ''UTC'')', ', now())'),
        ('record_api_key_use', 'waits for as long as it must', E' SET lock_timeout TO ''1s''\n', ''),

        -- The key.
        ('enter_tenant', 'asks for no secret', ' AND k.secret_sha256 = sha256(convert_to(substr(p_api_key, 21), ''UTF8''))', ''),
        ('enter_tenant', 'compares the beginning of the secret', 'k.secret_sha256 = sha256(convert_to(substr(p_api_key, 21), ''UTF8''))',
            'substring(k.secret_sha256 FOR 1) = substring(sha256(convert_to(substr(p_api_key, 21), ''UTF8'')) FOR 1)'),
        ('enter_tenant', 'tells anybody that a key is revoked', 'k.secret_sha256 = sha256(convert_to(substr(p_api_key, 21), ''UTF8''))', '(k.revoked_at IS NOT NULL OR k.secret_sha256 = sha256(convert_to(substr(p_api_key, 21), ''UTF8'')))'),
        ('enter_tenant', 'tells anybody that a key has expired', 'k.secret_sha256 = sha256(convert_to(substr(p_api_key, 21), ''UTF8''))', '(k.expires_at IS NOT NULL OR k.secret_sha256 = sha256(convert_to(substr(p_api_key, 21), ''UTF8'')))'),
        ('enter_tenant', 'looks at expiry as of the start of the transaction', 'k.expires_at <= clock_timestamp()', 'k.expires_at <= now()'),
        ('enter_tenant', 'opens for a second longer', 'k.expires_at <= clock_timestamp()', 'k.expires_at <= clock_timestamp() - interval ''1 second'''),
        ('enter_tenant', 'takes a key of any length', 'octet_length(p_api_key) <> 84 OR ', ''),
        ('enter_tenant', 'takes a key whose parts end elsewhere', ' OR substr(p_api_key, 20, 1) <> ''_''', ''),
        ('enter_tenant', 'takes a key of other digits', 'translate(p_api_key, ''0123456789abcdef'', '''') <> ''r__''', 'false'),
        ('enter_tenant', 'takes a key of another kind', 'NOT starts_with(p_api_key, ''rf_'')', 'false'),
        ('enter_tenant', 'looks for no key at all', 'p_api_key IS NULL OR ', ''),
        ('issue_api_key', 'issues keys that never expire', 'now(), p_expires_at,', 'now(), NULL,'),
        ('issue_api_key', 'issues every scope', '(SELECT array_agg(DISTINCT s ORDER BY s) FROM unnest(p_scopes) AS s)', 'ARRAY[''read'', ''write'']'),
        ('rotate_api_key', 'gives the new key every scope', 'v_old.scopes', 'ARRAY[''read'', ''write'']'),
        ('rotate_api_key', 'leaves the old key as it was', 'least(k.expires_at, now() + p_overlap)', 'k.expires_at'),
        ('rotate_api_key', 'prolongs the old key', 'least(k.expires_at, now() + p_overlap)', 'now() + p_overlap'),
        ('rotate_api_key', 'renews a revoked key', ' OR v_old.revoked_at IS NOT NULL', ''),
        ('rotate_api_key', 'renews an expired key', ' OR v_old.expires_at <= now()', ''),
        ('revoke_api_key', 'revokes a second time', ' AND k.revoked_at IS NULL', ''),
        ('revoke_api_key', 'revokes every key', 'WHERE k.id = p_id AND k.revoked_at IS NULL', 'WHERE k.tenant_id = (SELECT o.tenant_id FROM audit.api_keys AS o WHERE o.id = p_id)'),
        ('rotate_proof_secret', 'keeps every secret', 'DELETE FROM audit.proof_secrets AS s WHERE s.replaced_at < clock_timestamp() - interval ''30 seconds'';', ''),
        ('rotate_proof_secret', 'interrupts every transaction but the last', 's.replaced_at < clock_timestamp() - interval ''30 seconds''', 's.replaced_at IS NOT NULL'),
        ('rotate_proof_secret', 'interrupts every transaction', 'SET replaced_at = clock_timestamp()', 'SET replaced_at = clock_timestamp() - interval ''30 seconds'''),
        ('rotate_proof_secret', 'keeps the old secret for an hour', 'SET replaced_at = clock_timestamp()', 'SET replaced_at = clock_timestamp() + interval ''1 hour'''),
        ('rotate_proof_secret', 'counts from the start of the transaction', 'SET replaced_at = clock_timestamp()', 'SET replaced_at = now()'),
        ('rotate_proof_secret', 'does not wait for another rotation', 'LOCK TABLE audit.proof_secrets IN SHARE ROW EXCLUSIVE MODE;', ''),
        ('rotate_proof_secret', 'makes proofs wait', 'SHARE ROW EXCLUSIVE', 'ACCESS EXCLUSIVE'),
        ('list_api_keys', 'lists the keys of every tenant', 'p_tenant_id IS NULL OR k.tenant_id = p_tenant_id', 'true'),
        ('list_api_keys', 'shows a revoked key as valid', 'WHEN k.revoked_at IS NOT NULL THEN ''revoked'' ', ''),
        ('list_api_keys', 'shows an expired key as valid', 'WHEN k.expires_at <= now() THEN ''expired'' ', ''),

        -- The tenant, in the functions: the policies are not the only ones to ask.
        ('get_audit_log', 'leaves the tenant to the policies', ' AND l.tenant_id = v_tenant_id', ''),
        ('keyset_page', 'leaves the tenant to the policies', 'l.tenant_id = p_tenant_id', 'true'),

        -- The pages of lists.
        ('keyset_page', 'repeats a record, newest first', '< (p_after_time, p_after_id)', '<= (p_after_time, p_after_id)'),
        ('keyset_page', 'repeats a record, oldest first', '> (p_after_time, p_after_id)', '>= (p_after_time, p_after_id)'),
        ('keyset_page', 'loses equal times, newest first', '(l.created_at, l.id) < (p_after_time, p_after_id)', 'l.created_at < p_after_time'),
        ('keyset_page', 'loses equal times, oldest first', '(l.created_at, l.id) > (p_after_time, p_after_id)', 'l.created_at > p_after_time'),
        ('keyset_page', 'leaves out the last, newest first', '>= (p_last_time, p_last_id)', '> (p_last_time, p_last_id)'),
        ('keyset_page', 'leaves out the last, oldest first', '<= (p_last_time, p_last_id)', '< (p_last_time, p_last_id)'),
        ('keyset_page', 'lets the planner choose, newest first', ' DESC NULLS LAST', ' DESC'),
        ('keyset_page', 'lets the planner choose, oldest first', ' NULLS FIRST', ''),
        ('admin_events_keyset_page', 'repeats an event, newest first', '< (p_after_time, p_after_id)', '<= (p_after_time, p_after_id)'),
        ('admin_events_keyset_page', 'repeats an event, oldest first', '> (p_after_time, p_after_id)', '>= (p_after_time, p_after_id)'),
        ('admin_events_keyset_page', 'leaves out the last, newest first', '>= (p_last_time, p_last_id)', '> (p_last_time, p_last_id)'),
        ('admin_events_keyset_page', 'leaves out the last, oldest first', '<= (p_last_time, p_last_id)', '< (p_last_time, p_last_id)'),
        ('admin_events_keyset_page', 'lets the planner choose, newest first', ' DESC NULLS LAST', ' DESC'),
        ('admin_events_keyset_page', 'lets the planner choose, oldest first', ' NULLS FIRST', ''),
        ('filtered_page', 'goes on from the last record but one', 'v_part[v_rows]', 'v_part[v_rows - 1]'),
        ('filtered_page', 'takes a full part for the last', 'cardinality(v_part) < v_rows', 'cardinality(v_part) <= v_rows'),
        ('filtered_page', 'takes a part that finds few for the last', 'cardinality(v_part) < v_rows', 'cardinality(page) < p_rows'),
        ('filtered_page', 'finds one part alone', 'page := page || ARRAY', 'page := ARRAY'),
        ('filtered_page', 'gives more than it is asked for', 'IF cardinality(page) > p_rows THEN', 'IF false THEN'),
        ('filtered_page', 'loses what it cuts off', 'reached_time := page[p_rows].created_at;', ''),
        ('filtered_page', 'reads without end', ' OR v_read >= p_read', ''),
        ('filtered_page', 'always reads by the first filter', 'v_by := v_number;', 'v_by := coalesce(v_by, v_number);'),
        ('filtered_page', 'takes turns', 'v_seconds[v_by] := v_seconds[v_by] + abs(extract(epoch FROM reached_time - v_part[1].created_at));', ''),
        ('filtered_page', 'takes no turns among equal times', 'v_counts[v_number] < v_counts[v_by]', 'false'),
        ('list_audit_logs', 'believes a cursor beyond the window, newest first', ' OR v_after >= v_to', ''),
        ('list_audit_logs', 'believes a cursor beyond the window, oldest first', ' OR v_after < v_from', ''),
        ('admin_events_page', 'believes a cursor beyond the window, newest first', ' OR v_after >= v_to', ''),
        ('admin_events_page', 'believes a cursor beyond the window, oldest first', ' OR v_after < v_from', ''),
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
        ('admin_events_keyset_page', 'leaves the tenant to the policies', 'e.tenant_id = p_tenant_id', 'true'),
        ('are_repeated', 'recognises a record under another id', 'l.id = r.id', 'true'),
        ('are_repeated', 'recognises a record of another tenant', 'l.tenant_id = current_setting(''app.tenant_id'', true)', 'true'),
        ('are_repeated', 'recognises a record with another context', 'l.context::text', 'r.context'),
        ('are_repeated', 'recognises a record of another time', 'AND (p_scope <> ''import'' OR l.created_at = r.created_at)', ''),
        ('are_repeated', 'recognises no record that was replayed', 'p_scope <> ''import'' OR ', ''),
        ('are_repeated', 'is always true', 'RETURN NOT EXISTS (', 'RETURN true OR EXISTS ('),
        ('are_repeated', 'is never true', 'RETURN NOT EXISTS (', 'RETURN false AND EXISTS ('),

        -- Many records, and what makes their request repeatable.
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
        ('claim_idempotency_key', 'answers another body', 'IF v_used.body_sha256 <> p_body_sha256 THEN', 'IF false THEN'),
        ('claim_idempotency_key', 'takes every key for new', 'WHERE k.created_at < now() - interval ''24 hours'';', ';'),
        ('claim_idempotency_key', 'takes a key for new too early', 'WHERE k.created_at < now() - interval ''24 hours'';', 'WHERE k.created_at <= now() - interval ''24 hours'';'),
        ('claim_idempotency_key', 'keeps a key for ever', 'WHERE k.created_at < now() - interval ''24 hours'';', 'WHERE false;'),

        -- The access matrix, and the server.
        ('granted_privileges', 'leaves out schemas', 'n.nspname = ''audit''', 'false'),
        ('granted_privileges', 'leaves out tables', 'c.relkind IN (''r'', ''p'', ''v'', ''m'', ''f'', ''S'')', 'false'),
        ('granted_privileges', 'leaves out sequences', ', ''S'')', ')'),
        ('granted_privileges', 'leaves out columns', 'a.attacl IS NOT NULL', 'false'),
        ('granted_privileges', 'leaves out functions', 'p.pronamespace = ''audit''::regnamespace', 'false'),
        ('granted_privileges', 'leaves out functions as they were made', 'coalesce(p.proacl, acldefault(''f'', p.proowner))', 'p.proacl'),
        ('granted_privileges', 'leaves out PUBLIC', 'a.grantee <> l.owner', 'a.grantee NOT IN (0, l.owner)'),
        ('granted_privileges', 'does not say what may be passed on', 'WHEN a.is_grantable THEN', 'WHEN false THEN'),
        ('outdated_server', 'finds every server new enough', 'v_version >= v_lowest', 'true')
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
CROSS JOIN unnest(ARRAY['p_tenant_id', 'p_scopes', 'p_api_key_id', 'p_entered']) AS part (name)
CROSS JOIN (VALUES ('does not hold', ''''''), ('holds without its length', '%1$s'), ('runs into its length', 'length(%1$s) || %1$s'))
    AS way (said, instead)
WHERE s.proname = 'tenant_proof'
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
-- A cursor belongs to one list.
SELECT format('function audit.page_cursor forgets %s', parameter.name),
       regexp_replace(s.body, format('(json_build_array\([^;]*?)\m%s\M', parameter.name), '\1NULL')
FROM source AS s
CROSS JOIN unnest(ARRAY[
    'p_microseconds', 'v_id', 'p_tenant_id', 'p_order', 'p_agent_id', 'p_trace_id', 'p_user_id', 'p_mode', 'p_status',
    'p_http_status', 'p_start_time', 'p_end_time']) AS parameter (name)
WHERE s.proname = 'page_cursor'
UNION ALL
SELECT format('function audit.page_cursor forgets %s', parameter.name), regexp_replace(s.body, format('(THEN json_build_array\([^;]*?)\m%s\M', parameter.name), '\1NULL')
FROM source AS s
CROSS JOIN unnest(ARRAY['p_api_key_id', 'p_context']) AS parameter (name)
WHERE s.proname = 'page_cursor'
UNION ALL
-- Each name of the list.
SELECT format('function audit.is_context knows no %s', name.name[1]), replace(s.body, format('%L', name.name[1]), format('%L', 'x' || name.name[1]))
FROM source AS s
CROSS JOIN LATERAL regexp_matches(substring(s.body FROM 'ARRAY\[(.*?)\]'), '''([a-z0-9_.]+)''', 'g') AS name (name)
WHERE s.proname = 'is_context'
ORDER BY 1
