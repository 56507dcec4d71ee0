-- The replay of records that waited on the service's disk, each of its rules made to say less. A phrase that is no longer in its
-- function changes nothing, and that is an error of the suite: keep the two together.
-- occurrence: which one is rewritten, where a phrase stands more than once; 0: each.
-- Answers one row a weakening: its name, and the SQL that applies it.

WITH rewritten (function, how, occurrence, phrase, instead) AS (
    VALUES
        -- Whose it is, and whether it was sent with that key.
        ('replay_audit_logs', 'believes any HMAC', 0, 'e.element ->> ''hmac'' <> encode', 'NULL <> encode'),
        ('replay_audit_logs', 'believes any HMAC of the release before', 0, 'AND e.element ->> ''hmac'' <> (', 'AND NULL <> ('),
        ('replay_audit_logs', 'believes a missing HMAC', 0, ' OR e.element ->> ''hmac'' IS NULL', ''),
        ('replay_audit_logs', 'believes an unknown key', 0, 'k.id IS NULL OR e.element ->> ''hmac'' IS NULL', 'k.id IS NOT NULL AND e.element ->> ''hmac'' IS NULL'),
        ('replay_audit_logs', 'believes everybody', 0, 'v_source = ''api_key'' AND (k.id IS NULL', 'false AND (k.id IS NULL'),
        ('replay_audit_logs', 'takes the tenant from the record', 0, 'k.tenant_id <> r.tenant_id OR r.tenant_id IS NULL', 'false'),
        ('replay_audit_logs', 'takes no tenant for the key''s', 0, ' OR r.tenant_id IS NULL', ''),
        ('replay_audit_logs', 'asks for no scope', 0, '''write'' <> ALL (k.scopes)', 'false'),
        ('replay_audit_logs', 'asks for the scope read', 0, '''write'' <> ALL', '''read'' <> ALL'),
        ('replay_audit_logs', 'does not ask whether the key was revoked', 0, 'm.made_at >= k.revoked_at OR', ''),
        ('replay_audit_logs', 'does not ask whether the key had expired', 0, 'OR m.made_at >= k.expires_at', ''),
        ('replay_audit_logs', 'asks whether the key is revoked now', 0, 'm.made_at >= k.revoked_at', 'k.revoked_at IS NOT NULL'),
        ('replay_audit_logs', 'asks whether the key has expired now', 0, 'm.made_at >= k.expires_at', 'now() >= k.expires_at'),
        ('replay_audit_logs', 'takes any tenant of a gateway''s', 0, 'v_source IS DISTINCT FROM ''api_key'' AND t.id IS NULL', 'false'),
        ('replay_audit_logs', 'takes any age', 0, 'OR m.made_at < clock_timestamp() - interval ''168 hours''', ''),
        ('replay_audit_logs', 'takes a month', 0, 'interval ''168 hours''', 'interval ''1 month'''),
        ('replay_audit_logs', 'takes a day', 0, 'interval ''168 hours''', 'interval ''1 day'''),
        ('replay_audit_logs', 'takes no time', 0, 'r.created_at IS NULL OR', ''),
        ('replay_audit_logs', 'compares a time to come with the key', 0, '(least(r.created_at, clock_timestamp()))) AS m', '(r.created_at)) AS m'),

        -- The tenant that is proven, and what is left of it.
        ('replay_audit_logs', 'proves the scope write', 0, 'v_group.tenant_id, ''replay''', 'v_group.tenant_id, ''write'''),
        ('replay_audit_logs', 'proves nothing', 0, 'PERFORM audit.set_proven_tenant(v_secret_id, v_group.tenant_id, ''replay'', coalesce(v_group.api_key_id, ''''), '''');', ''),
        ('replay_audit_logs', 'proves nothing without a key', 0, 'coalesce(v_group.api_key_id, '''')', 'v_group.api_key_id'),
        ('replay_audit_logs', 'leaves the tenant entered', 0, 'PERFORM audit.leave_tenant();', ''),
        ('replay_audit_logs', 'works on any snapshot', 0, '<> ''read committed''', '= ''none'''),

        -- What is stored is for audit.append_audit_logs(); what is said of it:
        ('replay_audit_logs', 'says that the refused are stored', 0, 'v_outcomes[v_group.positions[n]] := v_appended.refusals[n];', 'NULL;'),
        ('replay_audit_logs', 'says that what is not genuine is stored', 0, 'v_outcomes[v_position] := json_build_object(', 'CONTINUE; v_outcomes[v_position] := json_build_object('),
        ('replay_audit_logs', 'mixes up whose outcome it is', 0, 'ORDER BY e.position) AS positions', 'ORDER BY e.position DESC) AS positions'),
        ('replay_audit_logs', 'stores all or none', 0, 'audit.append_audit_logs(v_group.records, ''replay'')', 'audit.append_audit_logs(v_group.records, ''replay'', 1)'),
        ('replay_audit_logs', 'records nothing of it', 0, 'IF v_appended.stored > 0 THEN', 'IF false THEN'),
        ('replay_audit_logs', 'records what changed nothing', 0, 'IF v_appended.stored > 0 THEN', 'IF true THEN'),

        -- What a record is signed with.
        ('replay_audit_logs', 'takes nothing of the release before', 0, 'AND e.element ->> ''hmac'' <> (', 'AND true OR NULL <> ('),
        ('replay_audit_logs', 'has another inner pad', 0, '# 54', '# 55'),
        ('replay_audit_logs', 'has another outer pad', 0, '# 92', '# 93'),
        ('replay_audit_logs', 'has no inner key', 0, 'k.spool_inner_key ||', ''),
        ('replay_audit_logs', 'has no outer key', 0, 'k.spool_outer_key ||', ''),
        ('replay_audit_logs', 'signs less than the line', 0, 'k.spool_inner_key || convert_to(l.line', 'k.spool_inner_key || convert_to(rtrim(l.line)'),
        ('store_api_key', 'has another inner pad', 0, '# 54', '# 55'),
        ('store_api_key', 'has another outer pad', 0, '# 92', '# 93'),
        ('store_api_key', 'derives from the hash', 0, '''ringfence spool key of secret:'' || fresh.secret, ''UTF8''', 'encode(sha256(convert_to(fresh.secret, ''UTF8'')), ''hex''), ''UTF8'''),
        ('store_api_key', 'says that it derives from the hash', 0, '''secret'', p_restriction', '''hash'', p_restriction'),
        ('describe_api_key', 'names another source', 0, '''spool_key_source'', k.spool_key_source', '''spool_key_source'', ''hash'''),
        ('describe_api_key', 'describes any key', 0, 'PERFORM audit.enter_tenant(p_api_key);', '')
),
source AS (
    SELECT p.proname, pg_get_functiondef(p.oid) AS body FROM pg_proc AS p WHERE p.pronamespace = 'audit'::regnamespace
)
SELECT format('function audit.%s %s', r.function, r.how),
       -- The phrase as it stands, and what comes instead too: of a regular expression no character means anything but itself.
       regexp_replace(s.body, '***=' || r.phrase, replace(r.instead, '\', '\\'), 1, r.occurrence)
FROM rewritten AS r
JOIN source AS s ON s.proname = r.function
ORDER BY 1
