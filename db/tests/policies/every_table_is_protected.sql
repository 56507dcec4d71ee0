-- Proves: no table without forced row-level security exists in schema audit, now or later, and none of the ways around
-- it (view, materialized view, foreign table, copy, partition, child or parent table) exists unnoticed.
-- Asked of the catalogue, not of a list of names: a table that is added tomorrow is covered.

BEGIN;
SELECT plan(15);

PREPARE unprotected AS
    SELECT c.oid::regclass::text FROM pg_class AS c
    WHERE c.relnamespace = 'audit'::regnamespace
      AND (c.relkind IN ('r', 'p') AND NOT (c.relrowsecurity AND c.relforcerowsecurity)
           OR c.relkind IN ('m', 'f')
           OR c.relkind = 'v' AND NOT coalesce(c.reloptions @> ARRAY['security_invoker=true'], false))
    ORDER BY 1;
-- A child table has no policy of its parent's when it is read directly; a parent shows its children's rows under the
-- policies of the parent.
PREPARE related AS
    SELECT i.inhrelid::regclass::text || ' inherits from ' || i.inhparent::regclass::text FROM pg_inherits AS i
    JOIN pg_class AS child ON child.oid = i.inhrelid JOIN pg_class AS parent ON parent.oid = i.inhparent
    WHERE child.relkind IN ('r', 'p', 'f') AND 'audit'::regnamespace IN (child.relnamespace, parent.relnamespace)
      AND child.relnamespace <> parent.relnamespace;
-- A view elsewhere reads as its owner.
PREPARE views_elsewhere AS
    SELECT DISTINCT r.ev_class::regclass::text FROM pg_depend AS d
    JOIN pg_rewrite AS r ON r.oid = d.objid AND d.classid = 'pg_rewrite'::regclass
    JOIN pg_class AS v ON v.oid = r.ev_class AND v.relnamespace <> 'audit'::regnamespace
    JOIN pg_class AS c ON c.oid = d.refobjid AND d.refclassid = 'pg_class'::regclass
    WHERE c.relnamespace = 'audit'::regnamespace;

SELECT tables_are('audit',
    ARRAY['tenants', 'audit_logs', 'api_keys', 'api_key_uses', 'proof_secrets', 'admin_events', 'idempotency_keys',
          'trees', 'seals', 'seal_nodes', 'checkpoints', 'sealing_turn', 'retention_rules', 'retention', 'legal_holds', 'pruned_ids', 'view_links'],
    'schema audit has seventeen tables');
SELECT is_empty('EXECUTE unprotected', 'every table of schema audit has row-level security, forced on its owner too');
SELECT is_empty('EXECUTE related', 'no table outside the schema shares rows with one inside');
SELECT is_empty('EXECUTE views_elsewhere', 'no view outside the schema reads it');
SELECT is_empty(
    $$SELECT c.oid::regclass FROM pg_class AS c
      WHERE c.relnamespace = 'audit'::regnamespace AND c.relkind NOT IN ('r', 'p', 'i', 'I', 'c')$$,
    'schema audit has tables, indexes and composite types, and no view, sequence or foreign table');

-- Each way made by hand, to see that it is noticed.
CREATE TABLE audit.unprotected (tenant_id text);
SELECT results_eq('EXECUTE unprotected', ARRAY['audit.unprotected'], 'a new table without row-level security is noticed');
ALTER TABLE audit.unprotected ENABLE ROW LEVEL SECURITY;
SELECT results_eq('EXECUTE unprotected', ARRAY['audit.unprotected'], 'and still, when it is not forced');
ALTER TABLE audit.unprotected FORCE ROW LEVEL SECURITY;
SELECT is_empty('EXECUTE unprotected', 'and no more, once it is forced');

CREATE TABLE audit.copied (LIKE audit.audit_logs INCLUDING ALL);
SELECT results_eq('EXECUTE unprotected', ARRAY['audit.copied'], 'a table made LIKE another, which copies no policy, is noticed');
DROP TABLE audit.copied;

CREATE VIEW audit.seen WITH (security_invoker = true) AS SELECT id FROM audit.audit_logs;
SELECT is_empty('EXECUTE unprotected', 'a view that reads as its reader is accepted');
-- Replacing a view drops its options without a word.
CREATE OR REPLACE VIEW audit.seen AS SELECT id FROM audit.audit_logs;
SELECT results_eq('EXECUTE unprotected', ARRAY['audit.seen'], 'the same view, replaced, reads as its owner, and is noticed');
DROP VIEW audit.seen;

CREATE MATERIALIZED VIEW audit.kept AS SELECT id FROM audit.audit_logs;
SELECT results_eq('EXECUTE unprotected', ARRAY['audit.kept'], 'a materialized view is noticed');
DROP MATERIALIZED VIEW audit.kept;

CREATE SCHEMA tap_elsewhere;
CREATE VIEW tap_elsewhere.seen AS SELECT id FROM audit.audit_logs;
SELECT results_eq('EXECUTE views_elsewhere', ARRAY['tap_elsewhere.seen'], 'a view in another schema is noticed');
CREATE TABLE tap_elsewhere.child () INHERITS (audit.audit_logs);
SELECT results_eq('EXECUTE related', ARRAY['tap_elsewhere.child inherits from audit.audit_logs'],
    'a child table in another schema is noticed');
DROP TABLE tap_elsewhere.child;
CREATE TABLE tap_elsewhere.parent (tenant_id text NOT NULL);
ALTER TABLE audit.audit_logs INHERIT tap_elsewhere.parent;
SELECT results_eq('EXECUTE related', ARRAY['audit.audit_logs inherits from tap_elsewhere.parent'],
    'a parent table in another schema is noticed');

SELECT * FROM finish();
ROLLBACK;
