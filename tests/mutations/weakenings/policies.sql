-- Every policy dropped, loosened, made permissive, widened to another command or role, or given to PUBLIC; and for every
-- table and group a stray policy added. Answers one row a weakening: its name, and the SQL that applies it.

WITH policy AS (
    SELECT p.polname, p.polrelid::regclass AS on_table, p.polpermissive, p.polroles,
           format('policy %s on %s', p.polname, p.polrelid::regclass) AS said,
           CASE p.polcmd WHEN '*' THEN 'ALL' WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' ELSE 'DELETE' END
               AS command,
           (SELECT string_agg(CASE r.oid WHEN 0 THEN 'PUBLIC' ELSE quote_ident(r.oid::regrole::text) END, ', ')
            FROM unnest(p.polroles) AS r (oid)) AS roles,
           pg_get_expr(p.polqual, p.polrelid) AS visible,
           pg_get_expr(p.polwithcheck, p.polrelid) AS storable
    FROM pg_policy AS p
    JOIN pg_class AS c ON c.oid = p.polrelid
    WHERE c.relnamespace = 'audit'::regnamespace
),
clause AS (
    SELECT p.*, c.keyword, c.expression
    FROM policy AS p
    CROSS JOIN LATERAL (VALUES ('USING', p.visible), ('WITH CHECK', p.storable)) AS c (keyword, expression)
    WHERE c.expression IS NOT NULL
),
loosened (said, keyword, polname, on_table, expression, how, looser) AS (
    SELECT c.said, c.keyword, c.polname, c.on_table, c.expression, l.how, l.looser
    FROM clause AS c
    CROSS JOIN LATERAL (VALUES
        ('is true', 'true'),
        ('is true where no tenant is set', format('%s OR coalesce(current_setting(''app.tenant_id'', true), '''') = ''''', c.expression)),
        ('has a bypass', format('%s OR current_setting(''app.bypass'', true) = ''on''', c.expression)),
        ('compares patterns', replace(c.expression, ' = current_setting', ' ~~ current_setting')),
        ('compares the proof as a pattern', replace(c.expression, ' = ( SELECT audit.', ' ~~ ( SELECT audit.')),
        ('compares beginnings', regexp_replace(c.expression, '(\w+) = (current_setting\([^)]*\))', 'starts_with(\1, \2)')),
        ('compares without case', regexp_replace(c.expression, '(\w+) = (current_setting\([^)]*\))', 'lower(\1) = lower(\2)')),
        ('asks for no proof', regexp_replace(c.expression, ' AND \((\w+|concat\([^)]*\)) = \( SELECT audit\..*\)$', ')')),
        ('asks for the tenant alone', replace(c.expression, 'concat(tenant_id, '':'', api_key_id) = ( SELECT audit.proven_writer', 'tenant_id = ( SELECT audit.proven_tenant')),
        ('asks for no key', replace(c.expression, ' AND (api_key_id IS NULL)', '')),
        ('asks for a key', replace(c.expression, 'api_key_id IS NULL', 'api_key_id IS NOT NULL')),
        ('asks for the proof alone', regexp_replace(c.expression, '\(\w+ = current_setting\([^)]*\)\) AND ', '')),
        ('asks for a proof or a name', replace(c.expression, ') AND (', ') OR (')),
        ('asks for a proof of the name', regexp_replace(c.expression, '\m(?!concat)\w+( = \( SELECT audit\.)|tenant_id(?=, '')', 'current_setting(''app.tenant_id'', true)\1')),
        ('asks for any proof', regexp_replace(c.expression, '(?:\w+|concat\([^)]*\)) = (\( SELECT audit\.(?:(?!SELECT).)*\))\)\)$', '\1 IS NOT NULL))')),
        ('asks for a proof for each row', regexp_replace(c.expression, '\( SELECT (audit\..*?) AS \w+\)', '\1')),
        ('asks for a proof or else the name', regexp_replace(c.expression, 'SELECT (audit\..*?) AS \w+\)', 'SELECT coalesce(\1, current_setting(''app.tenant_id'', true)))')),
        ('asks for one proof of many', replace(c.expression, ' = ( SELECT', ' IN ( SELECT')),
        ('asks for the scope that is set', replace(c.expression, '''read''::text', 'current_setting(''app.scope'', true)')),
        ('asks for whichever scope', replace(c.expression, 'current_setting(''app.scope''::text, true)', '''read''')),
        ('asks for the scope write', replace(c.expression, '(''read''', '(''write''')),
        ('asks for the scope read', replace(c.expression, '(''write''', '(''read'''))) AS l (how, looser)
    -- "true" cannot be loosened.
    WHERE l.looser <> c.expression AND c.expression <> 'true'
),
recreated (said, how, polname, on_table, permissive, command, roles, visible, storable) AS (
    SELECT said, 'is permissive', polname, on_table, true, command, roles, visible, storable FROM policy WHERE NOT polpermissive
    UNION ALL
    -- Then nothing permits what only it permitted, and what it forbids is no longer forbidden to others.
    SELECT said, 'is restrictive', polname, on_table, false, command, roles, visible, storable FROM policy WHERE polpermissive
    UNION ALL
    SELECT said, 'is for every command', polname, on_table, polpermissive, 'ALL', roles, coalesce(visible, storable), coalesce(storable, visible)
    FROM policy WHERE command <> 'ALL'
    UNION ALL
    SELECT said, 'is for reading alone', polname, on_table, polpermissive, 'SELECT', roles, coalesce(visible, storable), NULL
    FROM policy WHERE command <> 'SELECT'
)
SELECT format('%s dropped', said), format('DROP POLICY %I ON %s', polname, on_table)
FROM policy
UNION ALL
SELECT format('%s: %s %s', said, keyword, how), format('ALTER POLICY %I ON %s %s (%s)', polname, on_table, keyword, looser)
FROM loosened
UNION ALL
SELECT format('%s %s', said, how),
       concat(format('DROP POLICY %I ON %s; CREATE POLICY %1$I ON %2$s AS %s FOR %s TO %s', polname, on_table,
                     CASE WHEN permissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END, command, roles),
              CASE WHEN command <> 'INSERT' THEN format(' USING (%s)', visible) END,
              CASE WHEN command NOT IN ('SELECT', 'DELETE') AND storable IS NOT NULL THEN format(' WITH CHECK (%s)', storable) END)
