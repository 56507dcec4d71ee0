-- Row-level security is as strong as the server that enforces it: says when this one lacks a known fix.

CREATE OR REPLACE FUNCTION audit.outdated_server()
RETURNS text
LANGUAGE plpgsql STABLE SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_version int := current_setting('server_version_num')::int;
    -- The minor releases of the same day: the first that keep an SQL user from running code as the server's user.
    v_lowest  int := CASE v_version / 10000 WHEN 15 THEN 150019 WHEN 16 THEN 160015 WHEN 17 THEN 170011 ELSE 180005 END;
BEGIN
    IF v_version >= v_lowest THEN
        RETURN NULL;
    END IF;
    RETURN format('PostgreSQL %s lacks security fixes (CVE-2026-16239 among them): update to %s.%s or later',
                  current_setting('server_version'), v_lowest / 10000, v_lowest % 10000);
END
$$;

COMMENT ON FUNCTION audit.outdated_server IS
    'NULL, or a warning that this server is older than the lowest minor release that isolation can rest on.';
REVOKE ALL ON FUNCTION audit.outdated_server FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.outdated_server TO audit_trusted, audit_keyed;
