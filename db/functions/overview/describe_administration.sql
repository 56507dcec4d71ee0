-- What administrators have decided about a tenant, as far as the tenant may know it: its terms, the holds in force and its keys. No run-time
-- role has a privilege on these tables, and the policies show their owner every tenant: so each query names the one that was checked.

CREATE OR REPLACE FUNCTION audit.describe_administration(OUT retention json, OUT holds json, OUT api_keys json)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET debug_print_parse = off
SET debug_print_rewritten = off
SET debug_print_plan = off
SET plpgsql.print_strict_params = off
-- Down the tenant's indexes: with old statistics all keys of all tenants look as good.
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_bitmapscan = off
AS $$
DECLARE
    v_tenant_id text;
BEGIN
    -- The owner sees every tenant, so the tenant is checked in the way that the login's group demands.
    IF audit.tenant_source() = 'header' THEN
        v_tenant_id := audit.required_tenant('read');
    ELSE
        v_tenant_id := audit.required_proven_tenant('read');
    END IF;

    SELECT json_build_object(
        'live_days', r.live_days, 'dry_run_days', r.dry_run_days,
        'set_at', to_char(r.set_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        'pruned_at', to_char(r.pruned_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))
    INTO retention
    FROM audit.list_retention(v_tenant_id) AS r;

    -- Not the person, nor the reason, which may name one.
    SELECT coalesce(json_agg(h), '[]')
    INTO holds
    FROM (
        SELECT l.id, CASE WHEN l.release_asked_at IS NULL THEN 'held' ELSE 'release asked' END AS status, l.reference,
               l.user_id IS NOT NULL AS is_of_a_person, l.agent_id, l.trace_id,
               to_char(l.start_time AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS start_time,
               to_char(l.end_time AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS end_time,
               to_char(l.placed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS placed_at
        FROM audit.legal_holds AS l
        WHERE l.tenant_id = v_tenant_id AND l.released_at IS NULL
        ORDER BY l.placed_at DESC, l.id DESC LIMIT 100) AS h;

    SELECT coalesce(json_agg(k), '[]')
    INTO api_keys
    FROM (
        SELECT a.id, a.label, a.scopes,
               to_char((SELECT u.last_used_at FROM audit.api_key_uses AS u WHERE u.api_key_id = a.id) AT TIME ZONE 'UTC',
                       'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS last_used_at,
               to_char(a.expires_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS expires_at,
               to_char(a.revoked_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS revoked_at
        FROM audit.api_keys AS a
        WHERE a.tenant_id = v_tenant_id
        ORDER BY a.created_at DESC, a.id DESC LIMIT 100) AS k;
END
$$;

COMMENT ON FUNCTION audit.describe_administration IS
    'retention: live_days, dry_run_days, set_at and pruned_at as audit.list_retention() has them; NULL: everything is kept for ever. holds: '
    'the newest 100 in force, newest first, without person and reason. api_keys: the newest 100, newest first, those that open nothing any '
    'more among them. RF001 when no tenant is set or proven, RF006 when the key may not read. SECURITY DEFINER: no run-time role has a '
    'privilege on these tables.';
REVOKE ALL ON FUNCTION audit.describe_administration FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.describe_administration TO audit_trusted;
