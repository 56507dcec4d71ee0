-- Every privilege that is not granted, granted: on every table, column, function, schema and on the database, to every role
-- of ours and to PUBLIC; every one that is granted, with the right to pass it on; and the owner's defaults widened.
-- Answers one row a weakening: its name, and the SQL that applies it.

WITH grantee (name) AS (
    SELECT 'PUBLIC' UNION ALL
    SELECT rolname FROM pg_roles WHERE rolname LIKE 'audit\_%' AND rolname <> 'audit_owner'
),
grantable (kind, object, name, privilege, acl) AS (
    SELECT 'TABLE', c.oid::regclass::text, c.oid::regclass::text, p.privilege, c.relacl
    FROM pg_class AS c
    CROSS JOIN unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) AS p (privilege)
    WHERE c.relnamespace = 'audit'::regnamespace AND c.relkind IN ('r', 'p')
    UNION ALL
    SELECT 'FUNCTION', f.oid::regprocedure::text, f.pronamespace::regnamespace || '.' || f.proname, 'EXECUTE', f.proacl
    FROM pg_proc AS f
    WHERE f.pronamespace IN ('audit'::regnamespace, 'pgmigrate'::regnamespace)
    UNION ALL
    SELECT 'SCHEMA', quote_ident(n.nspname), n.nspname, p.privilege, n.nspacl
    FROM pg_namespace AS n
    CROSS JOIN unnest(ARRAY['USAGE', 'CREATE']) AS p (privilege)
    WHERE n.nspname IN ('audit', 'pgmigrate') OR (n.nspname = 'public' AND p.privilege = 'CREATE')
),
held (kind, object, privilege, grantee, is_owner) AS (
    SELECT g.kind, g.object, g.privilege, CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END, a.grantee = a.grantor
    FROM grantable AS g
    CROSS JOIN LATERAL aclexplode(g.acl) AS a
    WHERE a.privilege_type = g.privilege
)
SELECT format('%s on %s %s granted to %s', g.privilege, lower(g.kind), g.name, r.name),
       format('GRANT %s ON %s %s TO %s', g.privilege, g.kind, g.object, r.name)
FROM grantable AS g
CROSS JOIN grantee AS r
-- What the logins are granted, they are granted beside their groups; it is asked of schemas alone.
WHERE (r.name NOT IN ('audit_app', 'audit_migrator') OR g.kind = 'SCHEMA')
  AND NOT EXISTS (
    SELECT FROM held AS h
    WHERE (h.kind, h.object, h.privilege) = (g.kind, g.object, g.privilege) AND h.grantee IN (r.name, 'PUBLIC'))
UNION ALL
SELECT format('%s on %s %s: %s may pass it on', h.privilege, lower(h.kind), h.object, h.grantee),
       format('GRANT %s ON %s %s TO %s WITH GRANT OPTION', h.privilege, h.kind, h.object, h.grantee)
FROM held AS h
JOIN grantee AS r ON r.name = h.grantee
WHERE h.grantee <> 'PUBLIC' AND NOT h.is_owner   -- who may anyway
UNION ALL
-- For the role that an attacker would have; what the others may is asked of whole tables above.
SELECT format('%s on column %s.%s granted to %s', p.privilege, c.oid::regclass, a.attname, r.name),
       format('GRANT %s (%I) ON %s TO %s', p.privilege, a.attname, c.oid::regclass, r.name)
FROM pg_class AS c
JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
CROSS JOIN unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'REFERENCES']) AS p (privilege)
CROSS JOIN (VALUES ('audit_keyed')) AS r (name)
WHERE c.relnamespace = 'audit'::regnamespace AND c.relkind IN ('r', 'p')
  AND NOT has_column_privilege(r.name, c.oid, a.attnum, p.privilege)
UNION ALL
SELECT format('%s on column %s.%s: %s may pass it on', x.privilege_type, c.oid::regclass, a.attname, x.grantee::regrole),
       format('GRANT %s (%I) ON %s TO %s WITH GRANT OPTION', x.privilege_type, a.attname, c.oid::regclass, x.grantee::regrole)
FROM pg_class AS c
JOIN pg_attribute AS a ON a.attrelid = c.oid
CROSS JOIN LATERAL aclexplode(a.attacl) AS x
WHERE c.relnamespace = 'audit'::regnamespace AND x.grantee NOT IN (0, c.relowner)   -- the owner may anyway
UNION ALL
-- What the owner has been deprived of, given back.
SELECT format('%s on %s granted to its owner again', p.privilege, c.oid::regclass),
       format('GRANT %s ON %s TO audit_owner', p.privilege, c.oid::regclass)
