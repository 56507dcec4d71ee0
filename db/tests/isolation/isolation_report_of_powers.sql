-- Proves: audit.isolation_report() names each power that a role of ours has been given, whoever asks; and it does not cry out
-- at what is none of its business: tables and settings of others.

BEGIN;
SELECT plan(38);

\ir ../support/tap.sql
CREATE ROLE tap_service LOGIN IN ROLE audit_keyed;

SET LOCAL tap.login = 'tap_service';
\ir ../support/findings.sql

\set rule 'no role of ours has power over row-level security'
SELECT is(pg_temp.findings(:'rule', 'SELECT'), 'intact', 'as migrated, none has');
SELECT is(pg_temp.findings(:'rule', format('ALTER ROLE %I %s', role.name, power.name)),
    format('%s %s %s', role.name, power.verb, power.name), format('%s with %s', role.name, power.name))
FROM (VALUES ('audit_owner'), ('audit_migrator'), ('audit_trusted'), ('audit_keyed'), ('audit_admin'), ('audit_app')) AS role (name)
CROSS JOIN (VALUES
    ('SUPERUSER', 'is'), ('BYPASSRLS', 'has'), ('CREATEROLE', 'has'), ('CREATEDB', 'has'), ('REPLICATION', 'has')) AS power (name, verb);
SELECT is(pg_temp.findings(:'rule', 'ALTER ROLE tap_service CREATEDB'), 'intact', 'a role that is not ours is for another rule');
SELECT is(pg_temp.findings(:'rule', 'CREATE ROLE tap_administrator SUPERUSER'), 'intact', 'a DBA may be a superuser');

\set rule 'no table or view elsewhere shows a record'
SELECT is(pg_temp.findings(:'rule', 'CREATE SCHEMA tap_one CREATE TABLE parent (id int);
        CREATE SCHEMA tap_two; CREATE TABLE tap_two.child () INHERITS (tap_one.parent)'),
    'intact', 'tables of others may inherit from each other');
SELECT is(pg_temp.findings(:'rule', 'CREATE TABLE audit.child () INHERITS (audit.audit_logs)'),
    'intact', 'a child within the schema is for another rule');

\set rule 'no setting is stored but the intended ones'
SELECT is(pg_temp.findings(:'rule', 'ALTER ROLE tap_service IN DATABASE template1 SET search_path = public'),
    'intact', 'what is stored for another database');
SELECT is(pg_temp.findings(:'rule', 'CREATE ROLE tap_other; ALTER ROLE tap_other SET search_path = public'),
    'intact', 'what is stored with another role');
SELECT is(pg_temp.findings(:'rule', 'ALTER ROLE ALL SET row_security = off'),
    'row_security=off, for every role in every database', 'but not what is stored for all');

SELECT * FROM finish();
ROLLBACK;
