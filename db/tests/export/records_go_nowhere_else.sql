-- Proves: records are kept in schema audit and nowhere else: no copy of a table stands in another schema, and nothing is
-- published to a subscriber, whom no policy binds.

BEGIN;
SELECT plan(6);

PREPARE elsewhere AS
    SELECT format('%s.%s', c.relnamespace::regnamespace, c.relname) COLLATE "default" FROM pg_class AS c
    WHERE c.relkind IN ('r', 'p', 'm', 'f') AND c.relnamespace::regnamespace::text !~ '^(pg_|information_schema$|audit$|pgmigrate$)'
      AND NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
    ORDER BY 1;
SELECT is_empty('EXECUTE elsewhere', 'this database has no table but ours, and those of its extensions');
SELECT is_empty('SELECT pubname FROM pg_publication', 'nothing is published');
SELECT is_empty('SELECT subname FROM pg_subscription', 'nor fetched from elsewhere');
SELECT is_empty('SELECT slot_name FROM pg_replication_slots WHERE database = current_database()', 'nobody reads along');

CREATE TABLE public.tap_copied AS TABLE audit.audit_logs;
SELECT results_eq('EXECUTE elsewhere', ARRAY['public.tap_copied'], 'a copy that is made is noticed');
SET LOCAL client_min_messages = error;   -- that nobody could receive it here
CREATE PUBLICATION tap_published FOR TABLE audit.audit_logs;
SELECT results_eq('SELECT tablename FROM pg_publication_tables', ARRAY['audit_logs'::name], 'so is one that is sent away');

SELECT * FROM finish();
ROLLBACK;
