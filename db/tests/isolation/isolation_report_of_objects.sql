-- Proves: audit.isolation_report() goes red for each way in which the objects of this database can be weakened, and names
-- the culprit; the policies have a file of their own. Each weakening is made, reported and undone by itself.

BEGIN;
SELECT plan(94);

SET LOCAL tap.login = 'audit_app';
\ir ../support/findings.sql

SET LOCAL SESSION AUTHORIZATION audit_app;
SELECT is_empty('SELECT * FROM audit.isolation_report() WHERE NOT intact', 'as migrated, every rule is intact for the service');
SELECT is((SELECT count(*) FROM audit.isolation_report() WHERE findings IS NULL), 20::bigint,
    'all twenty of them, without findings');
RESET SESSION AUTHORIZATION;

\set rule 'every table has forced row-level security'
SELECT is(pg_temp.findings(:'rule', 'SELECT'), 'intact', 'tables: nothing is found when nothing is weakened');
SELECT is(pg_temp.findings(:'rule', 'ALTER TABLE audit.audit_logs DISABLE ROW LEVEL SECURITY'),
    'audit.audit_logs has it disabled', 'row-level security disabled');
SELECT is(pg_temp.findings(:'rule', 'ALTER TABLE audit.tenants NO FORCE ROW LEVEL SECURITY'),
    'audit.tenants does not force it on its owner', 'row-level security not forced');
SELECT is(pg_temp.findings(:'rule', 'CREATE TABLE audit.added (LIKE audit.audit_logs INCLUDING ALL)'),
    'audit.added has it disabled and audit.added does not force it on its owner', 'a table copied with LIKE');
SELECT is(pg_temp.findings(:'rule', 'CREATE VIEW audit.added AS SELECT * FROM audit.audit_logs'),
    'audit.added cannot have it', 'a view that reads as its owner');
SELECT is(pg_temp.findings(:'rule', 'CREATE VIEW audit.added WITH (security_invoker = true) AS SELECT * FROM audit.audit_logs'),
    'intact', 'but not a view that reads as its reader');
SELECT is(pg_temp.findings(:'rule', 'CREATE MATERIALIZED VIEW audit.added AS SELECT * FROM audit.audit_logs'),
    'audit.added cannot have it', 'a materialized view');
SELECT is(pg_temp.findings(:'rule', 'CREATE TABLE audit.added () INHERITS (audit.audit_logs)'),
    'audit.added has it disabled and audit.added does not force it on its owner', 'a child table in the schema');

\set rule 'no table or view elsewhere shows a record'
SELECT is(pg_temp.findings(:'rule', 'CREATE SCHEMA tap_elsewhere CREATE TABLE added () INHERITS (audit.audit_logs)'),
    'tap_elsewhere.added inherits from audit.audit_logs', 'a child table in another schema');
