-- Proves: a prune rests between its steps, twice as long as they took and a tenth of a second at most, for half a second in all, so that writers beside it find the server free.

BEGIN;
SELECT plan(11);
\ir ../support/kept.sql
SET LOCAL track_functions = 'pl';
SELECT audit.create_tenant('tap-a'), audit.set_retention('tap-a', 200, NULL) \gset
SELECT pg_temp.kept_many('tap-a', 1, 3000, 'LIVE', '2020-01-01 00:00:00+00'), pg_temp.seal() \gset
CREATE FUNCTION pg_temp.milliseconds_of_rest(p_since interval, p_until interval DEFAULT '1 minute') RETURNS float LANGUAGE plpgsql AS $$
DECLARE
    v_began timestamptz := clock_timestamp();
    v_ended timestamptz := audit.rest_after(v_began - p_since, v_began + p_until);
BEGIN
    RETURN 1000 * extract(epoch FROM clock_timestamp() - v_began);
END
$$;
SELECT cmp_ok(pg_temp.milliseconds_of_rest('30 ms'), '>=', 60::float, 'it rests twice as long as a step took');
SELECT ok(audit.rest_after(t - interval '5 ms', 'infinity') BETWEEN t + interval '10 ms' AND clock_timestamp(), 'and returns when that was over') FROM (SELECT clock_timestamp() AS t) AS c;
SELECT cmp_ok(pg_temp.milliseconds_of_rest('0.5 ms'), '<', 2::float, 'after a short one not at all');
SELECT is(audit.rest_after(t, 'infinity'), t, 'but adds the next one to it') FROM (SELECT clock_timestamp() AS t) AS c;
SELECT cmp_ok(pg_temp.milliseconds_of_rest('30 ms', '-1 ms'), '<', 30::float, 'nor when the time for rests is over');
SELECT cmp_ok(pg_temp.milliseconds_of_rest('1 hour'), '>=', 100::float, 'and a tenth of a second');
SELECT cmp_ok(pg_temp.milliseconds_of_rest('1 hour'), '<', 1000::float, 'at most');
SELECT cmp_ok(pg_temp.milliseconds_of_rest('-1 hour'), '<', 30::float, 'nor where the clock went backwards');

SELECT pg_stat_get_xact_function_calls('audit.rest_after'::regproc) AS calls, pg_stat_get_xact_function_total_time('audit.rest_after'::regproc) AS rest,
       coalesce(pg_stat_get_xact_function_total_time('audit.prune_batch'::regproc), 0) AS work \gset
SELECT is(pg_temp.as_retention('pruned FROM audit.prune_records(10000)'), '3000', 'three thousand records are pruned');
SELECT pg_stat_get_xact_function_calls('audit.rest_after'::regproc) - :calls AS calls, pg_stat_get_xact_function_total_time('audit.rest_after'::regproc) - :rest AS rest,
       pg_stat_get_xact_function_total_time('audit.prune_batch'::regproc) - :work AS work \gset
SELECT is(:calls, 26, 'in twelve lists, without a tile that folds, in twelve tiles and with their ids: it may rest after each');
SELECT ok(:rest BETWEEN 0.4 * :work AND 0.85 * :work, format('about twice as long as its steps took: %s of %s milliseconds', :rest, :work));

SELECT * FROM finish();
ROLLBACK;
