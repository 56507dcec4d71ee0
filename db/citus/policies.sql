-- The bare form of the policies: Citus refuses a sub-select in a policy of a table that is distributed. The call is made for each row then,
-- instead of once a statement. Nothing else differs; a policy with a sub-select of another kind is refused below.
--
-- Where one has a sub-select, the page of db/policies was applied anew, on the coordinator alone. All policies are made again then, which Citus hands
-- on to every shard: one that is new, or was changed, has to be there too.
DO $$
DECLARE
    c_table  CONSTANT regclass := 'audit.audit_logs';
    c_select CONSTANT text     := '\( SELECT (.*?) AS \w+\)';
    v_policy record;
BEGIN
    FOR v_policy IN
        SELECT quote_ident(p.polname) AS name,
               concat(CASE WHEN p.polpermissive THEN ' AS PERMISSIVE' ELSE ' AS RESTRICTIVE' END,
                   ' FOR ' || CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE' ELSE 'ALL' END,
                   ' TO ' || (SELECT string_agg(coalesce(quote_ident(r.rolname), 'PUBLIC'), ', ')
                              FROM unnest(p.polroles) AS given (role) LEFT JOIN pg_roles AS r ON r.oid = given.role)) AS scope,
               regexp_replace(pg_get_expr(p.polqual, p.polrelid), c_select, '(\1)', 'g') AS qual,
               regexp_replace(pg_get_expr(p.polwithcheck, p.polrelid), c_select, '(\1)', 'g') AS with_check,
               obj_description(p.oid, 'pg_policy') AS description
        FROM pg_policy AS p
        WHERE p.polrelid = c_table AND EXISTS (
            SELECT FROM pg_policy AS o
            WHERE o.polrelid = c_table AND concat(pg_get_expr(o.polqual, o.polrelid), pg_get_expr(o.polwithcheck, o.polrelid)) ~ 'SELECT')
        ORDER BY p.polname
    LOOP
        EXECUTE format('DROP POLICY IF EXISTS %s ON %s', v_policy.name, c_table);   -- a shard may not have it yet
        EXECUTE concat('CREATE POLICY ', v_policy.name, ' ON ', c_table, v_policy.scope,
            ' USING (' || v_policy.qual || ')', ' WITH CHECK (' || v_policy.with_check || ')');
        EXECUTE format('COMMENT ON POLICY %s ON %s IS %L', v_policy.name, c_table, v_policy.description);
    END LOOP;
END
$$;
