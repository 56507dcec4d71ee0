-- The README's curl walk-through again, in psql and without the service: for the DBA who believes the server alone.
--
--     psql -X -q -f db/verify.sql
--
-- As audit_app or another login that is a member of audit_keyed, with the API keys of two tenants, each for reading and
-- writing, in the environment: ACME_API_KEY and GLOBEX_API_KEY. The tenants are those that the keys open. As a member of
-- audit_trusted, which names its tenants, no key is needed; -v tenant=a -v other=b are two other registered tenants.
--
-- Safe on a database in use: the trail is append-only, so what is written here is written in transactions that are
-- rolled back. What is left is the hour in which the two keys were last used, and rows of an unlogged table that mean
-- nothing. Every refusal stands beside the same thing allowed, so that a missing grant cannot pass for isolation.
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

\set ON_ERROR_STOP off
-- A refused statement must not end the transaction that the next one needs.
\set ON_ERROR_ROLLBACK on
\set VERBOSITY terse
\pset pager off
\pset null ''

-- The two ways a step ends; each prints its line. A step says \set step, runs, and then :holds, which wants its query to
-- have set "held" to true, or :refused, which wants its statement to have failed with the SQLSTATE in "refusal".
-- Both forget what they read, so that a step that does not run at all counts as failed.
\set verdicts ''
\set print '\\echo :verdict '''' :step \\set verdicts :verdicts :verdict \\set held false \\set refusal none \\set verdict FAIL'
\set holds 'SELECT CASE WHEN :''held'' THEN ''PASS'' ELSE ''FAIL'' END AS verdict \\gset \\\\ :print'
\set refused 'SELECT CASE WHEN :''SQLSTATE'' = :''refusal'' THEN ''PASS'' ELSE ''FAIL'' END AS verdict, concat(:''step'', '' ('', :''SQLSTATE'', '')'') AS step \\gset \\\\ :print'
\set held false
\set refusal none
\set verdict FAIL

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

\echo 'No tenant is set.'
\set step 'there is no list'
\set refusal RF001
SELECT audit.list_audit_logs();
:refused
-- A query of one's own: where a name counts it finds nothing; where a key counts, only the functions read.
\if :keyed
\set step 'the table cannot be queried, and its plans tell nothing'
\set refusal 42501
EXPLAIN ANALYZE SELECT count(*) FROM audit.audit_logs;
:refused
\else
\set step 'a query finds no record'
SELECT count(*) = 0 AS held FROM audit.audit_logs \gset
:holds
\endif
\set step 'nothing is appended'
\set refusal RF001
SELECT audit.insert_audit_log(p_agent_id => 'credit-scoring', p_mode => 'DRY_RUN', p_status => 'success');
:refused
\set step 'nor past the function'
\set refusal 42501
INSERT INTO audit.audit_logs (id, tenant_id, agent_id, mode, status)
VALUES (:'record', :'tenant', 'credit-scoring', 'DRY_RUN', 'success');
:refused

\echo
\if :keyed
\echo 'The tenant is named, or the key is made up.'
-- Any role may set any name in its own session. Here a name opens nothing: a key must have proven it.
SET LOCAL app.tenant_id = :'tenant';
\set step 'a name without a key: no list'
\set refusal RF001
SELECT audit.list_audit_logs();
:refused
\set step 'and no record'
\set refusal 42501
SELECT audit.insert_audit_log(p_agent_id => 'credit-scoring', p_mode => 'DRY_RUN', p_status => 'success');
:refused
\set step 'the function that takes a name is not for this role'
\set refusal 42501
SELECT audit.set_tenant(:'tenant');
:refused
\set step 'a made-up key is refused'
\set refusal RF005
SELECT audit.enter_tenant(:'made_up_key');
:refused
\set step 'so is SQL in its place'
\set refusal RF005
SELECT audit.enter_tenant($$rf_' OR '1'='1$$);
:refused
:show_keys
\set step 'and a key that belongs to another tenant than the one named beside it'
\set refusal RF007
SELECT audit.enter_tenant(current_setting('verify.tenant_key'), :'other');
:refused
\else
\echo 'The tenant is forged.'
\set step 'a name that is not registered is refused'
\set refusal RF002
SELECT audit.set_tenant('nobody');
:refused
\set step 'so is one that would be SQL if it were pasted into a statement'
\set refusal RF002
SELECT audit.set_tenant($$acme' OR '1'='1$$);
:refused
-- Any role may set any name in its own session; the register and the policies decide what the name opens.
SET LOCAL app.tenant_id = 'nobody';
\set step 'set by hand, it finds no record'
SELECT count(*) = 0 AS held FROM audit.audit_logs \gset
:holds
\set step 'and appends none'
\set refusal 23503
SELECT audit.insert_audit_log(p_agent_id => 'credit-scoring', p_mode => 'DRY_RUN', p_status => 'success');
:refused
\endif

\echo
\echo 'As' :tenant
\set step 'the tenant is entered'
:enter_tenant
:holds
\set step 'a record is appended'
SELECT audit.insert_audit_log(
    p_id => :'record', p_trace_id => 'verify.sql', p_agent_id => 'credit-scoring',
    p_mode => 'DRY_RUN', p_status => 'success') = :'record' AS held \gset
:holds
\set step 'the list has it'
SELECT position(:'record' IN audit.list_audit_logs(p_trace_id => 'verify.sql')) > 0 AS held \gset
:holds
\set step 'the list of its agent has it'
SELECT (audit.list_audit_logs(p_agent_id => 'credit-scoring', p_trace_id => 'verify.sql')::json ->> 'count')::int >= 1
    AS held \gset
:holds
\set step 'the list of another agent has not'
SELECT (audit.list_audit_logs(p_agent_id => 'kyc-summary', p_trace_id => 'verify.sql')::json ->> 'count')::int = 0
    AS held \gset
:holds
-- What the service does when LIVE is asked for and disabled: it calls nothing, and records that it refused.
\set step 'a refused LIVE is recorded, and listed as denied'
SELECT audit.insert_audit_log(
    p_trace_id => 'verify.sql', p_agent_id => 'credit-scoring', p_mode => 'LIVE', p_status => 'denied',
    p_error => 'LIVE is disabled') IS NOT NULL AS held \gset
SELECT :'held' AND (audit.list_audit_logs(p_trace_id => 'verify.sql', p_status => 'denied')::json ->> 'count')::int >= 1
    AS held \gset
:holds
\set step 'a mode that does not exist is refused'
\set refusal 23514
SELECT audit.insert_audit_log(p_agent_id => 'credit-scoring', p_mode => 'TEST', p_status => 'success');
:refused
\set step 'a record without a status is refused'
\set refusal RF003
SELECT audit.insert_audit_log(p_agent_id => 'credit-scoring', p_mode => 'DRY_RUN', p_status => NULL);
:refused

\echo
\echo 'As' :other
\set step 'the tenant is entered'
:enter_other
:holds
\set step 'the same list is empty'
SELECT (audit.list_audit_logs(p_trace_id => 'verify.sql')::json ->> 'count')::int = 0 AS held \gset
:holds
\set step 'a record in the other tenant''s name is refused'
\set refusal 42501
INSERT INTO audit.audit_logs (id, tenant_id, agent_id, mode, status)
VALUES (:'others_record', :'tenant', 'credit-scoring', 'DRY_RUN', 'success');
:refused
\set step 'the same record in its own name is appended'
INSERT INTO audit.audit_logs (id, tenant_id, agent_id, mode, status)
VALUES (:'others_record', :'other', 'credit-scoring', 'DRY_RUN', 'success');
SELECT :'SQLSTATE' = '00000' AS held \gset
:holds
\if :keyed
-- The name of the one, and the proof of the other.
SET LOCAL app.tenant_id = :'tenant';
\set step 'with the other tenant''s name set by hand there is no list'
\set refusal RF001
SELECT audit.list_audit_logs();
:refused
\set step 'and no record is appended'
\set refusal 42501
SELECT audit.insert_audit_log(p_agent_id => 'credit-scoring', p_mode => 'DRY_RUN', p_status => 'success');
:refused
\else
\set step 'the other tenant is not even known by name'
SELECT count(*) = 0 AS held FROM audit.tenants WHERE id = :'tenant' \gset
:holds
\endif

\echo
\echo 'As' :tenant 'again: append-only, and the secrets out of reach'
:enter_tenant
\set step 'the record is there'
SELECT :'held' AND position(:'record' IN audit.list_audit_logs(p_trace_id => 'verify.sql')) > 0 AS held \gset
:holds
\set step 'it cannot be changed'
\set refusal 42501
UPDATE audit.audit_logs SET status = 'error' WHERE id = :'record';
:refused
\set step 'it cannot be deleted'
\set refusal 42501
DELETE FROM audit.audit_logs WHERE id = :'record';
:refused
-- Row-level security does not apply to TRUNCATE: here the missing privilege is all there is.
\set step 'the table cannot be emptied'
\set refusal 42501
TRUNCATE audit.audit_logs;
:refused
\set step 'the time of a record cannot be chosen'
\set refusal 42501
INSERT INTO audit.audit_logs (id, tenant_id, agent_id, created_at)
VALUES (:'others_record', :'tenant', 'credit-scoring', '2000-01-01 00:00:00+00');
:refused
\set step 'the keys cannot be read'
\set refusal 42501
SELECT * FROM audit.api_keys;
:refused
\set step 'nor what proofs are made with'
\set refusal 42501
SELECT * FROM audit.proof_secrets;
:refused

ROLLBACK;

\if :keyed
\echo
\echo 'A proof is copied, and set by hand.'
BEGIN;
SAVEPOINT before_the_key;
:enter_tenant
SELECT current_setting('app.scopes') AS scopes, current_setting('app.proof') AS proof \gset
\set replay 'SET LOCAL app.tenant_id = :''tenant''; SET LOCAL app.scopes = :''scopes''; SET LOCAL app.proof = :''proof'';'
:replay
\set step 'in the transaction it was made in, it holds'
SELECT audit.insert_audit_log(
    p_id => :'record', p_agent_id => 'credit-scoring', p_mode => 'DRY_RUN', p_status => 'success') = :'record' AS held \gset
:holds
ROLLBACK TO SAVEPOINT before_the_key;
:replay
\set step 'after ROLLBACK TO a savepoint from before the key: no list'
\set refusal RF001
SELECT audit.list_audit_logs();
:refused
\set step 'and no record'
\set refusal 42501
SELECT audit.insert_audit_log(p_agent_id => 'credit-scoring', p_mode => 'DRY_RUN', p_status => 'success');
:refused
-- Where isolation is broken there is a record by now, and it must not be committed.
ROLLBACK TO SAVEPOINT before_the_key;
:enter_tenant
SELECT current_setting('app.scopes') AS scopes, current_setting('app.proof') AS proof \gset
COMMIT;
BEGIN;
:replay
\set step 'after COMMIT: no list'
\set refusal RF001
SELECT audit.list_audit_logs();
:refused
\set step 'and no record'
\set refusal 42501
SELECT audit.insert_audit_log(p_agent_id => 'credit-scoring', p_mode => 'DRY_RUN', p_status => 'success');
:refused
ROLLBACK;
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

\echo
\echo 'Is isolation intact on this database, for this role?'
SELECT * FROM audit.isolation_report();
\set step 'every rule is intact'
SELECT bool_and(intact) AND count(*) > 0 AS held FROM audit.isolation_report() \gset
:holds

\echo
SELECT :'verdicts' LIKE '%FAIL%' AS failed,
       (SELECT count(*) FROM regexp_matches(:'verdicts', 'PASS', 'g')) AS passed \gset
\if :failed
    \set ON_ERROR_STOP on
    \echo 'FAIL  isolation did not hold as' :role
    DO $$ BEGIN RAISE EXCEPTION 'verification failed'; END $$;
\endif
\echo PASS '' :passed 'steps as' :role
