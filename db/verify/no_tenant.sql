-- Part of db/verify.sql, within its transaction: without a tenant, or with a forged one, nothing is read or written.

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
