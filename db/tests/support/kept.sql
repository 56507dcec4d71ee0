-- tap_retention and tap_eraser: the logins that prune and that erase, as an operator makes them. pg_temp.kept(): a record of a tenant, by a number that its id is made
-- from, as an earlier transaction has written it; pg_temp.kept_many(): as many. pg_temp.as_retention(), pg_temp.as_eraser() and pg_temp.as_keeper(): what a call answers to
-- those logins, and to audit_keeper in a tenant that is entered; where it is refused, its SQLSTATE and message. No other tenant has terms meanwhile.

\ir tap.sql
CREATE ROLE tap_retention LOGIN IN ROLE audit_retention;
CREATE ROLE tap_eraser LOGIN IN ROLE audit_eraser;
SET LOCAL statement_timeout = '20s';   -- a weakened loop has no end
DELETE FROM audit.retention;
CREATE TEMPORARY SEQUENCE kept_xid START 4;
CREATE FUNCTION pg_temp.id_of(p_tenant_id text, p_number int) RETURNS uuid LANGUAGE sql AS $$ SELECT md5(p_tenant_id || p_number)::uuid $$;
CREATE FUNCTION pg_temp.kept(
    p_tenant_id text, p_number int, p_mode text, p_created_at timestamptz, p_user_id text DEFAULT NULL, p_context text DEFAULT NULL) RETURNS void
LANGUAGE sql AS $$
    INSERT INTO audit.audit_logs (id, trace_id, tenant_id, agent_id, mode, status, user_id, error, created_at, recorded_at, recorded_xid, context)
    VALUES (pg_temp.id_of(p_tenant_id, p_number), 'trace-' || p_number % 10, p_tenant_id, 'agent-' || p_number % 10, p_mode, 'error', p_user_id,
            'error of ' || p_number, p_created_at, p_created_at, nextval('kept_xid')::text::xid8, p_context::json)
$$;
CREATE FUNCTION pg_temp.kept_many(p_tenant_id text, p_first int, p_last int, p_mode text, p_created_at timestamptz) RETURNS void LANGUAGE sql AS $$
    INSERT INTO audit.audit_logs (id, tenant_id, agent_id, mode, created_at, recorded_at, recorded_xid)
    SELECT lpad(to_hex(n), 32, '0')::uuid, p_tenant_id, 'agent', p_mode, p_created_at + n * interval '1 second', p_created_at, xid.number::text::xid8
    FROM nextval('kept_xid') AS xid (number) CROSS JOIN generate_series(p_first, p_last) AS n
$$;
CREATE FUNCTION pg_temp.seal() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('app.sealed_horizon', '', false);   -- no transaction has ended meanwhile
    PERFORM audit.seal_records(10000);
END
$$;
CREATE FUNCTION pg_temp.as_login(p_login text, p_call text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    v_answer text;
BEGIN
    BEGIN
        PERFORM set_config('session_authorization', p_login, true);
        EXECUTE 'SELECT ' || p_call INTO v_answer;
    EXCEPTION WHEN OTHERS THEN
        v_answer := concat_ws(' ', SQLSTATE, SQLERRM);
    END;
    RESET SESSION AUTHORIZATION;
    RETURN coalesce(v_answer, 'NULL');
END
$$;
CREATE FUNCTION pg_temp.as_retention(p_call text) RETURNS text LANGUAGE sql AS $$ SELECT pg_temp.as_login('tap_retention', p_call) $$;
CREATE FUNCTION pg_temp.as_eraser(p_call text) RETURNS text LANGUAGE sql AS $$ SELECT pg_temp.as_login('tap_eraser', p_call) $$;
CREATE FUNCTION pg_temp.as_keeper(p_tenant_id text, p_call text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    v_answer text;
BEGIN
    BEGIN
        PERFORM set_config('role', 'audit_keeper', true);
        PERFORM audit.enter_tenant_to_keep(p_tenant_id);
        EXECUTE 'SELECT ' || p_call INTO v_answer;
    EXCEPTION WHEN OTHERS THEN
        v_answer := concat_ws(' ', SQLSTATE, SQLERRM);
    END;
    RESET ROLE;
    PERFORM audit.leave_tenant();
    RETURN coalesce(v_answer, 'NULL');
END
$$;
-- The numbers of a tenant's records that are there.
CREATE FUNCTION pg_temp.left_of(p_tenant_id text) RETURNS text LANGUAGE sql AS $$
    SELECT coalesce(string_agg(n::text, ' ' ORDER BY n), 'none') FROM generate_series(1, 3000) AS n
    JOIN audit.audit_logs AS l ON l.id = pg_temp.id_of(p_tenant_id, n) AND l.tenant_id = p_tenant_id
$$;
-- What is left of each leaf: its record, an erased one, a statement, or its hash alone.
CREATE FUNCTION pg_temp.leaves_of(p_tenant_id text, p_epoch int DEFAULT 1) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(CASE WHEN s.line IS NOT NULL THEN 'S' WHEN s.record_id IS NULL THEN '-' WHEN s.salt IS NULL THEN 'E' ELSE 'R' END, ''
                      ORDER BY s.leaf_index)
    FROM audit.seals AS s WHERE s.tenant_id = p_tenant_id AND s.epoch = p_epoch
$$;
CREATE FUNCTION pg_temp.settings() RETURNS text LANGUAGE sql AS $$
    SELECT concat(current_setting('app.tenant_id', true), current_setting('app.scopes', true), current_setting('app.proof', true),
                  current_setting('app.scope', true))
$$;
-- A zone whose summer time is now or p_days ago, but not both: there so many days of the calendar are an hour less, or more, than 24 hours each.
CREATE FUNCTION pg_temp.zone(p_days int, p_summer_is_now boolean) RETURNS text LANGUAGE sql AS $$
    SELECT set_config('timezone', format('TST0TDT,J%s/0,J%s/0', (d.day + 354) % 365 + 1, (d.day + 9) % 365 + 1), true)
    FROM (SELECT extract(doy FROM (now() - CASE WHEN p_summer_is_now THEN 0 ELSE p_days END * interval '24 hours') AT TIME ZONE 'UTC')::int AS day) AS d
$$;
