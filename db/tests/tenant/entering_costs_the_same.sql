-- Proves: entering a tenant costs the same however often it was done while an old snapshot was open, which keeps every version
-- of a row: it looks at no row but the one it has just written, and leaves none.

BEGIN;
SELECT plan(4);

SELECT audit.create_tenant('tap-a') \gset
SELECT audit.issue_api_key('tap-a', 'tap') AS key \gset
CREATE FUNCTION pg_temp.blocks_of(p_entries int, p_key text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    v_before bigint := pg_stat_get_xact_blocks_fetched('audit.tenant_entries'::regclass);
BEGIN
    FOR i IN 1..p_entries LOOP
        PERFORM audit.enter_tenant(p_key);
    END LOOP;
    RETURN pg_stat_get_xact_blocks_fetched('audit.tenant_entries'::regclass) - v_before;
END $$;

-- No version that this transaction leaves can be removed while it goes on.
SELECT is(pg_temp.blocks_of(2000, :'key') IS NULL, false, 'a tenant is entered two thousand times');
SELECT cmp_ok(pg_relation_size('audit.tenant_entries'), '>', 65536::bigint, 'and every version is still there');
SELECT cmp_ok(pg_temp.blocks_of(10, :'key'), '<=', 60::bigint, 'once more takes a few blocks');
SELECT is((SELECT count(*) FROM audit.tenant_entries), 0::bigint, 'no row is left');

SELECT * FROM finish();
ROLLBACK;
