-- A RESTRICTIVE policy arrives on shards as PERMISSIVE. One that is for ALL commands would permit UPDATE and DELETE there, which no policy of a single
-- server does. It becomes one for SELECT, under its own name, and one for INSERT; UPDATE and DELETE have a policy each that says false.
DO $$
DECLARE
    v_policy record;
BEGIN
    FOR v_policy IN
        SELECT p.polname AS name, replace(p.polname, '_stays_in_', '_appends_only_to_') AS name_of_appends,
               pg_get_expr(p.polqual, p.polrelid) AS qual, pg_get_expr(p.polwithcheck, p.polrelid) AS with_check,
               (SELECT string_agg(role.oid::regrole::text, ', ') FROM unnest(p.polroles) AS role (oid)) AS roles,
               obj_description(p.oid, 'pg_policy') AS comment
        FROM pg_policy AS p
        WHERE p.polrelid = 'audit.audit_logs'::regclass AND p.polcmd = '*' AND NOT p.polpermissive
    LOOP
        IF v_policy.name = v_policy.name_of_appends THEN
            RAISE EXCEPTION 'db/citus/restrictive_policies.sql does not fit policy %', v_policy.name USING ERRCODE = 'object_not_in_prerequisite_state';
        END IF;
        EXECUTE format('DROP POLICY %I ON audit.audit_logs', v_policy.name);
        EXECUTE format('DROP POLICY IF EXISTS %I ON audit.audit_logs', v_policy.name_of_appends);
        EXECUTE format('CREATE POLICY %I ON audit.audit_logs AS RESTRICTIVE FOR SELECT TO %s USING (%s)', v_policy.name, v_policy.roles, v_policy.qual);
        EXECUTE format('CREATE POLICY %I ON audit.audit_logs AS RESTRICTIVE FOR INSERT TO %s WITH CHECK (%s)',
                       v_policy.name_of_appends, v_policy.roles, v_policy.with_check);
        EXECUTE format('COMMENT ON POLICY %I ON audit.audit_logs IS %L', v_policy.name, v_policy.comment);
        EXECUTE format('COMMENT ON POLICY %I ON audit.audit_logs IS %L', v_policy.name_of_appends, v_policy.comment);
    END LOOP;
END
$$;
