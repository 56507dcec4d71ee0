-- Proves: whoever reads the catalogue finds a word on everything: every table, column, constraint, index, policy and function
-- of the schemas, the schemas themselves, and every role.

BEGIN;
SELECT plan(10);

-- pgmigrate's own table of versions comes without comments; all else in both schemas is ours.
PREPARE uncommented_relations AS
    SELECT c.oid::regclass FROM pg_class AS c
    WHERE c.relnamespace IN ('audit'::regnamespace, 'pgmigrate'::regnamespace) AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
      AND c.relname <> 'schema_version' AND coalesce(obj_description(c.oid, 'pg_class'), '') = '';
SELECT is_empty('EXECUTE uncommented_relations', 'every table has a comment');
SELECT is_empty(
    $$SELECT c.oid::regclass, a.attname FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid
      WHERE c.relnamespace IN ('audit'::regnamespace, 'pgmigrate'::regnamespace) AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
        AND c.relname <> 'schema_version' AND a.attnum > 0 AND NOT a.attisdropped
        AND coalesce(col_description(c.oid, a.attnum), '') = ''$$, 'every column has a comment');
SELECT is_empty(
    $$SELECT t.oid::regtype, a.attname FROM pg_type AS t JOIN pg_class AS c ON c.oid = t.typrelid AND c.relkind = 'c'
      LEFT JOIN pg_attribute AS a ON a.attrelid = c.oid
      WHERE t.typnamespace IN ('audit'::regnamespace, 'pgmigrate'::regnamespace)
        AND (coalesce(obj_description(t.oid, 'pg_type'), '') = '' OR coalesce(col_description(c.oid, a.attnum), '') = '')$$,
    'every composite type has a comment, and so has every field');
-- PostgreSQL 18 counts NOT NULL among the constraints; it says what it is.
SELECT is_empty(
    $$SELECT c.conname FROM pg_constraint AS c
      WHERE c.connamespace = 'audit'::regnamespace AND c.contype <> 'n'
        AND coalesce(obj_description(c.oid, 'pg_constraint'), '') = ''$$, 'every constraint has a comment');
-- The index of a constraint is described with the constraint.
SELECT is_empty(
    $$SELECT i.indexrelid::regclass FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid
      WHERE c.relnamespace = 'audit'::regnamespace
        AND NOT EXISTS (SELECT FROM pg_constraint AS k WHERE k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x'))
        AND coalesce(obj_description(i.indexrelid, 'pg_class'), '') = ''$$, 'every index has a comment');
SELECT is_empty(
    $$SELECT p.oid::regprocedure FROM pg_proc AS p
      WHERE p.pronamespace IN ('audit'::regnamespace, 'pgmigrate'::regnamespace)
        AND coalesce(obj_description(p.oid, 'pg_proc'), '') = ''$$, 'every function has a comment');
SELECT is_empty(
    $$SELECT p.polrelid::regclass, p.polname FROM pg_policy AS p JOIN pg_class AS c ON c.oid = p.polrelid
      WHERE c.relnamespace = 'audit'::regnamespace AND coalesce(obj_description(p.oid, 'pg_policy'), '') = ''$$,
    'every policy has a comment');
SELECT is_empty(
    $$SELECT n.nspname FROM pg_namespace AS n
      WHERE n.nspname IN ('audit', 'pgmigrate') AND coalesce(obj_description(n.oid, 'pg_namespace'), '') NOT LIKE 'Ringfence: %'$$,
    'both schemas have a comment that says whose they are');
SELECT is_empty(
    $$SELECT r.rolname FROM pg_roles AS r
      WHERE r.rolname LIKE 'audit\_%' AND coalesce(shobj_description(r.oid, 'pg_authid'), '') NOT LIKE 'Ringfence%'$$,
    'every role has a comment that says whose it is');

CREATE TABLE audit.uncommented (id int);
SELECT results_eq('EXECUTE uncommented_relations', ARRAY['audit.uncommented'::regclass], 'a table without one is noticed');

SELECT * FROM finish();
ROLLBACK;
