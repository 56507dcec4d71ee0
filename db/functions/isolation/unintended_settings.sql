-- The settings that are stored with a role of ours, with the role that asks, or for every role of this database, and are none of
-- those that may be. For audit.isolation_report(). What may be stored stands here, on one page.

CREATE OR REPLACE FUNCTION audit.unintended_settings()
RETURNS SETOF text
LANGUAGE sql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $$
    WITH RECURSIVE intended (stored_with, name, value) AS (
        VALUES
            -- Bounds of a login of ours; roles.sql gives them to audit_app. A role may change its own settings, so they are
            -- compared to the letter: with statement_timeout=1ms nothing is served, with 0 one statement holds up the others.
            ('login',    'statement_timeout',                   '15s'),
            ('login',    'lock_timeout',                        '5s'),
            ('login',    'idle_in_transaction_session_timeout', '15s'),

            -- What a DBA may set for a whole database or cluster, to any value. None of it decides what is seen, what a COMMIT
            -- waits for, how long anything may take, or whether statements are logged with their parameters, which are keys.
            ('database', 'timezone',                            NULL),
            ('database', 'datestyle',                           NULL),
            ('database', 'intervalstyle',                       NULL),
            ('database', 'lc_messages',                         NULL),
            ('database', 'lc_monetary',                         NULL),
            ('database', 'lc_numeric',                          NULL),
            ('database', 'lc_time',                             NULL),
            ('database', 'default_text_search_config',          NULL),
            ('database', 'random_page_cost',                    NULL),
            ('database', 'effective_cache_size',                NULL),
            ('database', 'effective_io_concurrency',            NULL),
            ('database', 'work_mem',                            NULL),
            ('database', 'maintenance_work_mem',                NULL),
            ('database', 'jit',                                 NULL),
            ('database', 'log_connections',                     NULL),
            ('database', 'log_disconnections',                  NULL),
            ('database', 'log_lock_waits',                      NULL),
            ('database', 'log_temp_files',                      NULL)
    ),
    concerned (oid) AS (
        -- As in the report: the role that asks and all that it could become; and those of ours.
        SELECT r.oid FROM pg_roles AS r
        WHERE r.rolname IN (session_user, current_user,
                            'audit_owner', 'audit_migrator', 'audit_trusted', 'audit_keyed', 'audit_admin',
                            'audit_sealer', 'audit_signer', 'audit_keeper', 'audit_retention', 'audit_eraser', 'audit_app')
        UNION
        SELECT m.roleid FROM pg_auth_members AS m JOIN concerned AS c ON c.oid = m.member
    )
    SELECT format('%s, for %s in %s', stored.setting,
                  CASE s.setrole WHEN 0 THEN 'every role' ELSE s.setrole::regrole::text END,
                  coalesce((SELECT d.datname FROM pg_database AS d WHERE d.oid = s.setdatabase), 'every database'))
    FROM pg_db_role_setting AS s
    CROSS JOIN LATERAL unnest(s.setconfig) AS stored (setting)
    LEFT JOIN pg_roles AS login ON login.oid = s.setrole AND login.rolcanlogin
    WHERE (s.setrole = 0 OR s.setrole IN (SELECT c.oid FROM concerned AS c))
      AND s.setdatabase IN (0, (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database()))
      AND NOT EXISTS (
            SELECT FROM intended AS i
            WHERE i.stored_with = CASE WHEN s.setrole = 0 THEN 'database' WHEN login.oid IS NOT NULL THEN 'login' END
              AND i.name = lower(split_part(stored.setting, '=', 1))
              AND coalesce(i.name || '=' || i.value, stored.setting) = stored.setting)
    UNION ALL
    SELECT format('run: ALTER ROLE audit_app SET %s = %L', i.name, i.value)
    FROM intended AS i
    WHERE i.stored_with = 'login'
      AND NOT EXISTS (
            SELECT FROM pg_db_role_setting AS s
            WHERE s.setrole = 'audit_app'::regrole AND s.setdatabase = 0 AND i.name || '=' || i.value = ANY (s.setconfig))
$$;

COMMENT ON FUNCTION audit.unintended_settings IS
    'What is stored in pg_db_role_setting and should not be, and the bounds that audit_app lacks. Intended are: with a login of ours '
    'the three bounds of roles.sql, with these values alone; for every role, in this database or in all, settings of locale, planner '
    'costs, memory and of the log that name no statement. Anything else is a finding, log_statement and log_min_duration_statement '
    'among it, which log API keys: set those for other logins. What the configuration file sets is in no catalogue.';
REVOKE ALL ON FUNCTION audit.unintended_settings FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.unintended_settings TO audit_trusted, audit_keyed, audit_admin;
