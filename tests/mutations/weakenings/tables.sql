-- Every table unprotected, given away, or stripped of a rule; and every way around it made: copies, children, parents,
-- partitions, views, triggers, rules. Answers one row a weakening: its name, and the SQL that applies it.
-- What is added is added as audit_owner, as a careless migration would.

WITH protected AS (
    SELECT c.oid, c.oid::regclass AS said, c.relpersistence, c.relhastriggers
    FROM pg_class AS c
    WHERE c.relnamespace = 'audit'::regnamespace AND c.relkind IN ('r', 'p')
)
SELECT format('table %s: %s', t.said, w.how), format(w.weakening, t.said)
FROM protected AS t
CROSS JOIN (VALUES
    ('row-level security disabled',       'ALTER TABLE %s DISABLE ROW LEVEL SECURITY'),
    ('row-level security not forced',     'ALTER TABLE %s NO FORCE ROW LEVEL SECURITY'),
    ('neither enabled nor forced',        'ALTER TABLE %s DISABLE ROW LEVEL SECURITY; ALTER TABLE %1$s NO FORCE ROW LEVEL SECURITY'),
    ('belongs to the service',            'ALTER TABLE %s OWNER TO audit_app'),
    ('belongs to the migrator',           'ALTER TABLE %s OWNER TO audit_migrator'),
    ('moved to another schema',           'ALTER TABLE %s SET SCHEMA public'),
    ('foreign keys switched off',         'ALTER TABLE %s DISABLE TRIGGER ALL'),
    ('a trigger added',                   'CREATE TRIGGER weakening BEFORE INSERT OR UPDATE ON %s FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()'),
    ('a rule that loses what is written', 'CREATE RULE weakening AS ON INSERT TO %s DO INSTEAD NOTHING'),
    ('a copy added, without policies',    'SET ROLE audit_owner; CREATE TABLE audit.weakening (LIKE %s INCLUDING ALL)'),
    ('a copy added, not forced',          'SET ROLE audit_owner; CREATE TABLE audit.weakening (LIKE %s INCLUDING ALL); ALTER TABLE audit.weakening ENABLE ROW LEVEL SECURITY'),
    ('a copy added, not enabled',         'SET ROLE audit_owner; CREATE TABLE audit.weakening (LIKE %s INCLUDING ALL); ALTER TABLE audit.weakening FORCE ROW LEVEL SECURITY'),
    ('a copy with its rows added',        'CREATE TABLE public.weakening AS TABLE %s; GRANT SELECT ON public.weakening TO PUBLIC'),
    ('a child added',                     'SET ROLE audit_owner; CREATE TABLE audit.weakening () INHERITS (%s)'),
    ('a child added elsewhere',           'CREATE TABLE public.weakening () INHERITS (%s)'),
    ('a parent added',                    'SET ROLE audit_owner; CREATE TABLE audit.weakening (); ALTER TABLE %s INHERIT audit.weakening'),
    ('a parent added elsewhere',          'CREATE TABLE public.weakening (); GRANT SELECT ON public.weakening TO PUBLIC; ALTER TABLE %s INHERIT public.weakening'),
    ('a view added',                      'SET ROLE audit_owner; CREATE VIEW audit.weakening AS TABLE %s'),
    ('a view with a barrier added',       'SET ROLE audit_owner; CREATE VIEW audit.weakening WITH (security_barrier) AS TABLE %s'),
    ('a view added elsewhere',            'CREATE VIEW public.weakening AS TABLE %s; GRANT SELECT ON public.weakening TO PUBLIC'),
    ('a materialized view added',         'SET ROLE audit_owner; CREATE MATERIALIZED VIEW audit.weakening AS TABLE %s'),
    ('a materialized view elsewhere',     'CREATE MATERIALIZED VIEW public.weakening AS TABLE %s; GRANT SELECT ON public.weakening TO PUBLIC'),
    ('a reading function added elsewhere', 'CREATE FUNCTION public.weakening() RETURNS SETOF %s LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS ''TABLE %1$s'''),
    ('its rows published',                'CREATE PUBLICATION weakening FOR TABLE %s')
    ) AS w (how, weakening)
