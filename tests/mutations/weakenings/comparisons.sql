-- What no pattern finds: the comparisons that a proof, a key, a retry and the access matrix rest on, each made to say less.
-- A phrase that is no longer in its function changes nothing, and that is an error of the suite: keep the two together.
-- Answers one row a weakening: its name, and the SQL that applies it.

WITH rewritten (function, how, phrase, instead) AS (
    VALUES
        -- The proof.
        ('tenant_is_proven', 'believes any proof', 'v_parts[4] = (', 'v_parts[4] IS DISTINCT FROM ('),
        ('tenant_is_proven', 'believes where there is no proof', 'v_parts[4] = (', 'coalesce(v_parts[4] = current_setting(''app.proof''), true) OR v_parts[4] = ('),
        ('tenant_is_proven', 'believes for a tenant that is not known', 'p_tenant_id IS NOT NULL', 'true'),
        ('tenant_is_proven', 'looks at the name that is set', 'p_tenant_id, v_scopes', 'current_setting(''app.tenant_id'', true), v_scopes'),
        ('tenant_is_proven', 'asks for no scope', 'p_scope = ANY (string_to_array(v_scopes, '',''))', 'true'),
        ('tenant_is_proven', 'asks for any scope', 'p_scope = ANY (string_to_array(v_scopes, '',''))', '(''read'' = ANY (string_to_array(v_scopes, '','')) OR ''write'' = ANY (string_to_array(v_scopes, '','')))'),
        ('tenant_is_proven', 'knows the newest secret alone', 'WHERE s.id::text = v_parts[1]', 'ORDER BY s.id DESC LIMIT 1'),
        ('tenant_is_proven', 'knows the oldest secret alone', 'WHERE s.id::text = v_parts[1]', 'ORDER BY s.id LIMIT 1'),
        ('tenant_is_proven', 'believes for a second more', '<= 5', '<= 6'),
        ('tenant_is_proven', 'believes for an hour', '<= 5', '<= 3600'),
        ('tenant_is_proven', 'believes for as long as the transaction lasts', 'extract(epoch FROM statement_timestamp()) - v_parts[3]::numeric <= 5', 'true'),
        ('tenant_is_proven', 'counts from the start of the transaction', 'statement_timestamp()', 'now()'),
        ('tenant_is_proven', 'believes a savepoint undone', '= ''in progress''', 'IN (''in progress'', ''aborted'')'),
        ('enter_tenant', 'proves for an hour more', 'extract(epoch FROM statement_timestamp())', '(extract(epoch FROM statement_timestamp()) + 3600)'),
        ('enter_tenant', 'counts from the start of the transaction', 'statement_timestamp()', 'now()'),
        ('enter_tenant', 'proves with the oldest secret', 'ORDER BY id DESC LIMIT 1', 'ORDER BY id LIMIT 1'),
        ('enter_tenant', 'proves every scope', 'array_to_string(v_key.scopes, '','')', '''read,write'''),
        ('enter_tenant', 'proves past a savepoint', 'v_number := v_number + ((v_entry::text::bigint - v_number % 4294967296) + 4294967296) % 4294967296;', ''),
        ('transaction_identity', 'is that of the backend alone', 'concat(pg_backend_pid(), '':'', pg_current_xact_id_if_assigned())', 'pg_backend_pid()::text'),
        ('transaction_identity', 'is that of the transaction alone', 'concat(pg_backend_pid(), '':'', pg_current_xact_id_if_assigned())', 'pg_current_xact_id_if_assigned()::text'),
        ('transaction_identity', 'is one for all', 'concat(pg_backend_pid(), '':'', pg_current_xact_id_if_assigned())', '''one'''),

        -- The key.
        ('enter_tenant', 'asks for no secret', ' OR v_key.secret_sha256 <> sha256(convert_to(v_parts[3], ''UTF8''))', ''),
        ('enter_tenant', 'compares the beginning of the secret', 'v_key.secret_sha256 <> sha256(convert_to(v_parts[3], ''UTF8''))',
            'substring(v_key.secret_sha256 FOR 1) <> substring(sha256(convert_to(v_parts[3], ''UTF8'')) FOR 1)'),
        ('enter_tenant', 'tells anybody that a key is revoked', 'v_key.secret_sha256 <> ', 'v_key.revoked_at IS NULL AND v_key.secret_sha256 <> '),
        ('enter_tenant', 'tells anybody that a key has expired', 'v_key.secret_sha256 <> ', 'v_key.expires_at IS NULL AND v_key.secret_sha256 <> '),
        ('enter_tenant', 'looks at expiry as of the start of the transaction', 'clock_timestamp()', 'now()'),
        ('enter_tenant', 'takes a key of any length', 'length(p_api_key) <> 84 OR ', ''),
        ('enter_tenant', 'takes a key of any number of parts', 'cardinality(v_parts) <> 3 OR ', ''),
        ('enter_tenant', 'takes a key of another kind', 'v_parts[1] <> ''rf'' OR ', ''),
        ('enter_tenant', 'looks for no key at all', ' OR p_api_key IS NULL', ''),
        ('enter_tenant', 'does not remember the use', 'v_key.last_used_at IS NULL OR v_key.last_used_at < date_trunc(''hour'', now())', 'false'),
        ('issue_api_key', 'issues keys that never expire', 'now(), p_expires_at)', 'now(), NULL)'),
        ('issue_api_key', 'issues every scope', '(SELECT array_agg(DISTINCT s ORDER BY s) FROM unnest(p_scopes) AS s)', 'ARRAY[''read'', ''write'']'),
        ('rotate_api_key', 'gives the new key every scope', 'v_old.scopes', 'ARRAY[''read'', ''write'']'),
        ('rotate_api_key', 'leaves the old key as it was', 'least(k.expires_at, now() + p_overlap)', 'k.expires_at'),
        ('rotate_api_key', 'prolongs the old key', 'least(k.expires_at, now() + p_overlap)', 'now() + p_overlap'),
        ('rotate_api_key', 'renews a revoked key', ' OR v_old.revoked_at IS NOT NULL', ''),
        ('rotate_api_key', 'renews an expired key', ' OR v_old.expires_at <= now()', ''),
        ('revoke_api_key', 'revokes a second time', ' AND k.revoked_at IS NULL', ''),
        ('revoke_api_key', 'revokes every key', 'WHERE k.id = p_id AND k.revoked_at IS NULL', 'WHERE k.tenant_id = (SELECT o.tenant_id FROM audit.api_keys AS o WHERE o.id = p_id)'),
        ('rotate_proof_secret', 'keeps every secret', 'DELETE FROM audit.proof_secrets AS s WHERE s.id < v_id;', ''),
        ('rotate_proof_secret', 'interrupts every transaction', 's.id < v_id;', 's.id <= v_id;'),
        ('list_api_keys', 'lists the keys of every tenant', 'p_tenant_id IS NULL OR k.tenant_id = p_tenant_id', 'true'),
        ('list_api_keys', 'shows a revoked key as valid', 'WHEN k.revoked_at IS NOT NULL THEN ''revoked'' ', ''),
        ('list_api_keys', 'shows an expired key as valid', 'WHEN k.expires_at <= now() THEN ''expired'' ', ''),

        -- The tenant, in the functions: the policies are not the only ones to ask.
        ('list_audit_logs', 'leaves the tenant to the policies', 'l.tenant_id = v_tenant_id', 'true'),
        ('list_admin_events', 'leaves the tenant to the policies', 'tenant_id = v_tenant_id', 'true'),
        ('insert_audit_log', 'recognises a record under another id', 'l.id = v_id', 'true'),
        ('is_stored', 'recognises a record under another id', 'l.id = p_id', 'true'),
        ('is_stored', 'is always true', 'RETURN EXISTS (', 'RETURN true OR EXISTS ('),

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
),
-- The maker and the checker of the proof, changed alike, so that they still agree.
agreed (how, in_maker, in_maker_instead, in_checker, in_checker_instead) AS (
    VALUES
        ('the tenant', 'v_key.tenant_id, v_scopes, v_number', 'v_scopes, v_number', 'p_tenant_id, v_scopes, v_parts[2]', 'v_scopes, v_parts[2]'),
        ('the scopes', 'v_key.tenant_id, v_scopes, v_number', 'v_key.tenant_id, v_number', 'p_tenant_id, v_scopes, v_parts[2]', 'p_tenant_id, v_parts[2]'),
        ('the savepoint', 'v_scopes, v_number, v_entered', 'v_scopes, v_entered', 'v_scopes, v_parts[2], v_parts[3]', 'v_scopes, v_parts[3]'),
        ('the time', 'v_number, v_entered, audit', 'v_number, audit', 'v_parts[2], v_parts[3], audit', 'v_parts[2], audit'),
        ('the transaction', ', audit.transaction_identity()', '', ', audit.transaction_identity()', ''),
        ('the inner secret', 'v_key.inner_key || ', '', 's.inner_key || ', ''),
        ('the outer secret', 'v_key.outer_key || ', '', 's.outer_key || ', '')
)
SELECT format('function audit.%s %s', r.function, r.how), replace(s.body, r.phrase, r.instead)
FROM rewritten AS r
JOIN source AS s ON s.proname = r.function
UNION ALL
SELECT format('the proof does not hold %s', a.how),
       replace(maker.body, a.in_maker, a.in_maker_instead) || '; ' || replace(checker.body, a.in_checker, a.in_checker_instead)