FROM pg_class AS c
CROSS JOIN unnest(ARRAY['UPDATE', 'DELETE', 'TRUNCATE']) AS p (privilege)
WHERE c.relnamespace = 'audit'::regnamespace AND c.relkind IN ('r', 'p') AND NOT has_table_privilege('audit_owner', c.oid, p.privilege)
UNION ALL
SELECT format('UPDATE on column %s.%s granted to its owner again', c.oid::regclass, a.attname),
       format('GRANT UPDATE (%I) ON %s TO audit_owner', a.attname, c.oid::regclass)
FROM pg_class AS c
JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relnamespace = 'audit'::regnamespace AND c.relkind IN ('r', 'p')
  AND NOT has_column_privilege('audit_owner', c.oid, a.attnum, 'UPDATE')
UNION ALL
SELECT format('%s on the database granted to %s', p.privilege, r.name),
       format('DO $$BEGIN EXECUTE format(''GRANT %s ON DATABASE %%I TO %s'', current_database()); END$$', p.privilege, r.name)
FROM grantee AS r
CROSS JOIN unnest(ARRAY['CREATE', 'TEMPORARY']) AS p (privilege)
WHERE NOT has_database_privilege(replace(r.name, 'PUBLIC', 'public'), current_database(), p.privilege)
UNION ALL
SELECT format('the database belongs to %s', r.name), format('DO $$BEGIN EXECUTE format(''ALTER DATABASE %%I OWNER TO %s'', current_database()); END$$', r.name)
FROM grantee AS r
WHERE r.name <> 'PUBLIC'
UNION ALL
SELECT format('schema %s belongs to %s', n.nspname, r.name), format('ALTER SCHEMA %I OWNER TO %s', n.nspname, r.name)
FROM pg_namespace AS n
CROSS JOIN grantee AS r
WHERE n.nspname IN ('audit', 'pgmigrate') AND r.name <> 'PUBLIC'
UNION ALL
SELECT format('by default %s on new %s%s for %s', d.privilege, lower(d.kind), replace(d.schema, ' IN SCHEMA', ' of'), r.name),
       format('ALTER DEFAULT PRIVILEGES FOR ROLE audit_owner%s GRANT %s ON %s TO %s', d.schema, d.privilege, d.kind, r.name)
FROM (VALUES
    ('SELECT', 'TABLES', ''), ('TRUNCATE', 'TABLES', ' IN SCHEMA audit'), ('ALL', 'TABLES', ' IN SCHEMA audit'),
    ('EXECUTE', 'FUNCTIONS', ''), ('EXECUTE', 'FUNCTIONS', ' IN SCHEMA audit'), ('EXECUTE', 'FUNCTIONS', ' IN SCHEMA pgmigrate'),
    ('USAGE', 'TYPES', ''), ('USAGE', 'SEQUENCES', ''), ('CREATE', 'SCHEMAS', '')) AS d (privilege, kind, schema)
CROSS JOIN (VALUES ('PUBLIC'), ('audit_keyed'), ('audit_trusted')) AS r (name)
UNION ALL
SELECT format('USAGE on type %s granted to %s', y.oid::regtype, r.name), format('GRANT USAGE ON TYPE %s TO %s', y.oid::regtype, r.name)
FROM pg_type AS y
JOIN pg_class AS c ON c.oid = y.typrelid AND c.relkind = 'c'
CROSS JOIN grantee AS r
WHERE y.typnamespace = 'audit'::regnamespace
UNION ALL
-- A privilege that is granted and written into the page of intended ones: the page is no excuse.
SELECT format('%s on audit.audit_logs granted to audit_keyed, and declared intended', p.privilege),
       format('GRANT %s ON audit.audit_logs TO audit_keyed; ', p.privilege)
       || replace(pg_get_functiondef('audit.intended_privileges'::regproc), 'VALUES',
                  format('VALUES (''table'', ''audit.audit_logs'', %L, ''audit_keyed''),', p.privilege))
FROM unnest(ARRAY['SELECT', 'UPDATE', 'DELETE', 'TRUNCATE', 'INSERT']) AS p (privilege)
ORDER BY 1
