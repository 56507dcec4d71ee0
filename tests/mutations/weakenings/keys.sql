-- What no pattern finds in API keys: how one is found and checked, what is issued, rotated and revoked, and how its use is noted, each made to
-- say less.
-- A phrase that is no longer in its function changes nothing, and that is an error of the suite: keep the two together.
-- Answers one row a weakening: its name, and the SQL that applies it.

WITH rewritten (function, how, phrase, instead) AS (
    VALUES
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
        ('store_api_key', 'makes keys that never expire', 'now(), p_expires_at,', 'now(), NULL,'),
        ('issue_api_key', 'issues keys that never expire', 'p_scopes, p_expires_at, NULL)', 'p_scopes, NULL, NULL)'),
        ('store_api_key', 'gives every scope', '(SELECT array_agg(DISTINCT s ORDER BY s) FROM unnest(p_scopes) AS s)', 'ARRAY[''read'', ''write'']'),
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

        -- Its use.
        ('record_api_key_use', 'asks for no scope', 'PERFORM audit.required_tenant(p_scope);', ''),
        ('record_api_key_use', 'asks for the scope write', 'required_proven_part(p_scope)', 'required_proven_part(''write'')'),
        ('record_api_key_use', 'believes the name', 'audit.required_proven_part(p_scope)', 'current_setting(''app.tenant_id'', true)'),
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
        ('record_api_key_use', 'waits for as long as it must', E' SET lock_timeout TO ''1s''\n', '')
),
source AS (
    SELECT p.proname, pg_get_functiondef(p.oid) AS body FROM pg_proc AS p WHERE p.pronamespace = 'audit'::regnamespace
)
SELECT format('function audit.%s %s', r.function, r.how), replace(s.body, r.phrase, r.instead)
FROM rewritten AS r
JOIN source AS s ON s.proname = r.function
ORDER BY 1
