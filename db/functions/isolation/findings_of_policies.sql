-- Findings about policies, for audit.isolation_report(): each compares the tenant, and each group is held by two.

CREATE OR REPLACE FUNCTION audit.findings_of_policies()
RETURNS TABLE (rule text, finding text)
LANGUAGE plpgsql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
-- Names and expressions are compared as they are printed: the same whatever the session or the database has set.
SET quote_all_identifiers = off
AS $$
BEGIN
    RETURN QUERY
    WITH relation AS (
        SELECT c.oid, c.relname
        FROM pg_class AS c
        WHERE c.relnamespace = 'audit'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
    )
    SELECT 'every group that sees a table is held by a restrictive policy too',
           format('%s on %s', policy_role.oid::regrole, c.oid::regclass)
    FROM relation AS c
    JOIN pg_policy AS p ON p.polrelid = c.oid AND p.polpermissive
    CROSS JOIN LATERAL unnest(p.polroles) AS policy_role (oid)
    WHERE policy_role.oid NOT IN (0, 'audit_owner'::regrole)
      AND NOT EXISTS (
            SELECT FROM pg_policy AS guard
            WHERE guard.polrelid = c.oid AND NOT guard.polpermissive
              AND policy_role.oid = ANY (guard.polroles) AND guard.polcmd IN ('*', p.polcmd))

    UNION ALL
    SELECT 'every policy compares the tenant, and names its roles',
           format('policy %I on %s', p.polname, p.polrelid::regclass)
    FROM pg_policy AS p
    JOIN relation AS c ON c.oid = p.polrelid
    CROSS JOIN LATERAL (VALUES (CASE c.relname WHEN 'tenants' THEN 'id' ELSE 'tenant_id' END)) AS tenant (col)
    CROSS JOIN LATERAL (VALUES (
        format('(%s = current_setting(''app.tenant_id''::text, true))', tenant.col),
        CASE p.polcmd WHEN 'r' THEN '''read''::text' WHEN 'a' THEN '''write''::text' END)) AS wanted (comparison, scope)
    -- In a sub-select, which a statement runs once, however many rows it has.
    CROSS JOIN LATERAL (VALUES (
        format('(%s AND (%s = ( SELECT audit.proven_tenant(%%s) AS proven_tenant)))', wanted.comparison, tenant.col)
    )) AS proven (form)
    -- A record that is stored says the key that it was written with: the proven one, or none.
    CROSS JOIN LATERAL (VALUES (
        CASE WHEN c.relname = 'audit_logs' AND p.polcmd IN ('a', '*')
             THEN format('(%s AND (api_key_id IS NULL))', wanted.comparison) ELSE wanted.comparison END,
        CASE WHEN c.relname = 'audit_logs' AND p.polcmd = 'a'
             THEN format('(%s AND (concat(tenant_id, '':'', api_key_id) = ( SELECT audit.proven_writer(%%s) AS proven_writer)))',
                         wanted.comparison)
             ELSE proven.form END
    )) AS stored (trusted, keyed)
    CROSS JOIN LATERAL (VALUES (
        format(stored.keyed, wanted.scope),
        format(proven.form, 'current_setting(''app.scope''::text, true)'),
        format(stored.keyed, '''import''::text'),
        format(stored.keyed, '''replay''::text'),
        format(proven.form, '''seal''::text'),
        format(proven.form, '''sign''::text'),
        format('(%s AND (%s = ( SELECT audit.writing_tenant() AS writing_tenant)))', wanted.comparison, tenant.col),
        format(proven.form, '''keep''::text'),
        coalesce(pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid)),
        coalesce(pg_get_expr(p.polwithcheck, p.polrelid), pg_get_expr(p.polqual, p.polrelid)))
    ) AS expression (
        proven, proven_caller, proven_importer, proven_replayer, proven_sealer, proven_signer, proven_or_trusted, proven_keeper, visible, storable)
    -- The same without its parentheses, for a policy that asks for more.
    CROSS JOIN LATERAL (VALUES (substr(expression.proven_keeper, 2, length(expression.proven_keeper) - 2))) AS proven_keeper (parts)
    -- The part that a restricted key shows: each value of the restriction, once a statement, and the proof before them.
    CROSS JOIN LATERAL (VALUES (concat(
        '(', wanted.comparison,
        ' AND (tenant_id = ( SELECT audit.proven_restricted_tenant(current_setting(''app.scope''::text, true)) AS proven_restricted_tenant))',
        ' AND (created_at >= COALESCE(( SELECT (audit.proven_restriction(''start_time''::text))::timestamp with time zone AS proven_restriction),',
        ' ''-infinity''::timestamp with time zone))',
        ' AND (created_at < COALESCE(( SELECT (audit.proven_restriction(''end_time''::text))::timestamp with time zone AS proven_restriction),',
        ' ''infinity''::timestamp with time zone))',
        ' AND (agent_id = COALESCE(( SELECT audit.proven_restriction(''agent_id''::text) AS proven_restriction), agent_id))',
        (SELECT string_agg(format(
            ' AND (NOT (%1$s IS DISTINCT FROM COALESCE(( SELECT audit.proven_restriction(''%1$s''::text) AS proven_restriction), %1$s)))', value.col),
            '' ORDER BY value.number)
         FROM unnest(ARRAY['trace_id', 'user_id', 'mode', 'status']) WITH ORDINALITY AS value (col, number)), ')'))) AS proven_part (form)
    WHERE (p.polpermissive OR p.polcmd NOT IN ('w', 'd') OR expression.visible <> 'false')
      AND CASE p.polroles
        WHEN ARRAY['audit_trusted'::regrole::oid] THEN
            ARRAY[expression.visible, expression.storable]
            <> ARRAY[CASE p.polcmd WHEN 'a' THEN stored.trusted ELSE wanted.comparison END, stored.trusted]
        WHEN ARRAY['audit_keyed'::regrole::oid] THEN
            wanted.scope IS NULL
            OR ARRAY[expression.visible, expression.storable] <> ARRAY[expression.proven, expression.proven]
        -- As audit_keeper only functions act, which prove their tenant; what they may make of a row is asked for.
        WHEN ARRAY['audit_keeper'::regrole::oid] THEN
            expression.visible <> expression.proven_keeper
            OR (p.polcmd NOT IN ('r', 'd') AND expression.storable <> CASE
                WHEN p.polcmd <> 'w' THEN 'nothing'
                WHEN c.relname = 'audit_logs'
                    THEN format('(%s AND (user_id IS NULL) AND (error IS NULL) AND (context IS NULL))', proven_keeper.parts)
                WHEN c.relname = 'seals' THEN format('(%s AND (salt IS NULL))', proven_keeper.parts)
                WHEN c.relname = 'legal_holds'
                    THEN format('(%s AND (user_id IS NULL) AND (released_at IS NOT NULL))', proven_keeper.parts)
                ELSE expression.proven_keeper END)
        -- As the owner only functions act. Where records are, they too need their caller's proof.
        WHEN ARRAY['audit_owner'::regrole::oid] THEN
            NOT (c.relname IN ('tenants', 'api_keys', 'api_key_uses', 'proof_secrets', 'sealing_turn', 'retention_rules', 'retention',
                                   'legal_holds', 'pruned_ids', 'view_links')
                 OR (c.relname = 'admin_events' AND p.polcmd = 'a')
                 OR (c.relname = 'admin_events' AND p.polcmd = 'r'
                     AND expression.visible = '((current_setting(''app.scope''::text, true) = ''administer''::text)'
                         ' AND pg_has_role(SESSION_USER, ''audit_admin''::name, ''MEMBER''::text))')
                 OR (p.polcmd = 'r' AND expression.visible = expression.proven_caller)
                 OR (c.relname = 'audit_logs' AND p.polcmd = 'r' AND expression.visible = proven_part.form)
                 OR (c.relname = 'audit_logs' AND p.polcmd = 'a'
                     AND expression.storable IN (expression.proven_importer, expression.proven_replayer))
                 OR (c.relname IN ('trees', 'seals', 'seal_nodes') AND p.polcmd = 'a' AND expression.storable = expression.proven_sealer)
                 OR (c.relname = 'trees' AND p.polcmd = 'w'
                     AND ARRAY[expression.visible, expression.storable] = ARRAY[expression.proven_sealer, expression.proven_sealer])
                 OR (c.relname = 'checkpoints' AND p.polcmd = 'a' AND expression.storable = expression.proven_signer)
                 OR (c.relname IN ('trees', 'checkpoints') AND p.polcmd = 'r'
                     AND expression.visible = '((current_setting(''app.scope''::text, true) = ''sign''::text)'
                         ' AND pg_has_role(SESSION_USER, ''audit_signer''::name, ''MEMBER''::text))')
                 OR (c.relname = 'idempotency_keys' AND expression.visible = expression.proven_or_trusted
                     AND expression.storable = expression.proven_or_trusted))
        ELSE true
    END;
END
$$;

COMMENT ON FUNCTION audit.findings_of_policies IS
    'Violations of the rules of audit.isolation_report() about policies.';
REVOKE ALL ON FUNCTION audit.findings_of_policies FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.findings_of_policies TO audit_trusted, audit_keyed, audit_admin;
