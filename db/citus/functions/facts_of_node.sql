-- What audit.findings_of_nodes() compares: what this node of the cluster has, a line each. Runs on every node, as the owner.

CREATE OR REPLACE FUNCTION audit.facts_of_node()
RETURNS TABLE (kind text, object text, fact text)
LANGUAGE plpgsql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
-- Citus hides shards from whoever lists tables.
SET citus.override_table_visibility = off
SET jit = off
AS $$
BEGIN
    RETURN QUERY
    WITH relation AS (
        SELECT c.oid, concat('audit.', c.relname) AS name, c.relowner, c.relacl
        FROM pg_class AS c
        WHERE c.relnamespace = 'audit'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
    )
    SELECT 'table', c.name, format('belongs to %s', c.relowner::regrole) FROM relation AS c
    UNION ALL
    SELECT 'policy', c.name,
           format('policy %s for %s to %s: %s, check %s', p.polname, p.polcmd, roles.names,
                  coalesce(pg_get_expr(p.polqual, p.polrelid), 'none'), coalesce(pg_get_expr(p.polwithcheck, p.polrelid), 'none'))
    FROM relation AS c
    JOIN pg_policy AS p ON p.polrelid = c.oid
    CROSS JOIN LATERAL (
        SELECT string_agg(CASE role.oid WHEN 0 THEN 'PUBLIC' ELSE role.oid::regrole::text END, ', ' ORDER BY role.oid::regrole::text)
        FROM unnest(p.polroles) AS role (oid)) AS roles (names)

    UNION ALL
    SELECT 'privilege', concat_ws('.', 'audit', nullif(split_part(g.object, '.', 2), '')),
           concat_ws(' ', g.grantee, 'has', g.privilege, nullif('on column ' || split_part(g.object, '.', 3), 'on column '))
    FROM audit.granted_privileges() AS g
    UNION ALL
    SELECT 'privilege', c.name, format('%s has %s', c.relowner::regrole, a.privilege_type)
    FROM relation AS c CROSS JOIN LATERAL aclexplode(coalesce(c.relacl, acldefault('r', c.relowner))) AS a
    WHERE a.grantee = c.relowner
    UNION ALL
    SELECT 'function', concat('audit.', p.proname), format('belongs to %s', p.proowner::regrole)
    FROM pg_proc AS p
    WHERE p.pronamespace = 'audit'::regnamespace

    UNION ALL
    -- Whoever may log in at a node, or has a power there, and all that such a role could become.
    SELECT 'role', r.rolname::text, power.name
    FROM pg_roles AS r
    CROSS JOIN LATERAL (VALUES
        (r.rolcanlogin, 'can log in'), (r.rolsuper, 'is SUPERUSER'), (r.rolbypassrls, 'has BYPASSRLS'), (r.rolcreaterole, 'has CREATEROLE'),
        (r.rolcreatedb, 'has CREATEDB'), (r.rolreplication, 'has REPLICATION')) AS power (has, name)
    WHERE power.has
    UNION ALL
    SELECT 'role', m.member::regrole::text, format('is a member of %s', m.roleid::regrole)
    FROM pg_auth_members AS m
    UNION ALL
    SELECT 'setting', 'a stored setting', stored.setting
    FROM (
        SELECT s.* FROM audit.unintended_settings() AS s
        UNION
        -- Citus goes on to a node as the login that asks: one that names its tenants is none of those above.
        SELECT format('%s, for %s in %s', setting, r.rolname, coalesce(d.datname, 'every database'))
        FROM pg_db_role_setting AS s
        JOIN pg_roles AS r ON r.oid = s.setrole AND NOT r.rolsuper
        LEFT JOIN pg_database AS d ON d.oid = s.setdatabase
        CROSS JOIN LATERAL unnest(s.setconfig) AS setting
        WHERE s.setdatabase = 0 OR d.datname = current_database()) AS stored (setting)
    UNION ALL
    SELECT 'setting', 'a new session', 'has app.tenant_id already' WHERE coalesce(current_setting('app.tenant_id', true), '') <> ''

    UNION ALL
    -- A digest of what is random and long tells nothing of it.
    SELECT 'secret', 'audit.proof_secrets',
           format('secret %s, %s', s.id, encode(sha256(s.inner_key || s.outer_key || convert_to(coalesce(s.replaced_at::text, ''), 'UTF8')), 'hex'))
    FROM audit.proof_secrets AS s
    UNION ALL
    -- Tables and views without forced policies, or that show records elsewhere; functions that are not pinned; triggers.
    SELECT 'finding', f.rule, f.finding FROM audit.findings_of_objects() AS f;
END
$$;

COMMENT ON FUNCTION audit.facts_of_node IS
    'What decides isolation on this node: of each table and shard in schema audit its owner, policies and privileges; owners of functions; '
    'roles and their powers; stored settings; digests of the proofs'' secrets; and what audit.findings_of_objects() finds. Nobody but audit_owner may '
    'call it.';
REVOKE ALL ON FUNCTION audit.facts_of_node FROM PUBLIC;
