-- Proves: audit.uuid_v7() makes UUIDs of version 7: of that version and variant, ordered by time within the millisecond,
-- close to the clock, unguessable, and never the same twice.

BEGIN;
SELECT plan(12);

CREATE TEMPORARY TABLE sample (
    n       int GENERATED ALWAYS AS IDENTITY,
    id      uuid,
    before  timestamptz,
    after   timestamptz);
GRANT INSERT (id, before, after) ON sample TO audit_app;

-- Five thousand, in the order in which they were made, and between which readings of the clock.
SET LOCAL SESSION AUTHORIZATION audit_app;
DO $$
DECLARE
    v_before timestamptz;
    v_id     uuid;
BEGIN
    FOR i IN 1..5000 LOOP
        v_before := clock_timestamp();
        v_id := audit.uuid_v7();
        INSERT INTO sample (id, before, after) VALUES (v_id, v_before, clock_timestamp());
    END LOOP;
END
$$;
RESET SESSION AUTHORIZATION;

-- RFC 9562: 48 bits of milliseconds, 4 of version, 12 here of the fraction, 2 of variant, 62 random.
CREATE TEMPORARY VIEW parts AS
    SELECT n, id, before, after, bits,
           substring(bits FROM 49 FOR 4) AS version,
           substring(bits FROM 65 FOR 2) AS variant,
           substring(bits FROM 53 FOR 12)::int AS fraction,
           substring(bits FROM 1 FOR 48)::bigint + substring(bits FROM 53 FOR 12)::int / 4096.0 AS milliseconds,
           substring(bits FROM 67 FOR 62) AS random
    FROM (SELECT *, ('x' || replace(id::text, '-', ''))::bit(128) AS bits FROM sample) AS s;

SELECT is((SELECT count(*) FROM sample), 5000::bigint, 'the service may make as many as it likes');
SELECT is((SELECT count(DISTINCT id) FROM sample), 5000::bigint, 'all of them differ');
SELECT is((SELECT count(DISTINCT random) FROM parts), 5000::bigint, 'even without their time');
SELECT is((SELECT count(*) FROM parts WHERE version <> B'0111'), 0::bigint, 'the version is 7');
SELECT is((SELECT count(*) FROM parts WHERE variant <> B'10'), 0::bigint, 'the variant is that of the RFC');
SELECT is(
    (SELECT count(*) FROM parts
     WHERE milliseconds NOT BETWEEN extract(epoch FROM before) * 1000 - 0.001 AND extract(epoch FROM after) * 1000),
    0::bigint, 'the time is the clock''s, to the microsecond');
SELECT cmp_ok((SELECT count(DISTINCT fraction) FROM parts), '>', 100::bigint, 'the fraction of the millisecond is used');
SELECT is(
    (SELECT count(*) FROM (SELECT milliseconds, lag(milliseconds) OVER (ORDER BY n) AS earlier FROM parts) AS p
     WHERE milliseconds < earlier),
    0::bigint, 'a later one never has an earlier time');
-- As the B-tree compares them; those of one microsecond may stand in either order.
SELECT is(
    (SELECT count(*) FROM (SELECT id, milliseconds, lag(id) OVER w AS earlier_id, lag(milliseconds) OVER w AS earlier
                           FROM parts WINDOW w AS (ORDER BY n)) AS p
     WHERE milliseconds > earlier AND id < earlier_id),
    0::bigint, 'and the key''s order is the order of time');

-- Every one of the 62 random bits is about as often set as not: five standard deviations of a fair coin.
SELECT is_empty(
    $$SELECT bit, avg(get_bit(random, bit)) FROM parts CROSS JOIN generate_series(0, 61) AS bit
      GROUP BY bit HAVING abs(avg(get_bit(random, bit)) - 0.5) > 0.036$$,
    'all 62 remaining bits are random');

-- In one transaction now() stands still; two records of it must not share their time.
SELECT cmp_ok((SELECT count(DISTINCT milliseconds) FROM parts), '>', 100::bigint, 'time passes within a transaction');
SELECT function_returns('audit', 'uuid_v7', ARRAY[]::name[], 'uuid', 'it is of type uuid');

SELECT * FROM finish();
ROLLBACK;
