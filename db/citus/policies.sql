-- The bare form of the policies: Citus refuses a sub-select in a policy of a table that is distributed. The call is made for each row then,
-- instead of once a statement. Nothing else differs; a policy with a sub-select of another kind is refused below.
DO $$
DECLARE
    c_table  CONSTANT regclass := 'audit.audit_logs';
    c_select CONSTANT text     := '\( SELECT (.*?) AS \w+\)';
    v_policy record;
BEGIN
    FOR v_policy IN
        SELECT quote_ident(p.polname) AS name, pg_get_expr(p.polqual, p.polrelid) AS qual, pg_get_expr(p.polwithcheck, p.polrelid) AS with_check
        FROM pg_policy AS p
        WHERE p.polrelid = c_table AND concat(pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid)) ~ 'SELECT'
    LOOP
        EXECUTE concat('ALTER POLICY ', v_policy.name, ' ON ', c_table,
            ' USING (' || regexp_replace(v_policy.qual, c_select, '(\1)', 'g') || ')',
            ' WITH CHECK (' || regexp_replace(v_policy.with_check, c_select, '(\1)', 'g') || ')');
    END LOOP;
END
$$;