FROM agreed AS a
JOIN source AS maker ON maker.proname = 'enter_tenant'
JOIN source AS checker ON checker.proname = 'tenant_is_proven'
UNION ALL
SELECT 'the proof holds no secret', replace(replace(maker.body, 'v_key.inner_key || ', ''), 'v_key.outer_key || ', '')
       || '; ' || replace(replace(checker.body, 's.inner_key || ', ''), 's.outer_key || ', '')
FROM source AS maker
JOIN source AS checker ON checker.proname = 'tenant_is_proven'
WHERE maker.proname = 'enter_tenant'
UNION ALL
-- A retry is the same record in every field.
SELECT format('function audit.%s recognises a record with another %s', s.proname, field.name),
       regexp_replace(s.body, format('\ml\.%s(?=[,)])', field.name), 'p_' || field.name)
FROM source AS s
CROSS JOIN unnest(ARRAY['agent_id', 'mode', 'status', 'trace_id', 'http_status', 'latency_ms', 'user_id', 'error']) AS field (name)
WHERE s.proname IN ('insert_audit_log', 'is_stored')
UNION ALL
-- A cursor belongs to one list.
SELECT format('function audit.page_cursor forgets %s', parameter.name),
       regexp_replace(s.body, format('(json_build_array\([^;]*?)\m%s\M', parameter.name), '\1NULL')
FROM source AS s
CROSS JOIN unnest(ARRAY[
    'p_microseconds', 'v_id', 'p_tenant_id', 'p_order', 'p_agent_id', 'p_trace_id', 'p_user_id', 'p_mode', 'p_status',
    'p_http_status', 'p_start_time', 'p_end_time']) AS parameter (name)
WHERE s.proname = 'page_cursor'
ORDER BY 1
