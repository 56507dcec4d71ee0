-- Is isolation intact on this database, for the role that asks? One row a rule; the service refuses to serve unless
-- every row says so, and a DBA can ask at any time: SELECT * FROM audit.isolation_report();

CREATE OR REPLACE FUNCTION audit.isolation_report()
RETURNS TABLE (rule text, intact boolean, findings text)
-- Not LANGUAGE sql, whose bodies are resolved at once: the functions it calls would have to be applied before it.
LANGUAGE plpgsql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
-- Names and expressions are compared as they are printed: the same whatever the session or the database has set.
SET quote_all_identifiers = off
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH RECURSIVE held (oid) AS (
        -- The role that asks and every role it could become, whether it inherits from it or not.
        SELECT r.oid FROM pg_roles AS r WHERE r.rolname IN (session_user, current_user)
        UNION
        SELECT m.roleid FROM pg_auth_members AS m JOIN held AS h ON h.oid = m.member
    ),
    ours AS (
        SELECT r.* FROM pg_roles AS r
        WHERE r.rolname IN ('audit_owner', 'audit_migrator', 'audit_trusted', 'audit_keyed', 'audit_admin', 'audit_app')
    ),
    relation AS (
        SELECT c.oid, c.relname, c.relkind, c.relowner, c.relrowsecurity, c.relforcerowsecurity, c.reloptions, c.relacl
        FROM pg_class AS c
        WHERE c.relnamespace = 'audit'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
    ),
    power (oid, finding) AS (
        SELECT r.oid, r.rolname || ' ' || power.name
        FROM pg_roles AS r
        CROSS JOIN LATERAL (VALUES
            (r.rolsuper, 'is SUPERUSER'), (r.rolbypassrls, 'has BYPASSRLS'), (r.rolcreaterole, 'has CREATEROLE'),
            (r.rolcreatedb, 'has CREATEDB'), (r.rolreplication, 'has REPLICATION')) AS power (has, name)
        WHERE power.has
    ),
    owned (owner, object) AS (
        SELECT d.datdba, 'the database' FROM pg_database AS d WHERE d.datname = current_database()
        UNION ALL
        SELECT n.nspowner, 'schema ' || n.nspname FROM pg_namespace AS n WHERE n.nspname IN ('audit', 'pgmigrate')
        UNION ALL
        SELECT c.relowner, c.oid::regclass::text FROM relation AS c
        UNION ALL
        SELECT p.proowner, p.oid::regprocedure::text FROM pg_proc AS p WHERE p.pronamespace = 'audit'::regnamespace
    ),
    finding (rule, finding) AS (
        SELECT 'the role has no power over row-level security', p.finding FROM power AS p JOIN held AS h ON h.oid = p.oid
        UNION ALL
        -- Whatever else asks: these six must never be more than roles.sql makes them.
        SELECT 'no role of ours has power over row-level security', p.finding FROM power AS p JOIN ours AS r ON r.oid = p.oid

        UNION ALL
        SELECT 'the role is a member of one group, and of nothing else',
               format('%s is a member of %s', session_user, coalesce(string_agg(r.rolname, ', ' ORDER BY r.rolname), 'nothing'))
        FROM held AS h
        JOIN pg_roles AS r ON r.oid = h.oid AND r.rolname NOT IN (session_user, current_user)
        HAVING count(*) <> 1 OR min(r.rolname) NOT IN ('audit_trusted', 'audit_keyed', 'audit_admin')

        UNION ALL
        SELECT 'the role owns nothing here', format('%s owns %s', o.owner::regrole, o.object)
        FROM owned AS o JOIN held AS h ON h.oid = o.owner
        UNION ALL
        SELECT 'everything belongs to audit_owner', format('%s belongs to %s', o.object, o.owner::regrole)
        FROM owned AS o
        WHERE o.owner <> 'audit_owner'::regrole AND o.object <> 'the database'

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
           OR (c.relkind = 'v' AND NOT coalesce((
                    SELECT o.option_value::boolean FROM pg_options_to_table(c.reloptions) AS o
                    WHERE o.option_name = 'security_invoker'), false))

        UNION ALL
        -- Read through a parent, or as a child, or through a view, rows are under the policies of that, or under none.
        SELECT 'no table or view elsewhere shows a record',
               format('%s inherits from %s', i.inhrelid::regclass, i.inhparent::regclass)
        FROM pg_inherits AS i
        JOIN pg_class AS child ON child.oid = i.inhrelid
        JOIN pg_class AS parent ON parent.oid = i.inhparent
        WHERE child.relkind IN ('r', 'p', 'f')
          AND 'audit'::regnamespace IN (child.relnamespace, parent.relnamespace)
          AND child.relnamespace <> parent.relnamespace
        UNION ALL
        SELECT 'no table or view elsewhere shows a record', format('%s reads %s', r.ev_class::regclass, c.oid::regclass)
        FROM relation AS c
        JOIN pg_depend AS d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = c.oid
        JOIN pg_rewrite AS r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid
        JOIN pg_class AS reader ON reader.oid = r.ev_class AND reader.relnamespace <> 'audit'::regnamespace

        UNION ALL
        SELECT 'every table that holds tenants checks their form', format('%s.%s', c.oid::regclass, a.attname)
        FROM relation AS c
        JOIN pg_attribute AS a ON a.attrelid = c.oid
        WHERE c.relkind IN ('r', 'p')
          AND a.attname = CASE c.relname WHEN 'tenants' THEN 'id' ELSE 'tenant_id' END
          AND NOT EXISTS (
                SELECT FROM pg_constraint AS k
                WHERE k.conrelid = c.oid AND k.contype = 'c' AND k.convalidated
                  AND pg_get_constraintdef(k.oid) = format('CHECK ((%I ~ ''^[a-z0-9][a-z0-9_-]{0,62}$''::text))', a.attname))

        UNION ALL
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
        CROSS JOIN LATERAL (VALUES (
            format('(%s AND (%s = audit.proven_tenant(%s)))', wanted.comparison, tenant.col, wanted.scope),
            format('(%s AND (%s = audit.proven_tenant(current_setting(''app.scope''::text, true))))', wanted.comparison, tenant.col),
            format('(%s AND (%s = audit.proven_tenant(''import''::text)))', wanted.comparison, tenant.col),
            format('(%s AND (%s = audit.proven_tenant(''replay''::text)))', wanted.comparison, tenant.col),
            format('(%s AND (%s = audit.writing_tenant()))', wanted.comparison, tenant.col),
            coalesce(pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid)),
            coalesce(pg_get_expr(p.polwithcheck, p.polrelid), pg_get_expr(p.polqual, p.polrelid)))
        ) AS expression (
            proven, proven_caller, proven_importer, proven_replayer, proven_or_trusted, visible, storable)
        WHERE (p.polpermissive OR p.polcmd NOT IN ('w', 'd') OR expression.visible <> 'false')
          AND CASE p.polroles
            WHEN ARRAY['audit_trusted'::regrole::oid] THEN
                ARRAY[expression.visible, expression.storable] <> ARRAY[wanted.comparison, wanted.comparison]
            WHEN ARRAY['audit_keyed'::regrole::oid] THEN
                wanted.scope IS NULL
                OR ARRAY[expression.visible, expression.storable] <> ARRAY[expression.proven, expression.proven]
            -- As the owner only functions act. Where records are, they too need their caller's proof.
            WHEN ARRAY['audit_owner'::regrole::oid] THEN
                NOT (c.relname IN ('tenants', 'api_keys', 'api_key_uses', 'proof_secrets', 'tenant_entries')
                     OR (c.relname = 'admin_events' AND p.polcmd = 'a')
                     OR (c.relname = 'admin_events' AND p.polcmd = 'r'
                         AND expression.visible = '((current_setting(''app.scope''::text, true) = ''administer''::text)'
                             ' AND pg_has_role(SESSION_USER, ''audit_admin''::name, ''MEMBER''::text))')
                     OR (p.polcmd = 'r' AND expression.visible = expression.proven_caller)
                     OR (c.relname = 'audit_logs' AND p.polcmd = 'a'
                         AND expression.storable IN (expression.proven_importer, expression.proven_replayer))
                     OR (c.relname = 'idempotency_keys' AND expression.visible = expression.proven_or_trusted
                         AND expression.storable = expression.proven_or_trusted))
            ELSE true
        END

        UNION ALL
        SELECT 'no privilege is granted beyond the intended', concat_ws(' ', g.grantee, 'has', g.privilege, 'on', g.object)
        FROM (TABLE granted EXCEPT SELECT i.grantee, i.object_type, i.object, i.privilege FROM audit.intended_privileges() AS i) AS g

        UNION ALL
        -- Append-only is so for the owner too, as whom functions run: an attempt fails, instead of touching the no rows that
        -- the policies leave. A foreign key locks the row it refers to, and that takes UPDATE of a column of tenants.
        SELECT 'the owner changes no record, and empties no table', format('audit_owner has %s on %s', a.privilege_type, held_on.name)
        FROM (
            SELECT c.oid::regclass::text, c.relname, c.relowner, coalesce(c.relacl, acldefault('r', c.relowner))
            FROM relation AS c WHERE c.relkind IN ('r', 'p')
            UNION ALL
            SELECT concat(c.oid::regclass, '.', col.attname), c.relname, c.relowner, col.attacl
            FROM relation AS c JOIN pg_attribute AS col ON col.attrelid = c.oid
            WHERE NOT (c.relname = 'tenants' AND col.attname = 'created_at')
        ) AS held_on (name, relname, owner, acl)
        CROSS JOIN LATERAL aclexplode(held_on.acl) AS a
        WHERE a.grantee = held_on.owner
          AND (a.privilege_type = 'TRUNCATE'
               OR a.privilege_type IN ('UPDATE', 'DELETE') AND held_on.relname IN ('audit_logs', 'admin_events', 'tenants'))

        UNION ALL
        SELECT 'what our roles make is open to nobody', format('%s%s has %s by default on what %s makes%s',
               CASE d.defaclobjtype WHEN 'f' THEN 'functions: ' WHEN 'T' THEN 'types: ' WHEN 'r' THEN 'tables: '
                   WHEN 'S' THEN 'sequences: ' WHEN 'n' THEN 'schemas: ' END,
               CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END, a.privilege_type, d.defaclrole::regrole,
               ' in schema ' || nullif(d.defaclnamespace, 0)::regnamespace)
        FROM pg_default_acl AS d
        LEFT JOIN LATERAL aclexplode(d.defaclacl) AS a ON true
        WHERE d.defaclrole IN (SELECT h.oid FROM held AS h UNION SELECT r.oid FROM ours AS r)
          AND NOT coalesce(d.defaclrole = 'audit_owner'::regrole AND d.defaclnamespace = 0 AND d.defaclobjtype IN ('f', 'T')
                           AND a.grantee = d.defaclrole, false)
        UNION ALL
        SELECT 'what our roles make is open to nobody', format('new %s of audit_owner are open to PUBLIC', kind.name)
        FROM (VALUES ('f', 'functions'), ('T', 'types')) AS kind (letter, name)
        WHERE NOT EXISTS (
            SELECT FROM pg_default_acl AS d
            WHERE d.defaclrole = 'audit_owner'::regrole AND d.defaclnamespace = 0 AND d.defaclobjtype = kind.letter::"char")

        UNION ALL
        -- A temporary table outlives the transaction of its tenant; an object of one's own can shadow, or be a trap.
        SELECT 'neither the role nor PUBLIC can create anything in this database',
               format('run, as the database''s owner: REVOKE %s ON DATABASE %I FROM %I',
                      privilege.name, current_database(), grantee.name)
        FROM (VALUES ('TEMPORARY'), ('CREATE')) AS privilege (name)
        CROSS JOIN LATERAL (
            SELECT CASE WHEN has_database_privilege('public', current_database(), privilege.name) THEN 'public'
                        WHEN has_database_privilege(session_user, current_database(), privilege.name) THEN session_user END
        ) AS grantee (name)
        WHERE grantee.name IS NOT NULL
        UNION ALL
        SELECT 'neither the role nor PUBLIC can create anything in this database',
               format('%s can create in schema %I', session_user, n.nspname)
        FROM pg_namespace AS n
        WHERE has_schema_privilege(session_user, n.oid, 'CREATE')
        UNION ALL
        SELECT 'no privilege is granted beyond the intended', format('%s has USAGE on schema pgmigrate', session_user)
        WHERE has_schema_privilege(session_user, 'pgmigrate', 'USAGE')

        UNION ALL
        SELECT 'every function is pinned to its schema and runs as its caller, but for the known ones',
               format('%s %s', p.oid::regprocedure, fault.name)
        FROM pg_proc AS p
        CROSS JOIN LATERAL (VALUES
            (NOT coalesce('search_path=pg_catalog, pg_temp' = ANY (p.proconfig), false), 'does not set search_path'),
            (p.prosecdef AND p.proname NOT IN (
                'schema_version', 'enter_tenant', 'proven_tenant', 'is_stored', 'import_audit_logs', 'replay_audit_logs',
                'describe_api_key', 'claim_idempotency_key',
                'get_proven_audit_log', 'list_proven_audit_logs', 'list_proven_admin_events', 'export_proven_audit_logs',
                'record_export', 'list_all_admin_events',
                'create_tenant', 'list_tenants', 'issue_api_key', 'list_api_keys', 'rotate_api_key', 'revoke_api_key',
                'rotate_proof_secret'), 'runs as its owner'),
            -- The lists of intended privileges and of known functions go by name.
            (EXISTS (SELECT FROM pg_proc AS other
                     WHERE other.pronamespace = p.pronamespace AND other.proname = p.proname AND other.oid <> p.oid),
             'shares its name with another')) AS fault (found, name)
        WHERE p.pronamespace = 'audit'::regnamespace AND fault.found

        UNION ALL
        -- Plans hold the values at hand, and any session can have its plans printed: see audit.enter_tenant().
        SELECT 'no plan is printed where keys and secrets are', format('%s does not set %s', p.oid::regprocedure, pin.setting)
        FROM pg_proc AS p
        CROSS JOIN (VALUES ('debug_print_parse=off'), ('debug_print_rewritten=off'), ('debug_print_plan=off'),
                           ('plpgsql.print_strict_params=off')) AS pin (setting)
        WHERE p.pronamespace = 'audit'::regnamespace
          AND (p.prosecdef OR 'p_api_key' = ANY (p.proargnames) OR p.proname = 'insert_audit_log_batch')
          AND NOT pin.setting = ANY (coalesce(p.proconfig, '{}'))

        UNION ALL
        SELECT 'no trigger or rule acts on a record', format('%s on %s', t.tgname, t.tgrelid::regclass)
        FROM pg_trigger AS t JOIN relation AS c ON c.oid = t.tgrelid
        WHERE NOT t.tgisinternal
        UNION ALL
        SELECT 'no trigger or rule acts on a record', format('a foreign key of %s is switched off', t.tgrelid::regclass)
        FROM pg_trigger AS t JOIN relation AS c ON c.oid = t.tgrelid
        WHERE t.tgisinternal AND t.tgenabled <> 'O'
        UNION ALL
        SELECT 'no trigger or rule acts on a record', format('%s on %s', r.rulename, r.ev_class::regclass)
        FROM pg_rewrite AS r JOIN relation AS c ON c.oid = r.ev_class AND c.relkind IN ('r', 'p')

        UNION ALL
        SELECT 'no setting is stored but the intended ones', u.finding FROM audit.unintended_settings() AS u (finding)
        UNION ALL
        -- From the connection string or the server's configuration, which no catalogue shows. Ask outside a transaction
        -- that has set its tenant.
        SELECT 'no setting is stored but the intended ones', 'app.tenant_id is set already, before audit.set_tenant()'
        WHERE coalesce(current_setting('app.tenant_id', true), '') <> ''
    ),
    granted AS (SELECT g.grantee, g.object_type, g.object, g.privilege FROM audit.granted_privileges() AS g)
    SELECT known.rule, count(f.finding) = 0, string_agg(DISTINCT f.finding, '; ' ORDER BY f.finding)
    FROM (VALUES
        (1, 'the role has no power over row-level security'),
        (2, 'the role is a member of one group, and of nothing else'),
        (3, 'the role owns nothing here'),
        (4, 'no role of ours has power over row-level security'),
        (5, 'everything belongs to audit_owner'),
        (6, 'every table has forced row-level security'),
        (7, 'every policy compares the tenant, and names its roles'),
        (8, 'every group that sees a table is held by a restrictive policy too'),
        (9, 'every table that holds tenants checks their form'),
        (10, 'no table or view elsewhere shows a record'),
        (11, 'no privilege is granted beyond the intended'),
        (12, 'the owner changes no record, and empties no table'),
        (13, 'what our roles make is open to nobody'),
        (14, 'neither the role nor PUBLIC can create anything in this database'),
        (15, 'every function is pinned to its schema and runs as its caller, but for the known ones'),
        (16, 'no plan is printed where keys and secrets are'),
        (17, 'no trigger or rule acts on a record'),
        (18, 'no setting is stored but the intended ones')) AS known (number, rule)
    LEFT JOIN finding AS f ON f.rule = known.rule
    GROUP BY known.number, known.rule
    ORDER BY known.number;
END
$$;

COMMENT ON FUNCTION audit.isolation_report IS
    'Whether isolation is intact on this database for the role that asks: one row a rule, with what was found against it. '
    'All rows intact: this role sees and writes the records of one tenant a transaction, and nobody can quietly widen that. '
    'Settings that are stored with a role or for the whole database are findings but for those that audit.unintended_settings() lists.';
REVOKE ALL ON FUNCTION audit.isolation_report FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.isolation_report TO audit_trusted, audit_keyed, audit_admin;
