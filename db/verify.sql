-- The README's curl walk-through again, in psql and without the service: for the DBA who believes the server alone.
--
--     psql -X -q -f db/verify.sql                              as audit_app, for the tenants acme and globex
--     psql -X -q -v tenant=a -v other=b -f db/verify.sql       for two other registered tenants
--
-- Safe on a database in use: the trail is append-only, so what is written here is written in one transaction that is
-- rolled back. Every refusal stands beside the same thing allowed, so that a missing grant cannot pass for isolation.
-- Exits with 0 when everything held, with 3 when something did not.

\if :{?tenant} \else \set tenant acme \endif
\if :{?other} \else \set other globex \endif
-- Never a record's id: nothing that carries it is ever committed.
\set record 01900000-0000-7000-8000-000000000001

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
       (SELECT r.rolsuper OR r.rolbypassrls FROM pg_roles AS r WHERE r.rolname = current_user)
       OR coalesce(pg_has_role(to_regrole('audit_owner'), 'MEMBER'), false)
       OR NOT coalesce(pg_has_role(to_regrole('audit_trusted'), 'USAGE'), false) AS unfit \gset
\if :unfit
    \set ON_ERROR_STOP on
    \echo 'FAIL  run this as audit_app, not as' :role
    DO $$ BEGIN RAISE EXCEPTION 'nothing was verified'; END $$;
\endif

BEGIN;

\echo 'No tenant is set.'
\set step 'a query finds no record'
SELECT count(*) = 0 AS held FROM audit.audit_logs \gset
:holds
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

\echo
\echo 'Set to' :tenant
\set step 'the tenant is registered'
SELECT audit.set_tenant(:'tenant') = :'tenant' AS held \gset
:holds
\set step 'a record is appended'
SELECT audit.insert_audit_log(
    p_id => :'record', p_trace_id => 'verify.sql', p_agent_id => 'credit-scoring',
    p_mode => 'DRY_RUN', p_status => 'success') = :'record' AS held \gset
:holds
\set step 'the list has it'
SELECT (audit.list_audit_logs(p_trace_id => 'verify.sql')::json ->> 'count')::int >= 1 AS held \gset
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
\echo 'Set to' :other
\set step 'the tenant is registered'
SELECT audit.set_tenant(:'other') = :'other' AS held \gset
:holds
\set step 'the record is not there'
SELECT count(*) = 0 AS held FROM audit.audit_logs WHERE id = :'record' \gset
:holds
\set step 'the same list is empty'
SELECT (audit.list_audit_logs(p_trace_id => 'verify.sql')::json ->> 'count')::int = 0 AS held \gset
:holds
\set step 'the other tenant is not even known by name'
SELECT count(*) = 0 AS held FROM audit.tenants WHERE id = :'tenant' \gset
:holds
\set step 'a record in the other tenant''s name is refused'
\set refusal 42501
INSERT INTO audit.audit_logs (id, tenant_id, agent_id, mode, status)
VALUES ('01900000-0000-7000-8000-000000000002', :'tenant', 'credit-scoring', 'DRY_RUN', 'success');
:refused
\set step 'the same record in its own name is appended'
INSERT INTO audit.audit_logs (id, tenant_id, agent_id, mode, status)
VALUES ('01900000-0000-7000-8000-000000000002', :'other', 'credit-scoring', 'DRY_RUN', 'success');
SELECT :'SQLSTATE' = '00000' AS held \gset
:holds

\echo
\echo 'Set to' :tenant 'again: append-only'
SELECT audit.set_tenant(:'tenant') = :'tenant' AS held \gset
\set step 'the record is there'
SELECT :'held' AND count(*) = 1 AS held FROM audit.audit_logs WHERE id = :'record' \gset
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
VALUES ('01900000-0000-7000-8000-000000000003', :'tenant', 'credit-scoring', '2000-01-01 00:00:00+00');
:refused

ROLLBACK;
BEGIN;

\echo
\echo 'The transaction has ended, and was rolled back.'
-- What is left of the setting is the empty string, not NULL: what the next user of a pooled session finds.
\set step 'the tenant ended with it: a query finds no record'
SELECT count(*) = 0 AS held FROM audit.audit_logs \gset
:holds
\set step 'and nothing is appended'
\set refusal RF001
SELECT audit.insert_audit_log(p_agent_id => 'credit-scoring', p_mode => 'DRY_RUN', p_status => 'success');
:refused
SELECT audit.set_tenant(:'tenant') = :'tenant' AS held \gset
\set step 'no trace is left of the record'
SELECT :'held' AND count(*) = 0 AS held FROM audit.audit_logs WHERE id = :'record' \gset
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
