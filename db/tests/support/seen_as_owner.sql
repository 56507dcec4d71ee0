-- pg_temp.seen(): which records of tap-a the owner is shown by its policies once this key has entered, with settings that are made before the
-- statement (p_sets), by it (p_within) or for each row (p_each); pg_temp.plan() and pg_temp.asked(): how it reads, and how many of the policies' sub-selects it runs.

CREATE FUNCTION pg_temp.set(p_pair text) RETURNS boolean LANGUAGE sql AS $$
    SELECT set_config(split_part(p_pair, '=', 1), substr(p_pair, strpos(p_pair, '=') + 1), true) IS NOT NULL
$$;
CREATE FUNCTION pg_temp.seen(p_key text, p_scope text DEFAULT 'read', p_sets text DEFAULT NULL, p_within text DEFAULT NULL, p_each text DEFAULT NULL)
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    v_ids uuid[];
BEGIN
    PERFORM audit.enter_tenant(p_key), set_config('app.scope', p_scope, true), set_config('role', 'audit_owner', true);
    IF p_sets IS NOT NULL THEN
        PERFORM pg_temp.set(p_sets);
    END IF;
    IF p_within IS NOT NULL THEN
        WITH named AS MATERIALIZED (SELECT pg_temp.set(p_within) AS is_set)
        SELECT array_agg(l.id) INTO v_ids FROM named CROSS JOIN LATERAL (SELECT id FROM audit.audit_logs WHERE named.is_set OFFSET 0) AS l;
    ELSE
        SELECT array_agg(l.id) INTO v_ids FROM audit.audit_logs AS l WHERE p_each IS NULL OR pg_temp.set(p_each || left(l.agent_id, 0));
    END IF;
    PERFORM set_config('role', 'none', true);
    RETURN pg_temp.of_a(v_ids);
END
$$;
CREATE FUNCTION pg_temp.plan(p_key text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    v_line text;
    v_plan text := '';
BEGIN
    PERFORM audit.enter_tenant(p_key), set_config('app.scope', 'read', true), set_config('role', 'audit_owner', true);
    FOR v_line IN EXECUTE 'EXPLAIN (ANALYZE, COSTS off, TIMING off, SUMMARY off) SELECT id FROM audit.audit_logs' LOOP
        v_plan := v_plan || v_line || E'\n';
    END LOOP;
    PERFORM set_config('role', 'none', true);
    RETURN v_plan;
END
$$;
CREATE FUNCTION pg_temp.asked(p_key text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    v_plan text := pg_temp.plan(p_key);
BEGIN
    RETURN format('%s of %s', regexp_count(v_plan, 'Result +\(actual rows=1(\.00)? loops=1\)'), regexp_count(v_plan, 'InitPlan \d+( \(returns \$\d+\))?\n'));
END
$$;
