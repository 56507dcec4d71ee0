-- Is isolation intact on this database, for the role that asks? One row a rule; the service refuses to serve unless
-- every row says so, and a DBA can ask at any time: SELECT * FROM audit.isolation_report();

CREATE OR REPLACE FUNCTION audit.isolation_report()
RETURNS TABLE (rule text, intact boolean, findings text)
LANGUAGE sql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
    WITH RECURSIVE held (oid) AS (
        -- The role that asks and every role it could become, whether it inherits from it or not.
        SELECT r.oid FROM pg_roles AS r WHERE r.rolname IN (session_user, current_user)
        UNION
        SELECT m.roleid FROM pg_auth_members AS m JOIN held AS h ON h.oid = m.member
    ),
    relation AS (
        SELECT c.oid, c.relname, c.relkind, c.relowner, c.relrowsecurity, c.relforcerowsecurity, c.reloptions
        FROM pg_class AS c
        WHERE c.relnamespace = 'audit'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
    ),
    finding (rule, finding) AS (
        SELECT 'the role has no power over row-level security', r.rolname || ' ' || power.name
        FROM held AS h
        JOIN pg_roles AS r ON r.oid = h.oid
        CROSS JOIN LATERAL (VALUES
            (r.rolsuper, 'is SUPERUSER'), (r.rolbypassrls, 'has BYPASSRLS'), (r.rolcreaterole, 'has CREATEROLE'),
            (r.rolcreatedb, 'has CREATEDB'), (r.rolreplication, 'has REPLICATION')) AS power (has, name)
        WHERE power.has

        UNION ALL
        SELECT 'the role is a member of one group, and of nothing else',
               format('%s is a member of %s', session_user, coalesce(string_agg(r.rolname, ', ' ORDER BY r.rolname), 'nothing'))
        FROM held AS h
        JOIN pg_roles AS r ON r.oid = h.oid AND r.rolname NOT IN (session_user, current_user)
        HAVING count(*) <> 1 OR min(r.rolname) NOT IN ('audit_trusted', 'audit_admin')

        UNION ALL
        SELECT 'the role owns nothing here', format('%s owns %s', owned.owner::regrole, owned.object)
        FROM (
            SELECT d.datdba, 'the database' FROM pg_database AS d WHERE d.datname = current_database()
            UNION ALL
            SELECT n.nspowner, 'schema ' || n.nspname FROM pg_namespace AS n WHERE n.nspname IN ('audit', 'pgmigrate')
            UNION ALL
            SELECT c.relowner, c.oid::regclass::text FROM relation AS c
            UNION ALL
            SELECT p.proowner, p.oid::regprocedure::text FROM pg_proc AS p WHERE p.pronamespace = 'audit'::regnamespace
        ) AS owned (owner, object)
        WHERE owned.owner IN (SELECT h.oid FROM held AS h)

        UNION ALL
        SELECT 'everything belongs to audit_owner', format('%s belongs to %s', owned.object, owned.owner::regrole)
        FROM (
            SELECT c.relowner, c.oid::regclass::text FROM relation AS c
            UNION ALL
            SELECT p.proowner, p.oid::regprocedure::text FROM pg_proc AS p WHERE p.pronamespace = 'audit'::regnamespace
        ) AS owned (owner, object)
        WHERE owned.owner <> 'audit_owner'::regrole

        UNION ALL
        SELECT 'every table has forced row-level security',
               CASE WHEN c.relkind IN ('r', 'p')
                    THEN concat_ws(' and ',
                        CASE WHEN NOT c.relrowsecurity THEN c.oid::regclass || ' has it disabled' END,
                        CASE WHEN NOT c.relforcerowsecurity THEN c.oid::regclass || ' does not force it on its owner' END)
                    ELSE c.oid::regclass || ' cannot have it' END
        FROM relation AS c
        WHERE (c.relkind IN ('r', 'p') AND NOT (c.relrowsecurity AND c.relforcerowsecurity))
           OR c.relkind IN ('m', 'f')
           OR (c.relkind = 'v' AND NOT coalesce(c.reloptions && ARRAY['security_invoker=true', 'security_invoker=on'], false))

        UNION ALL
        -- A child table elsewhere is read and written directly under its own policies, or none.
        SELECT 'every table has forced row-level security', format('%s keeps rows of %s outside the schema', child.oid::regclass, c.oid::regclass)
        FROM relation AS c
        JOIN pg_inherits AS i ON i.inhparent = c.oid
        JOIN pg_class AS child ON child.oid = i.inhrelid AND child.relnamespace <> 'audit'::regnamespace

        UNION ALL
        SELECT 'every policy compares the tenant, and names its roles',
               format('policy %I on %s', p.polname, p.polrelid::regclass)
        FROM pg_policy AS p
        JOIN relation AS c ON c.oid = p.polrelid
        CROSS JOIN LATERAL (VALUES (
            format('(%s = current_setting(''app.tenant_id''::text, true))',
                   CASE c.relname WHEN 'tenants' THEN 'id' ELSE 'tenant_id' END))) AS tenant (comparison)
        WHERE 0 = ANY (p.polroles)
           OR (coalesce(pg_get_expr(p.polqual, p.polrelid), tenant.comparison) <> tenant.comparison
               OR coalesce(pg_get_expr(p.polwithcheck, p.polrelid), tenant.comparison) <> tenant.comparison
               OR (p.polqual IS NULL AND p.polwithcheck IS NULL))
              -- The register itself: only audit.create_tenant() acts as the owner, and it only adds.
              AND NOT (c.relname = 'tenants' AND p.polroles = ARRAY['audit_owner'::regrole::oid] AND p.polcmd = 'a')

        UNION ALL
        SELECT 'no privilege is granted beyond the intended', concat_ws(' ', g.grantee, 'has', g.privilege, 'on', g.object)
        FROM (TABLE granted EXCEPT SELECT i.grantee, i.object_type, i.object, i.privilege FROM audit.intended_privileges() AS i) AS g

        UNION ALL
        SELECT 'PUBLIC can create nothing in this database',
               format('run, as the database''s owner: REVOKE %s ON DATABASE %I FROM PUBLIC', privilege.name, current_database())
        FROM (VALUES ('TEMPORARY'), ('CREATE')) AS privilege (name)
        WHERE has_database_privilege('public', current_database(), privilege.name)

        UNION ALL
        SELECT 'every function is pinned to its schema and runs as its caller, but for the known ones',
               format('%s %s', p.oid::regprocedure,
                      CASE WHEN p.prosecdef THEN 'runs as its owner' ELSE 'does not set search_path' END)
        FROM pg_proc AS p
        WHERE p.pronamespace = 'audit'::regnamespace
          AND (NOT coalesce('search_path=pg_catalog, pg_temp' = ANY (p.proconfig), false)
               OR (p.prosecdef AND p.proname NOT IN ('create_tenant', 'schema_version')))

        UNION ALL
        SELECT 'no trigger or rule acts on a record', format('%s on %s', t.tgname, t.tgrelid::regclass)
        FROM pg_trigger AS t JOIN relation AS c ON c.oid = t.tgrelid
        WHERE NOT t.tgisinternal
        UNION ALL
        SELECT 'no trigger or rule acts on a record', format('%s on %s', r.rulename, r.ev_class::regclass)
        FROM pg_rewrite AS r JOIN relation AS c ON c.oid = r.ev_class AND c.relkind IN ('r', 'p')

        UNION ALL
        SELECT 'no stored setting stands in for a tenant', format('%s, for %s in %s', setting,
               CASE s.setrole WHEN 0 THEN 'every role' ELSE s.setrole::regrole::text END,
               coalesce((SELECT d.datname FROM pg_database AS d WHERE d.oid = s.setdatabase), 'every database'))
        FROM pg_db_role_setting AS s
        CROSS JOIN LATERAL unnest(s.setconfig) AS setting
        WHERE (s.setrole = 0 OR s.setrole IN (SELECT h.oid FROM held AS h))
          AND (s.setdatabase = 0 OR s.setdatabase = (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database()))
          AND setting ~* '^(app\.|search_path|row_security|session_preload_libraries|local_preload_libraries|role=)'
    ),
    granted AS (SELECT g.grantee, g.object_type, g.object, g.privilege FROM audit.granted_privileges() AS g)
    SELECT known.rule, count(f.finding) = 0, string_agg(f.finding, '; ' ORDER BY f.finding)
    FROM (VALUES
        (1, 'the role has no power over row-level security'),
        (2, 'the role is a member of one group, and of nothing else'),
        (3, 'the role owns nothing here'),
        (4, 'everything belongs to audit_owner'),
        (5, 'every table has forced row-level security'),
        (6, 'every policy compares the tenant, and names its roles'),
        (7, 'no privilege is granted beyond the intended'),
        (8, 'PUBLIC can create nothing in this database'),
        (9, 'every function is pinned to its schema and runs as its caller, but for the known ones'),
        (10, 'no trigger or rule acts on a record'),
        (11, 'no stored setting stands in for a tenant')) AS known (number, rule)
    LEFT JOIN finding AS f ON f.rule = known.rule
    GROUP BY known.number, known.rule
    ORDER BY known.number
$$;

COMMENT ON FUNCTION audit.isolation_report IS
    'Whether isolation is intact on this database for the role that asks: one row a rule, with what was found against it. '
    'All rows intact: this role sees and writes the records of one tenant a transaction, and nobody can quietly widen that.';
REVOKE ALL ON FUNCTION audit.isolation_report FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.isolation_report TO audit_trusted, audit_admin;