WHERE (t.relhastriggers OR w.how <> 'foreign keys switched off') AND (t.relpersistence = 'p' OR w.how <> 'its rows published')
UNION ALL
-- Room of its own for each partition: none has the policies of the table it is a part of.
SELECT format('partitioned table added, %s', w.how),
       'SET ROLE audit_owner;
        CREATE TABLE audit.weakening (LIKE audit.audit_logs INCLUDING CONSTRAINTS) PARTITION BY LIST (tenant_id);
        ALTER TABLE audit.weakening ENABLE ROW LEVEL SECURITY; ALTER TABLE audit.weakening FORCE ROW LEVEL SECURITY;' || w.weakening
FROM (VALUES
    ('its partition unprotected',   'CREATE TABLE audit.weakening_of_acme PARTITION OF audit.weakening DEFAULT'),
    ('its partition not forced',    'CREATE TABLE audit.weakening_of_acme PARTITION OF audit.weakening DEFAULT; ALTER TABLE audit.weakening_of_acme ENABLE ROW LEVEL SECURITY'),
    ('its partition elsewhere',     'RESET ROLE; CREATE TABLE public.weakening_of_acme PARTITION OF audit.weakening DEFAULT')) AS w (how, weakening)
UNION ALL
SELECT 'foreign table added',
       'CREATE FOREIGN DATA WRAPPER weakening; CREATE SERVER weakening FOREIGN DATA WRAPPER weakening;
        GRANT USAGE ON FOREIGN SERVER weakening TO audit_owner; SET ROLE audit_owner;
        CREATE FOREIGN TABLE audit.weakening (tenant_id text) SERVER weakening'
UNION ALL
SELECT 'everything published', 'CREATE PUBLICATION weakening FOR ALL TABLES'
UNION ALL
SELECT format('table %s may be lost in a crash', t.said), format('ALTER TABLE %s SET UNLOGGED', t.said)
FROM protected AS t
WHERE t.relpersistence = 'p'
  AND NOT EXISTS (SELECT FROM pg_constraint AS k WHERE k.confrelid = t.oid)
UNION ALL
SELECT format('constraint %s of %s dropped', k.conname, t.said), format('ALTER TABLE %s DROP CONSTRAINT %I CASCADE', t.said, k.conname)
FROM pg_constraint AS k JOIN protected AS t ON t.oid = k.conrelid
WHERE k.contype <> 'n'
UNION ALL
SELECT format('constraint %s of %s checks nothing', k.conname, t.said),
       format('ALTER TABLE %s DROP CONSTRAINT %I, ADD CONSTRAINT %2$I CHECK (true)', t.said, k.conname)
FROM pg_constraint AS k JOIN protected AS t ON t.oid = k.conrelid
WHERE k.contype = 'c'
UNION ALL
SELECT format('constraint %s of %s not validated', k.conname, t.said),
       format('ALTER TABLE %s DROP CONSTRAINT %I, ADD CONSTRAINT %2$I %s NOT VALID', t.said, k.conname, pg_get_constraintdef(k.oid))
FROM pg_constraint AS k JOIN protected AS t ON t.oid = k.conrelid
WHERE k.contype IN ('c', 'f')
UNION ALL
SELECT format('index %s %s', i.indexrelid::regclass, w.how), format(w.weakening, i.indexrelid::regclass, replace(pg_get_indexdef(i.indexrelid), 'UNIQUE ', ''))
FROM pg_index AS i
JOIN protected AS t ON t.oid = i.indrelid
CROSS JOIN (VALUES ('dropped', 'DROP INDEX %s', true), ('unique no more', 'DROP INDEX %s; %s', false)) AS w (how, weakening, of_any)
WHERE (w.of_any OR i.indisunique) AND NOT EXISTS (SELECT FROM pg_constraint AS k WHERE k.conindid = i.indexrelid)
UNION ALL
-- An index that is none of what a list is looked up by serves nobody, and costs every record that is written.
SELECT format('index %s %s', i.indexrelid::regclass, w.how),
       format('DROP INDEX %s; %s', i.indexrelid::regclass, regexp_replace(pg_get_indexdef(i.indexrelid), w.phrase, ''))
