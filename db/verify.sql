-- The README's curl walk-through again, in psql and without the service: for the DBA who believes the server alone.
--
--     psql -X -q -f db/verify.sql
--
-- As audit_app or another login that is a member of audit_keyed, with the API keys of two tenants, each for reading and
-- writing, in the environment: ACME_API_KEY and GLOBEX_API_KEY. The tenants are those that the keys open. As a member of
-- audit_trusted, which names its tenants, no key is needed; -v tenant=a -v other=b are two other registered tenants.
--
-- Safe on a database in use: the trail is append-only, so what is written here is written in transactions that are
-- rolled back. Every refusal stands beside the same thing allowed, so that a missing grant cannot pass for isolation.
-- Exits with 0 when everything held, with 3 when something did not.

\if :{?tenant} \else \set tenant acme \endif
\if :{?other} \else \set other globex \endif
\set tenant_key ''
\set other_key ''
\getenv tenant_key ACME_API_KEY
\getenv other_key GLOBEX_API_KEY
-- Well-formed, and nobody's.
\set made_up_key rf_0123456789abcdef_0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
-- Never a record's id: nothing that carries it is ever committed.
\set record 01900000-0000-7000-8000-000000000001
\set others_record 01900000-0000-7000-8000-000000000002

\ir verify/steps.sql

-- Row-level security does not bind a superuser, and the owner's members may do what is refused below: as one of those
-- this would prove nothing, and try a TRUNCATE.
SELECT session_user AS role,
       coalesce(pg_has_role(to_regrole('audit_keyed'), 'USAGE'), false) AS keyed,
       (SELECT r.rolsuper OR r.rolbypassrls FROM pg_roles AS r WHERE r.rolname = current_user)
       OR coalesce(pg_has_role(to_regrole('audit_owner'), 'MEMBER'), false)
       OR NOT (coalesce(pg_has_role(to_regrole('audit_keyed'), 'USAGE'), false)
               OR coalesce(pg_has_role(to_regrole('audit_trusted'), 'USAGE'), false)) AS unfit \gset
\if :unfit
    \set ON_ERROR_STOP on
    \echo 'FAIL  run this as audit_app, not as' :role
    DO $$ BEGIN RAISE EXCEPTION 'nothing was verified'; END $$;
\endif

-- The keys go into settings of the transaction, and into no statement that is meant to be refused: PostgreSQL writes the
-- text of those into its log.
\set show_keys 'SELECT set_config(''verify.tenant_key'', :''tenant_key'', true) <> set_config(''verify.other_key'', :''other_key'', true) AS held \\gset'

-- How the transaction comes to its tenant; sets "held". A proof holds for five seconds.
\if :keyed
    \set enter_tenant ':show_keys \\\\ SELECT audit.enter_tenant(current_setting(''verify.tenant_key'')) = :''tenant'' AS held \\gset'
    \set enter_other ':show_keys \\\\ SELECT audit.enter_tenant(current_setting(''verify.other_key'')) = :''other'' AS held \\gset'
    \set tenant ''
    \set other ''
    BEGIN;
    :show_keys
    SELECT audit.enter_tenant(current_setting('verify.tenant_key')) AS tenant \gset
    SELECT audit.enter_tenant(current_setting('verify.other_key')) AS other \gset
    COMMIT;
    SELECT '' IN (:'tenant', :'other') OR :'tenant' = :'other' AS keyless \gset
    \if :keyless
        \set ON_ERROR_STOP on
        \echo 'FAIL ' :role 'needs API keys of two tenants in ACME_API_KEY and GLOBEX_API_KEY; python -m app.admin issues them'
        DO $$ BEGIN RAISE EXCEPTION 'nothing was verified'; END $$;
    \endif
\else
    \set enter_tenant 'SELECT audit.set_tenant(:''tenant'') = :''tenant'' AS held \\gset'
    \set enter_other 'SELECT audit.set_tenant(:''other'') = :''other'' AS held \\gset'
\endif

BEGIN;
\ir verify/no_tenant.sql
\ir verify/two_tenants.sql
ROLLBACK;

\if :keyed
    \ir verify/proof.sql
\endif

\echo
\echo 'The transactions have ended.'
BEGIN;
-- What is left of the setting is the empty string, not NULL: what the next user of a pooled session finds.
\set step 'the tenant ended with them: there is no list'
\set refusal RF001
SELECT audit.list_audit_logs();
:refused
\set step 'and nothing is appended'
\set refusal RF001
SELECT audit.insert_audit_log(p_agent_id => 'credit-scoring', p_mode => 'DRY_RUN', p_status => 'success');
:refused
:enter_tenant
\set step 'nothing is left of the record'
SELECT :'held' AND position(:'record' IN audit.list_audit_logs(p_limit => 1000)) = 0 AS held \gset
:holds
ROLLBACK;

\ir verify/evidence.sql
\ir verify/out_of_reach.sql

\echo
\echo 'Is isolation intact on this database, for this role?'
SELECT * FROM audit.isolation_report();
\set step 'every rule is intact'
SELECT bool_and(intact) AND count(*) > 0 AS held FROM audit.isolation_report() \gset
:holds

\ir verify/verdict.sql
\if :failed
    \set ON_ERROR_STOP on
    DO $$ BEGIN RAISE EXCEPTION 'verification failed'; END $$;
\endif
