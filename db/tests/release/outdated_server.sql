-- Proves: audit.outdated_server() is silent on a server with the known fixes and tells another which release it needs.

BEGIN;
SELECT plan(9);

SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT is(
    coalesce(audit.outdated_server(), 'nothing to say'),
    CASE WHEN current_setting('server_version_num')::int % 10000 >= fixed.minor THEN 'nothing to say'
         ELSE format('PostgreSQL %s lacks security fixes (CVE-2026-16239 among them): update to %s.%s or later',
                     current_setting('server_version'), fixed.major, fixed.minor) END,
    format('on release %s the service is told what is missing, if anything', fixed.major))
FROM (VALUES (15, 19), (16, 15), (17, 11), (18, 5)) AS fixed (major, minor)
WHERE current_setting('server_version_num')::int / 10000 = fixed.major;

-- The same function as it would be on other releases, this server being of one alone.
RESET SESSION AUTHORIZATION;
CREATE FUNCTION pg_temp.said_by(p_version int) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE replace(replace(pg_get_functiondef('audit.outdated_server()'::regprocedure), 'audit.outdated_server', 'pg_temp.elsewhere'),
                    'current_setting(''server_version_num'')', quote_literal(p_version));
    RETURN regexp_replace(pg_temp.elsewhere(), '.*: ', '');
END
$$;
SELECT is(pg_temp.said_by(version), said, 'on ' || version) FROM (VALUES
    (150018, 'update to 15.19 or later'), (150019, NULL), (160014, 'update to 16.15 or later'), (160015, NULL),
    (170010, 'update to 17.11 or later'), (170011, NULL), (180004, 'update to 18.5 or later'), (180005, NULL)) AS r (version, said);

SELECT * FROM finish();
ROLLBACK;
