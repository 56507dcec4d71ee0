-- What no pattern finds in what the isolation report is made of: the granted privileges, and the version of the server, each made to say less.
-- A phrase that is no longer in its function changes nothing, and that is an error of the suite: keep the two together.
-- Answers one row a weakening: its name, and the SQL that applies it.

WITH rewritten (function, how, phrase, instead) AS (
    VALUES
        ('granted_privileges', 'leaves out schemas', 'n.nspname = ''audit''', 'false'),
        ('granted_privileges', 'leaves out tables', 'c.relkind IN (''r'', ''p'', ''v'', ''m'', ''f'', ''S'')', 'false'),
        ('granted_privileges', 'leaves out sequences', ', ''S'')', ')'),
        ('granted_privileges', 'leaves out columns', 'a.attacl IS NOT NULL', 'false'),
        ('granted_privileges', 'leaves out functions', 'p.pronamespace = ''audit''::regnamespace', 'false'),
        ('granted_privileges', 'leaves out functions as they were made', 'coalesce(p.proacl, acldefault(''f'', p.proowner))', 'p.proacl'),
        ('granted_privileges', 'leaves out PUBLIC', 'a.grantee <> l.owner', 'a.grantee NOT IN (0, l.owner)'),
        ('granted_privileges', 'does not say what may be passed on', 'WHEN a.is_grantable THEN', 'WHEN false THEN'),
        ('outdated_server', 'finds every server new enough', 'v_version >= v_lowest', 'true')
),
source AS (
    SELECT p.proname, pg_get_functiondef(p.oid) AS body FROM pg_proc AS p WHERE p.pronamespace = 'audit'::regnamespace
)
SELECT format('function audit.%s %s', r.function, r.how), replace(s.body, r.phrase, r.instead)
FROM rewritten AS r
JOIN source AS s ON s.proname = r.function
ORDER BY 1
