-- What roles.sql and database.sql would do here, one line each, for `make plan`. Reads the catalogue and nothing else.

WITH role (position, name) AS (
    VALUES (1, 'audit_owner'), (2, 'audit_migrator'), (3, 'audit_trusted'), (4, 'audit_keyed'), (5, 'audit_admin'),
           (6, 'audit_sealer'), (7, 'audit_signer'), (8, 'audit_keeper'), (9, 'audit_retention'), (10, 'audit_eraser'),
           (11, 'audit_app')
),
missing AS (
    SELECT * FROM role WHERE to_regrole(name) IS NULL
),
-- PostgreSQL 16 tells membership from the right to SET ROLE, as roles.sql does.
becoming (mode) AS (
    SELECT CASE WHEN current_setting('server_version_num')::int < 160000 THEN 'MEMBER' ELSE 'SET' END
),
step (position, text) AS (
    SELECT position, 'create role ' || name FROM missing
    UNION ALL
    SELECT 12, 'grant audit_keyed to audit_app' FROM missing WHERE name = 'audit_app'
    UNION ALL
    SELECT 13, 'grant audit_owner to audit_migrator'
    WHERE pg_has_role(to_regrole('audit_migrator'), to_regrole('audit_owner'), 'MEMBER') IS NOT TRUE
    UNION ALL
    SELECT 14, 'let audit_owner inherit nothing' FROM pg_roles WHERE rolname = 'audit_owner' AND rolinherit
    UNION ALL
    SELECT 15, 'grant audit_keeper to audit_owner'
    WHERE pg_has_role(to_regrole('audit_owner'), to_regrole('audit_keeper'), 'MEMBER') IS NOT TRUE
    UNION ALL
    SELECT 16, format('grant audit_owner to %I', current_user)
    FROM becoming
    WHERE NOT coalesce(pg_has_role(to_regrole('audit_owner'), mode), current_setting('is_superuser')::boolean)
    UNION ALL
    SELECT 17, 'create schema ' || name
    FROM (VALUES ('audit'), ('pgmigrate')) AS schema (name)
    WHERE to_regnamespace(name) IS NULL
    UNION ALL
    SELECT 18, format('revoke %s on database %I from PUBLIC', privilege, d.datname)
    FROM pg_database AS d
    CROSS JOIN (VALUES ('TEMPORARY'), ('CREATE')) AS unwanted (privilege)
    WHERE d.datname = current_database() AND pg_has_role(d.datdba, 'USAGE')
      AND has_database_privilege('public', d.oid, privilege)
)
SELECT text FROM step ORDER BY position, text;