SELECT is(pg_temp.findings(:'rule', 'CREATE SCHEMA tap_elsewhere;
        CREATE TABLE audit.parted (tenant_id text) PARTITION BY LIST (tenant_id);
        CREATE TABLE tap_elsewhere.part PARTITION OF audit.parted DEFAULT'),
    'tap_elsewhere.part inherits from audit.parted', 'a partition in another schema');
SELECT is(pg_temp.findings(:'rule', 'CREATE SCHEMA tap_elsewhere CREATE TABLE parent (tenant_id text NOT NULL);
        ALTER TABLE audit.audit_logs INHERIT tap_elsewhere.parent'),
    'audit.audit_logs inherits from tap_elsewhere.parent', 'a parent table in another schema, through which rows are read');
SELECT is(pg_temp.findings(:'rule', 'CREATE SCHEMA tap_elsewhere CREATE VIEW added AS SELECT * FROM audit.audit_logs'),
    'tap_elsewhere.added reads audit.audit_logs', 'a view in another schema');
SELECT is(pg_temp.findings(:'rule', 'CREATE SCHEMA tap_elsewhere CREATE VIEW added AS SELECT 1 AS one'),
    'intact', 'but not a view of something else');
-- PostgreSQL's own storage under another name stands in for that of an extension.
SELECT is(pg_temp.findings(:'rule', 'CREATE ACCESS METHOD tap_columns TYPE TABLE HANDLER heap_tableam_handler;
        ALTER TABLE audit.audit_logs SET ACCESS METHOD tap_columns'),
    'audit.audit_logs is stored by tap_columns', 'a table that another storage keeps, as TimescaleDB compresses and Citus makes columns');
SELECT is(pg_temp.findings(:'rule', 'CREATE SCHEMA _tap_timescaledb_internal
        CREATE TABLE _hyper_1_1_chunk () INHERITS (audit.audit_logs)'),
    '_tap_timescaledb_internal._hyper_1_1_chunk inherits from audit.audit_logs', 'a chunk, as TimescaleDB makes a hypertable of');

\set rule 'every table that holds tenants checks their form'
SELECT is(pg_temp.findings(:'rule', 'ALTER TABLE audit.audit_logs DROP CONSTRAINT audit_logs_tenant_id_form'),
    'audit.audit_logs.tenant_id', 'the check of a record''s tenant dropped');
SELECT is(pg_temp.findings(:'rule', 'ALTER TABLE audit.tenants DROP CONSTRAINT tenants_id_form,
        ADD CONSTRAINT tenants_id_form CHECK (id ~ ''.*'')'),
    'audit.tenants.id', 'the check of a tenant loosened');

\set rule 'no privilege is granted beyond the intended'
SELECT is(pg_temp.findings(:'rule', 'GRANT SELECT ON audit.audit_logs TO PUBLIC'),
    'PUBLIC has SELECT on audit.audit_logs', 'a grant to PUBLIC');
SELECT is(pg_temp.findings(:'rule', 'GRANT UPDATE ON audit.audit_logs TO audit_trusted'),
    'audit_trusted has UPDATE on audit.audit_logs', 'UPDATE granted');
SELECT is(pg_temp.findings(:'rule', 'GRANT TRUNCATE ON audit.tenants TO audit_app'),
    'audit_app has TRUNCATE on audit.tenants', 'TRUNCATE granted to the service itself');
SELECT is(pg_temp.findings(:'rule', 'GRANT INSERT ON audit.audit_logs TO audit_trusted'),
    'audit_trusted has INSERT on audit.audit_logs', 'INSERT granted on the table, so that created_at could be chosen');
SELECT is(pg_temp.findings(:'rule', 'GRANT INSERT (created_at) ON audit.audit_logs TO audit_trusted'),
    'audit_trusted has INSERT on audit.audit_logs.created_at', 'INSERT granted on created_at');
SELECT is(pg_temp.findings(:'rule', 'GRANT REFERENCES (id) ON audit.tenants TO audit_app'),
    'audit_app has REFERENCES on audit.tenants.id', 'REFERENCES granted');
SELECT is(pg_temp.findings(:'rule', 'GRANT SELECT ON audit.tenants TO audit_trusted WITH GRANT OPTION'),
    'audit_trusted has SELECT WITH GRANT OPTION on audit.tenants', 'a privilege that may be passed on');
SELECT is(pg_temp.findings(:'rule', 'GRANT EXECUTE ON FUNCTION audit.create_tenant TO audit_app'),
    'audit_app has EXECUTE on audit.create_tenant', 'a function opened to the service');
SELECT is(pg_temp.findings(:'rule', 'CREATE FUNCTION audit.added() RETURNS int LANGUAGE sql AS ''SELECT 1'''),
    'PUBLIC has EXECUTE on audit.added', 'a function that somebody else than the owner made, open to PUBLIC by default');
SELECT is(pg_temp.findings(:'rule', 'GRANT CREATE ON SCHEMA audit TO audit_trusted'),
    'audit_trusted has CREATE on audit', 'CREATE granted on the schema');
SELECT is(pg_temp.findings(:'rule', 'CREATE SEQUENCE audit.added; GRANT USAGE ON SEQUENCE audit.added TO audit_app'),
    'audit_app has USAGE on audit.added', 'a sequence opened to the service');
SELECT is(pg_temp.findings(:'rule', 'GRANT SELECT ON audit.proof_secrets TO audit_admin'),
    'audit_admin has SELECT on audit.proof_secrets', 'the secret opened');
SELECT is(pg_temp.findings(:'rule', 'GRANT EXECUTE ON FUNCTION audit.set_tenant TO audit_keyed'),
    'audit_keyed has EXECUTE on audit.set_tenant', 'a function that names a tenant opened to those who must prove it');
SELECT is(pg_temp.findings(:'rule', 'GRANT SELECT ON audit.tenants TO audit_trusted'), 'intact',
    'but not a grant that is intended');

SELECT is(pg_temp.findings(:'rule', 'GRANT USAGE ON SCHEMA pgmigrate TO audit_app'),
    'audit_app has USAGE on schema pgmigrate', 'the bookkeeping opened to the service');

\set rule 'neither the role nor PUBLIC can create anything in this database'
SELECT alike(pg_temp.findings(:'rule', format('GRANT TEMPORARY ON DATABASE %I TO PUBLIC', current_database())),
    '%REVOKE TEMPORARY ON DATABASE % FROM public', 'TEMP granted to PUBLIC');
SELECT alike(pg_temp.findings(:'rule', format('GRANT CREATE ON DATABASE %I TO PUBLIC', current_database())),
    '%REVOKE CREATE ON DATABASE % FROM public', 'CREATE granted to PUBLIC');
SELECT alike(pg_temp.findings(:'rule', format('GRANT TEMPORARY ON DATABASE %I TO audit_app', current_database())),
    '%REVOKE TEMPORARY ON DATABASE % FROM audit_app', 'TEMP granted to the service');
SELECT is(pg_temp.findings(:'rule', 'CREATE SCHEMA tap_elsewhere; GRANT CREATE ON SCHEMA tap_elsewhere TO PUBLIC'),
    'audit_app can create in schema tap_elsewhere', 'a schema in which anybody creates');

\set rule 'every function is pinned to its schema and runs as its caller, but for the known ones'
SELECT is(pg_temp.findings(:'rule', 'ALTER FUNCTION audit.set_tenant RESET search_path'),
    'audit.set_tenant(text) does not set search_path', 'a function without search_path');
SELECT is(pg_temp.findings(:'rule', 'ALTER FUNCTION audit.set_tenant SET search_path = public, pg_catalog'),
    'audit.set_tenant(text) does not set search_path', 'a function with another search_path');
SELECT alike(pg_temp.findings(:'rule', 'ALTER FUNCTION audit.list_audit_logs SECURITY DEFINER'),
    'audit.list_audit_logs(%) runs as its owner', 'a function that begins to run as its owner');

SELECT is(pg_temp.findings(:'rule', 'ALTER FUNCTION audit.create_tenant(text, text) RESET search_path'),
    'audit.create_tenant(text,text) does not set search_path', 'a known one without search_path');
SELECT alike(pg_temp.findings(:'rule', 'CREATE FUNCTION audit.create_tenant(int) RETURNS int LANGUAGE sql SECURITY DEFINER
        SET search_path = pg_catalog, pg_temp AS ''SELECT 1'''),
    '%audit.create_tenant(integer) shares its name with another%', 'a function that hides behind the name of a known one');

\set rule 'everything belongs to audit_owner'
SELECT is(pg_temp.findings(:'rule', 'ALTER SCHEMA audit OWNER TO audit_migrator'),
    'schema audit belongs to audit_migrator', 'a schema that belongs to another, who could drop what is in it');
SELECT is(pg_temp.findings(:'rule', 'ALTER TABLE audit.audit_logs OWNER TO audit_app'),
    'audit.audit_logs belongs to audit_app', 'a table that belongs to the service');
SELECT is(pg_temp.findings(:'rule', 'ALTER FUNCTION audit.uuid_v7 OWNER TO audit_migrator'),
    'audit.uuid_v7() belongs to audit_migrator', 'a function that belongs to another');
\set rule 'the role owns nothing here'
SELECT is(pg_temp.findings(:'rule', 'ALTER TABLE audit.audit_logs OWNER TO audit_app'),
    'audit_app owns audit.audit_logs', 'the service owns what it reads');
SELECT is(pg_temp.findings(:'rule', 'ALTER SCHEMA pgmigrate OWNER TO audit_keyed'),
    'audit_keyed owns schema pgmigrate', 'or its group owns a schema');
SELECT is(pg_temp.findings(:'rule', format('ALTER DATABASE %I OWNER TO audit_app', current_database())),
    'audit_app owns the database', 'or it owns the database');

\set rule 'no plan is printed where keys and secrets are'
SELECT is(pg_temp.findings(:'rule', 'SELECT'), 'intact', 'plans: nothing is found when nothing is weakened');
SELECT is(pg_temp.findings(:'rule', format('ALTER FUNCTION audit.%s RESET %s', function.name, setting.name)),
    format('%s does not set %s=off', format('audit.%s', function.name)::regproc::regprocedure, setting.name),
    format('%s without %s', function.name, setting.name))
FROM (VALUES ('enter_tenant'), ('begin_export'), ('insert_audit_log_batch')) AS function (name)
CROSS JOIN (VALUES ('debug_print_parse'), ('debug_print_rewritten'), ('debug_print_plan'), ('plpgsql.print_strict_params')) AS setting (name);
SELECT is(pg_temp.findings(:'rule', 'ALTER FUNCTION audit.enter_tenant SET debug_print_plan = on'),
    'audit.enter_tenant(text,text) does not set debug_print_plan=off', 'or with another value');
SELECT alike(pg_temp.findings(:'rule', 'CREATE FUNCTION audit.added() RETURNS int LANGUAGE sql SECURITY DEFINER AS ''SELECT 1'''),
    'audit.added() does not set debug_print_parse=off;%', 'a function that is added and runs as its owner');
SELECT alike(pg_temp.findings(:'rule', 'CREATE FUNCTION audit.added(p_api_key text) RETURNS int LANGUAGE sql AS ''SELECT 1'''),
    'audit.added(text) does not set debug_print_parse=off;%', 'or is handed a key');
SELECT is(pg_temp.findings(:'rule', 'CREATE FUNCTION audit.added() RETURNS int LANGUAGE sql AS ''SELECT 1'''), 'intact',
    'but not one that runs as its caller and is handed none');

\set rule 'no function runs in a parallel worker'
SELECT is(pg_temp.findings(:'rule', 'SELECT'), 'intact', 'workers: nothing is found when nothing is weakened');
SELECT is(pg_temp.findings(:'rule', format('ALTER FUNCTION audit.%s PARALLEL SAFE', name)),
    format('%s is PARALLEL SAFE', format('audit.%s', name)::regproc::regprocedure), format('%s in a worker', name))
FROM (VALUES ('transaction_identity'), ('tenant_proof'), ('proven_tenant'), ('proven_writer'), ('proven_api_key'), ('writing_tenant'),
             ('list_audit_logs')) AS function (name);
SELECT is(pg_temp.findings(:'rule', 'CREATE FUNCTION audit.added() RETURNS int LANGUAGE sql PARALLEL SAFE AS ''SELECT 1'''),
    'audit.added() is PARALLEL SAFE', 'a function that is added for workers');
SELECT is(pg_temp.findings(:'rule', 'ALTER FUNCTION audit.list_audit_logs PARALLEL RESTRICTED'), 'intact',
    'but not one that the leader of a parallel plan runs');
SELECT is(pg_temp.findings(:'rule', 'CREATE FUNCTION public.added() RETURNS int LANGUAGE sql PARALLEL SAFE AS ''SELECT 1'''), 'intact',
    'nor one of another schema');

\set rule 'the owner changes no record, and empties no table'
SELECT is(pg_temp.findings(:'rule', 'SELECT'), 'intact', 'the owner: nothing is found when nothing is granted');
SELECT is(pg_temp.findings(:'rule', format('GRANT %s ON audit.%s TO audit_owner', privilege, name)),
    format('audit_owner has %s on audit.%s', privilege, name), format('%s on %s granted to the owner again', privilege, name))
FROM (VALUES ('UPDATE', 'audit_logs'), ('DELETE', 'audit_logs'), ('TRUNCATE', 'audit_logs'), ('DELETE', 'admin_events'),
             ('UPDATE', 'tenants'), ('TRUNCATE', 'idempotency_keys')) AS g (privilege, name);
SELECT is(pg_temp.findings(:'rule', 'GRANT UPDATE (error) ON audit.audit_logs TO audit_owner'),
    'audit_owner has UPDATE on audit.audit_logs.error', 'or on one column');

\set rule 'what our roles make is open to nobody'
SELECT is(pg_temp.findings(:'rule', 'SELECT'), 'intact', 'defaults: nothing is found when nothing is altered');
SELECT is(pg_temp.findings(:'rule', 'ALTER DEFAULT PRIVILEGES FOR ROLE audit_owner IN SCHEMA audit GRANT SELECT ON TABLES TO audit_keyed'),
    'tables: audit_keyed has SELECT by default on what audit_owner makes in schema audit', 'a table opened by default');
SELECT is(pg_temp.findings(:'rule', 'ALTER DEFAULT PRIVILEGES FOR ROLE audit_owner GRANT EXECUTE ON FUNCTIONS TO PUBLIC'),
    'new functions of audit_owner are open to PUBLIC', 'functions opened by default, as PostgreSQL has it');

\set rule 'no trigger or rule acts on a record'
SELECT is(pg_temp.findings(:'rule', 'CREATE TRIGGER added BEFORE INSERT ON audit.audit_logs
        FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()'),
    'added on audit.audit_logs', 'a trigger');
SELECT is(pg_temp.findings(:'rule', 'CREATE RULE added AS ON INSERT TO audit.audit_logs DO INSTEAD NOTHING'),
    'added on audit.audit_logs', 'a rule');
SELECT is(pg_temp.findings(:'rule', 'ALTER TABLE audit.audit_logs DISABLE TRIGGER ALL'),
    'a foreign key of audit.audit_logs is switched off', 'a foreign key that no longer checks');
SELECT is(pg_temp.findings(:'rule', 'CREATE VIEW audit.added AS SELECT 1'), 'intact', 'but not the rule that every view is');

\set rule 'no role of ours has power over row-level security'
SELECT is(pg_temp.findings(:'rule', 'ALTER ROLE audit_owner BYPASSRLS'), 'audit_owner has BYPASSRLS',
    'a power of the owner, as which functions run');

\set rule 'no setting is stored but the intended ones'
SELECT is(pg_temp.findings(:'rule', 'SET LOCAL app.tenant_id = ''acme'''),
    'app.tenant_id is set already, before audit.set_tenant()', 'a session that began with a tenant');

SELECT * FROM finish();
ROLLBACK;
