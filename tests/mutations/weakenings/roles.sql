-- Every role of ours given each power, each membership, each of the server's own roles, and settings that stand in for a
-- tenant. Answers one row a weakening: its name, the SQL that applies it, and, since roles belong to the whole cluster and
-- not to the database that is thrown away, the SQL that undoes it.

WITH ours AS (
    SELECT r.oid, r.rolname, r.rolcanlogin FROM pg_roles AS r WHERE r.rolname LIKE 'audit\_%'
),
preset (setting) AS (
    VALUES ('app.tenant_id = ''acme'''), ('app.scopes = ''read'''), ('row_security = off'), ('search_path = public'),
           ('session_replication_role = replica'), ('transform_null_equals = on'), ('enable_indexscan = off'), ('quote_all_identifiers = on')
)
SELECT format('role %s is %s', r.rolname, power.name),
       format('ALTER ROLE %I %s', r.rolname, power.name),
       format('ALTER ROLE %I NO%s', r.rolname, power.name)
FROM ours AS r
CROSS JOIN (VALUES ('SUPERUSER'), ('BYPASSRLS'), ('CREATEROLE'), ('CREATEDB'), ('REPLICATION'), ('LOGIN')) AS power (name)
WHERE power.name <> 'LOGIN' OR NOT r.rolcanlogin
UNION ALL
SELECT format('role %s inherits', r.rolname), format('ALTER ROLE %I INHERIT', r.rolname), format('ALTER ROLE %I NOINHERIT', r.rolname)
FROM pg_roles AS r WHERE r.rolname LIKE 'audit\_%' AND NOT r.rolinherit
UNION ALL
-- The service's own limits.
SELECT format('role %s without %s', s.setrole::regrole, split_part(setting, '=', 1)),
       format('ALTER ROLE %s RESET %I', s.setrole::regrole, split_part(setting, '=', 1)),
       -- All of them anew: they are kept in the order in which they were made.
       format('ALTER ROLE %s RESET ALL; ', s.setrole::regrole)
       || (SELECT string_agg(format('ALTER ROLE %s SET %I = %L', s.setrole::regrole, split_part(e, '=', 1), split_part(e, '=', 2)), '; ' ORDER BY n)
           FROM unnest(s.setconfig) WITH ORDINALITY AS each_one (e, n))
FROM pg_db_role_setting AS s
CROSS JOIN LATERAL unnest(s.setconfig) AS setting
WHERE s.setdatabase = 0 AND s.setrole IN (SELECT r.oid FROM ours AS r)
UNION ALL
SELECT format('role %s with another %s', s.setrole::regrole, split_part(setting, '=', 1)),
       format('ALTER ROLE %s SET %I = ''1ms''', s.setrole::regrole, split_part(setting, '=', 1)),
       format('ALTER ROLE %s RESET ALL; ', s.setrole::regrole)
       || (SELECT string_agg(format('ALTER ROLE %s SET %I = %L', s.setrole::regrole, split_part(e, '=', 1), split_part(e, '=', 2)), '; ' ORDER BY n)
           FROM unnest(s.setconfig) WITH ORDINALITY AS each_one (e, n))
FROM pg_db_role_setting AS s
CROSS JOIN LATERAL unnest(s.setconfig) AS setting
WHERE s.setdatabase = 0 AND s.setrole IN (SELECT r.oid FROM ours AS r)
UNION ALL
SELECT format('role %s is a member of %s', member.rolname, granted.rolname),
       format('GRANT %I TO %I', granted.rolname, member.rolname),
       format('REVOKE %I FROM %I', granted.rolname, member.rolname)
FROM ours AS member
CROSS JOIN pg_roles AS granted
WHERE (granted.rolname LIKE 'audit\_%' OR granted.rolname ~ '^pg_') AND granted.rolname <> 'pg_database_owner'
  AND NOT pg_has_role(member.oid, granted.oid, 'MEMBER')
  AND NOT pg_has_role(granted.oid, member.oid, 'MEMBER')   -- PostgreSQL refuses a circle
UNION ALL
SELECT format('role %s may pass on %s', m.member::regrole, m.roleid::regrole),
       format('GRANT %s TO %s WITH ADMIN OPTION', m.roleid::regrole, m.member::regrole),
       format('REVOKE ADMIN OPTION FOR %s FROM %s', m.roleid::regrole, m.member::regrole)
FROM pg_auth_members AS m
WHERE m.member IN (SELECT r.oid FROM ours AS r)
UNION ALL
SELECT format('a member of %s added', r.rolname),
       format('CREATE ROLE weakening LOGIN IN ROLE %I', r.rolname), 'DROP ROLE weakening'
FROM ours AS r
WHERE r.rolname IN ('audit_owner', 'audit_keeper')
UNION ALL
SELECT format('%s begins with %s', whose.said, preset.setting),
       format('%s SET %s', whose.altered, preset.setting),
       format('%s RESET %s', whose.altered, split_part(preset.setting, ' ', 1))
FROM (
    SELECT 'role ' || r.rolname, format('ALTER ROLE %I', r.rolname) FROM ours AS r WHERE r.rolcanlogin
    UNION ALL SELECT 'every role', 'ALTER ROLE ALL') AS whose (said, altered)
CROSS JOIN preset
UNION ALL
-- Goes with the database.
SELECT format('every role in the database begins with %s', preset.setting),
       format('DO $$BEGIN EXECUTE format(''ALTER DATABASE %%I SET %s'', current_database()); END$$', replace(preset.setting, '''', '''''')),
       ''
FROM preset
UNION ALL
SELECT 'role audit_migrator begins as audit_owner', 'ALTER ROLE audit_migrator SET role = audit_owner', 'ALTER ROLE audit_migrator RESET role'
UNION ALL
-- With these a role switches off foreign keys, sees what others send, or loads code.
SELECT format('role %s may %s %s', r.rolname, p.privilege, p.parameter),
       format('GRANT %s ON PARAMETER %s TO %I', p.privilege, p.parameter, r.rolname),
       format('REVOKE %s ON PARAMETER %s FROM %I', p.privilege, p.parameter, r.rolname)
FROM ours AS r
CROSS JOIN (VALUES
    ('SET', 'session_replication_role'), ('SET', 'log_statement'), ('SET', 'session_preload_libraries'),
    ('ALTER SYSTEM', 'log_statement')) AS p (privilege, parameter)
ORDER BY 1
