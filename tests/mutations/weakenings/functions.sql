-- Every function run as somebody else, without its search_path, promised to the planner as what it is not, given away; and
-- functions added that should not be. Answers one row a weakening: its name, and the SQL that applies it.

WITH ours AS (
    SELECT p.*, p.oid::regprocedure AS said, format('function %s.%s', p.pronamespace::regnamespace, p.proname) AS name
    FROM pg_proc AS p
    WHERE p.pronamespace IN ('audit'::regnamespace, 'pgmigrate'::regnamespace)
)
SELECT format('%s %s', f.name, w.how), format('ALTER FUNCTION %s %s', f.said, w.weakening)
FROM ours AS f
CROSS JOIN LATERAL (VALUES
    (NOT f.prosecdef,        'runs as its owner',                'SECURITY DEFINER'),
    (f.prosecdef,            'runs as its caller',               'SECURITY INVOKER'),
    (true,                   'has no search_path',               'RESET search_path'),
    (cardinality(f.proconfig) > 1, 'has no settings',                  'RESET ALL'),
    (true,                   'searches public first',            'SET search_path = public, pg_catalog'),
    (true,                   'searches temporary objects first', 'SET search_path = pg_catalog'),
    (true,                   'ignores the policies',             'SET row_security = off'),
    (true,                   'sets a tenant',                    'SET app.tenant_id = ''acme'''),
    (f.provolatile <> 'i',   'is IMMUTABLE',                     'IMMUTABLE'),
    (NOT f.proleakproof,     'is LEAKPROOF',                     'LEAKPROOF'),
    (f.proparallel <> 's',   'runs in parallel workers',         'PARALLEL SAFE'),
    (f.proparallel <> 'r',   'runs in the leader of workers',    'PARALLEL RESTRICTED'),
    (f.proparallel <> 'u',   'runs in no parallel plan',         'PARALLEL UNSAFE'),
    (f.pronargs > 0 AND NOT f.proisstrict, 'is skipped for NULL', 'STRICT'),
    (true,                   'belongs to the service',           'OWNER TO audit_app'),
    (true,                   'belongs to a superuser',           'OWNER TO postgres')) AS w (possible, how, weakening)
WHERE w.possible
UNION ALL
-- Each setting that it pins, taken away.
SELECT format('%s does not pin %s', f.name, split_part(pin, '=', 1)), format('ALTER FUNCTION %s RESET %s', f.said, split_part(pin, '=', 1))
FROM ours AS f
CROSS JOIN LATERAL unnest(f.proconfig) AS pin
WHERE split_part(pin, '=', 1) IN ('debug_print_parse', 'debug_print_rewritten', 'debug_print_plan', 'plpgsql.print_strict_params',
                                  'quote_all_identifiers', 'plan_cache_mode', 'enable_sort', 'enable_incremental_sort', 'enable_seqscan',
                                  'enable_bitmapscan', 'max_parallel_workers_per_gather', 'jit')
UNION ALL
SELECT format('%s has its plans printed', f.name), format('ALTER FUNCTION %s SET debug_print_plan = on', f.said)
FROM ours AS f
UNION ALL
SELECT format('%s has an overload', f.name),
       format('SET ROLE audit_owner; CREATE FUNCTION %s.%I(circle) RETURNS bool LANGUAGE sql SECURITY DEFINER
               SET search_path = pg_catalog, pg_temp AS ''SELECT true''; GRANT EXECUTE ON FUNCTION %1$s.%2$I(circle) TO audit_keyed',
              f.pronamespace::regnamespace, f.proname)
FROM ours AS f
UNION ALL
SELECT format('function added in %s %s', w.place, w.how),
       format('%s; CREATE FUNCTION %s.weakening() RETURNS SETOF audit.audit_logs LANGUAGE sql STABLE %s AS ''TABLE audit.audit_logs''; %s',
              w.maker, w.place, w.attributes, w.finally)
FROM (VALUES
    ('audit',  'that runs as its owner',       'SET ROLE audit_owner', 'SECURITY DEFINER SET search_path = pg_catalog, pg_temp', ''),
    ('audit',  'that runs as a superuser',     'RESET ROLE',           'SECURITY DEFINER SET search_path = pg_catalog, pg_temp', ''),
    ('audit',  'without a search_path',        'SET ROLE audit_owner', '',                                                       ''),
    ('audit',  'for PUBLIC',                   'SET ROLE audit_owner', 'SET search_path = pg_catalog, pg_temp', 'GRANT EXECUTE ON FUNCTION audit.weakening() TO PUBLIC'),
    ('audit',  'for the service',              'SET ROLE audit_owner', 'SET search_path = pg_catalog, pg_temp', 'GRANT EXECUTE ON FUNCTION audit.weakening() TO audit_keyed'),
    ('public', 'that runs as a superuser',     'RESET ROLE',           'SECURITY DEFINER SET search_path = pg_catalog, pg_temp', ''),
    ('public', 'that runs as its owner',       'GRANT CREATE ON SCHEMA public TO audit_owner; SET ROLE audit_owner', 'SECURITY DEFINER SET search_path = pg_catalog, pg_temp',
               'GRANT EXECUTE ON FUNCTION public.weakening() TO audit_keyed; RESET ROLE; REVOKE CREATE ON SCHEMA public FROM audit_owner')) AS w (place, how, maker, attributes, finally)
UNION ALL
SELECT format('extension %s added', name), format('CREATE EXTENSION %I SCHEMA public', name)
FROM unnest(ARRAY['dblink', 'file_fdw', 'postgres_fdw']) AS extension (name)
UNION ALL
-- With it anybody who may create a function leaves the server's confines.
SELECT 'language c trusted', 'UPDATE pg_language SET lanpltrusted = true WHERE lanname = ''c'''
ORDER BY 1
