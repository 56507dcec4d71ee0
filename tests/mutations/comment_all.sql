-- Gives a comment to everything that has none, as a careful author would: it is the weakening that the tests should notice,
-- not that it came without a word.

DO $$
DECLARE
    v_object text;
BEGIN
    FOR v_object IN
        SELECT format('%s %s', CASE c.relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'f' THEN 'FOREIGN TABLE'
                                   WHEN 'i' THEN 'INDEX' ELSE 'TABLE' END, c.oid::regclass)
        FROM pg_class AS c
        WHERE c.relnamespace = 'audit'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'i')
          AND obj_description(c.oid, 'pg_class') IS NULL
        UNION ALL
        SELECT format('COLUMN %s.%I', a.attrelid::regclass, a.attname)
        FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid
        WHERE c.relnamespace = 'audit'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND a.attnum > 0
          AND NOT a.attisdropped AND col_description(a.attrelid, a.attnum) IS NULL
        UNION ALL
        SELECT format('CONSTRAINT %I ON %s', k.conname, k.conrelid::regclass)
        FROM pg_constraint AS k
        WHERE k.connamespace = 'audit'::regnamespace AND k.contype <> 'n' AND obj_description(k.oid, 'pg_constraint') IS NULL
        UNION ALL
        SELECT format('POLICY %I ON %s', p.polname, p.polrelid::regclass)
        FROM pg_policy AS p
        WHERE obj_description(p.oid, 'pg_policy') IS NULL
        UNION ALL
        SELECT format('FUNCTION %s', p.oid::regprocedure)
        FROM pg_proc AS p
        WHERE p.pronamespace IN ('audit'::regnamespace, 'pgmigrate'::regnamespace) AND obj_description(p.oid, 'pg_proc') IS NULL
    LOOP
        EXECUTE format('COMMENT ON %s IS %L', v_object, 'Serves the report. SECURITY DEFINER: it needs to.');
    END LOOP;
END
$$;