FROM recreated
UNION ALL
SELECT format('%s given to %s', p.said, g.grantee),
       format('ALTER POLICY %I ON %s TO %s', p.polname, p.on_table,
              CASE g.grantee WHEN 'PUBLIC' THEN 'PUBLIC' ELSE format('%s, %s', p.roles, g.grantee) END)
FROM policy AS p
CROSS JOIN (SELECT 'PUBLIC' UNION ALL SELECT rolname FROM pg_roles WHERE rolname LIKE 'audit\_%') AS g (grantee)
-- The logins have it from their groups, or have no privilege to use it with.
WHERE g.grantee = 'PUBLIC' OR NOT (to_regrole(g.grantee) = ANY (p.polroles) OR g.grantee IN ('audit_app', 'audit_migrator'))
UNION ALL
SELECT format('policy added on %s for %s to %s', c.oid::regclass, command.name, g.grantee),
       concat(format('CREATE POLICY weakening ON %s FOR %s TO %s', c.oid::regclass, command.name, g.grantee),
              CASE WHEN command.name <> 'INSERT' THEN ' USING (true)' END,
              CASE WHEN command.name <> 'SELECT' THEN ' WITH CHECK (true)' END)
FROM pg_class AS c
CROSS JOIN (SELECT 'PUBLIC' UNION ALL SELECT rolname FROM pg_roles WHERE rolname LIKE 'audit\_%') AS g (grantee)
CROSS JOIN (VALUES ('ALL'), ('SELECT'), ('INSERT')) AS command (name)
WHERE c.relnamespace = 'audit'::regnamespace AND c.relkind IN ('r', 'p')
  AND (command.name = 'ALL' OR c.relname = 'audit_logs')
UNION ALL
-- Every line of one role at once: what the others say cannot hold it any more.
SELECT format('every policy on %s for %s is true', on_table, roles),
       string_agg(concat(format('ALTER POLICY %I ON %s', polname, on_table),
                         CASE WHEN visible IS NOT NULL THEN ' USING (true)' END,
                         CASE WHEN storable IS NOT NULL THEN ' WITH CHECK (true)' END), '; ')
FROM policy
GROUP BY on_table, roles
HAVING bool_or(coalesce(visible, 'true') <> 'true' OR coalesce(storable, 'true') <> 'true')
ORDER BY 1
