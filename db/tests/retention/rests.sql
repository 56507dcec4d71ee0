-- Proves: a prune rests after each of its steps, as long as the step took and a tenth of a second at most, so that writers beside it find the server free.

BEGIN;
SELECT plan(8);
\ir ../support/kept.sql
SET LOCAL track_functions = 'pl';
SELECT audit.create_tenant('tap-a'), audit.set_retention('tap-a', 200, NULL) \gset
SELECT pg_temp.kept_many('tap-a', 1, 600, 'LIVE', '2020-01-01 00:00:00+00'), pg_temp.seal() \gset
CREATE FUNCTION pg_temp.milliseconds_of_rest(p_since interval) RETURNS float LANGUAGE plpgsql AS $$
DECLARE
    v_began timestamptz := clock_timestamp();
    v_ended timestamptz := audit.rest_as_long(v_began - p_since);
BEGIN
    RETURN CASE WHEN v_ended <= clock_timestamp() THEN 1000 * extract(epoch FROM v_ended - v_began) END;
END
$$;
SELECT cmp_ok(pg_temp.milliseconds_of_rest('30 ms'), '>=', 30::float, 'it rests as long as a step took, and returns when that was over');
SELECT cmp_ok(pg_temp.milliseconds_of_rest('0 ms'), '<', 30::float, 'after none not at all');
SELECT cmp_ok(pg_temp.milliseconds_of_rest('1 hour'), '>=', 100::float, 'and a tenth of a second');
SELECT cmp_ok(pg_temp.milliseconds_of_rest('1 hour'), '<', 1000::float, 'at most');
SELECT cmp_ok(pg_temp.milliseconds_of_rest('-1 hour'), '<', 30::float, 'nor where the clock went backwards');

SELECT pg_stat_get_xact_function_calls('audit.rest_as_long'::regproc) AS calls, pg_stat_get_xact_function_total_time('audit.rest_as_long'::regproc) AS rest,
       coalesce(pg_stat_get_xact_function_total_time('audit.prune_batch'::regproc), 0) AS work \gset
SELECT is(pg_temp.as_retention('pruned FROM audit.prune_records(10000)'), '600', 'six hundred records are pruned');
SELECT pg_stat_get_xact_function_calls('audit.rest_as_long'::regproc) - :calls AS calls, pg_stat_get_xact_function_total_time('audit.rest_as_long'::regproc) - :rest AS rest,
       pg_stat_get_xact_function_total_time('audit.prune_batch'::regproc) - :work AS work \gset
SELECT is(:calls, 8, 'in three lists, without a tile that folds, in three tiles and with their ids: it rests after each');
SELECT ok(:rest BETWEEN 0.4 * :work AND 0.8 * :work, format('of each step, about as long as that took: %s of %s milliseconds', :rest, :work));

SELECT * FROM finish();
ROLLBACK;
