-- Proves: audit.outdated_server() is silent on a server with the known fixes and tells another which release it needs.

BEGIN;
SELECT plan(1);

SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT is(
    coalesce(audit.outdated_server(), 'nothing to say'),
    CASE WHEN current_setting('server_version_num')::int % 10000 >= fixed.minor THEN 'nothing to say'
         ELSE format('PostgreSQL %s lacks security fixes (CVE-2026-16239 among them): update to %s.%s or later',
                     current_setting('server_version'), fixed.major, fixed.minor) END,
    format('on release %s the service is told what is missing, if anything', fixed.major))
FROM (VALUES (15, 19), (16, 15), (17, 11), (18, 5)) AS fixed (major, minor)
WHERE current_setting('server_version_num')::int / 10000 = fixed.major;

SELECT * FROM finish();
ROLLBACK;