FROM pg_index AS i
JOIN protected AS t ON t.oid = i.indrelid
CROSS JOIN (VALUES ('knows no time', ', created_at DESC( NULLS LAST)?'), ('does not order equal times', ', id DESC( NULLS LAST)?'), ('has another order', ' NULLS LAST'), ('begins with no tenant', 'tenant_id, '), ('holds every row', ' WHERE .*')) AS w (how, phrase)
WHERE pg_get_indexdef(i.indexrelid) ~ w.phrase AND NOT EXISTS (SELECT FROM pg_constraint AS k WHERE k.conindid = i.indexrelid)
UNION ALL
SELECT format('table %s forgets %s', t.said, split_part(o.option, '=', 1)), format('ALTER TABLE %s RESET (%s)', t.said, split_part(o.option, '=', 1))
FROM protected AS t JOIN pg_class AS c USING (oid) CROSS JOIN unnest(c.reloptions) AS o (option)
UNION ALL
SELECT format('table %s is kept in a crash', t.said), format('ALTER TABLE %s SET LOGGED', t.said)
FROM protected AS t
WHERE t.relpersistence = 'u'
UNION ALL
SELECT format('column %s of %s may be unknown', a.attname, t.said), format('ALTER TABLE %s ALTER COLUMN %I DROP NOT NULL', t.said, a.attname)
FROM pg_attribute AS a JOIN protected AS t ON t.oid = a.attrelid
WHERE a.attnotnull AND a.attnum > 0 AND NOT a.attisdropped
  AND NOT EXISTS (SELECT FROM pg_index AS i WHERE i.indrelid = t.oid AND i.indisprimary AND a.attnum = ANY (i.indkey))
UNION ALL
SELECT format('column %s of %s has another default', a.attname, t.said),
       format('ALTER TABLE %s ALTER COLUMN %I SET DEFAULT %s', t.said, a.attname, CASE a.attname WHEN 'recorded_at' THEN 'now()'
           WHEN 'recorded_xid' THEN '''1''' WHEN 'api_key_id' THEN '''0123456789abcdef'''
           WHEN 'is_only' THEN 'false' ELSE 'clock_timestamp()' END)
FROM pg_attribute AS a JOIN protected AS t ON t.oid = a.attrelid
WHERE a.atthasdef
UNION ALL
-- A key over all tenants tells, when it refuses, that another tenant has the value.
SELECT format('column %s of %s unique over all tenants', a.attname, t.said), format('CREATE UNIQUE INDEX weakening ON %s (%I)', t.said, a.attname)
FROM pg_attribute AS a JOIN protected AS t ON t.oid = a.attrelid
WHERE a.attnum > 0 AND NOT a.attisdropped AND a.atttypid <> 'json'::regtype   -- which has no order
  AND NOT EXISTS (SELECT FROM pg_index AS i WHERE i.indrelid = t.oid AND i.indisunique AND a.attnum = ANY (i.indkey))
UNION ALL
-- What a caller may say of a record: a column that only the database sets, one field less, and one of another type.
SELECT format('type %s %s', y.oid::regtype, w.how), format(w.weakening, y.oid::regtype)
FROM pg_type AS y
JOIN pg_class AS c ON c.oid = y.typrelid AND c.relkind = 'c'
CROSS JOIN (VALUES
    ('new_audit_log',    'takes the tenant',       'ALTER TYPE %s ADD ATTRIBUTE tenant_id text'),
    ('new_audit_log',    'takes the key',          'ALTER TYPE %s ADD ATTRIBUTE api_key_id text'),
    ('new_audit_log',    'takes no error',         'ALTER TYPE %s DROP ATTRIBUTE error'),
    ('new_audit_log',    'takes no context',       'ALTER TYPE %s DROP ATTRIBUTE context'),
    ('new_audit_log',    'takes a short latency',  'ALTER TYPE %s ALTER ATTRIBUTE latency_ms TYPE smallint'),
    ('listed_audit_log', 'shows the transaction',  'ALTER TYPE %s ADD ATTRIBUTE recorded_xid xid8'),
    ('listed_audit_log', 'shows no key',           'ALTER TYPE %s DROP ATTRIBUTE api_key_id'))
    AS w (type, how, weakening)
WHERE y.typnamespace = 'audit'::regnamespace AND y.typname = w.type
ORDER BY 1
