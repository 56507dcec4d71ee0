-- Terms, legal hold, prune and erasure, step by step: for the DBA who wants to see what goes, what stays, and what still proves itself.
--
--     psql -X -q -f db/verify_retention.sql
--
-- As a superuser, who becomes one role after the other, on a database of your own and not on one in use: rows of audit.retention stay locked until
-- the end, so that prunes wait. It writes eight records of a tenant of its own and seals them; those stay. Everything after that is one transaction that is rolled
-- back. Exits with 0 when everything held, with 3 when something did not.

\if :{?tenant} \else \set tenant verify-retention \endif
\ir verify/steps.sql

SELECT session_user AS role, NOT r.rolsuper AS unfit FROM pg_roles AS r WHERE r.rolname = current_user \gset
\if :unfit
    \set ON_ERROR_STOP on
    \echo 'FAIL  run this as a superuser, on a database of your own'
    DO $$ BEGIN RAISE EXCEPTION 'nothing was verified'; END $$;
\endif

\echo
\echo 'Eight records of' :tenant
-- Four whose term has ended, of which one will be held; one more of the person who is erased; three that are too young.
SELECT count(audit.create_tenant(:'tenant')) AS created WHERE NOT EXISTS (SELECT FROM audit.tenants WHERE id = :'tenant') \gset
SELECT set_config('verify.tenant', :'tenant', false) AS tenant \gset
SELECT 'verify ' || clock_timestamp() AS trace \gset
INSERT INTO audit.audit_logs (id, trace_id, tenant_id, agent_id, mode, status, user_id, error, created_at)
SELECT audit.uuid_v7(), :'trace', :'tenant', CASE n WHEN 1 THEN 'held' ELSE 'kyc' END, 'DRY_RUN', 'error',
       CASE WHEN n IN (1, 5) THEN 'jane' ELSE 'joe' END, 'no answer', now() - make_interval(days => CASE WHEN n <= 4 THEN 40 ELSE 20 END)
FROM generate_series(1, 8) AS n;
-- A record is sealed when the transactions that began before it have ended.
DO $$
BEGIN
    FOR attempt IN 1 .. 100 LOOP
        PERFORM audit.seal_records();
        EXIT WHEN NOT EXISTS (
            SELECT FROM audit.audit_logs AS l
            WHERE l.tenant_id = current_setting('verify.tenant')
              AND NOT EXISTS (SELECT FROM audit.seals AS s WHERE s.tenant_id = l.tenant_id AND s.record_id = l.id));
        PERFORM pg_sleep(0.1);
    END LOOP;
END
$$;
-- The tree as it is now: what a checkpoint of this moment would sign.
SELECT epoch AS old_epoch, size AS old_size, encode(root, 'hex') AS old_root FROM audit.trees WHERE tenant_id = :'tenant' ORDER BY epoch DESC LIMIT 1 \gset
\set step 'they are sealed'
SELECT count(*) = 8 AS held FROM audit.audit_logs AS l JOIN audit.seals AS s ON s.tenant_id = l.tenant_id AND s.record_id = l.id
WHERE l.tenant_id = :'tenant' AND l.trace_id = :'trace' \gset
:holds

BEGIN;
-- The other tenants keep theirs for ever meanwhile, so that this prune is about one.
SELECT count(audit.set_retention(tenant_id, NULL, NULL)) AS others FROM audit.list_retention() WHERE tenant_id <> :'tenant' \gset
SELECT id AS due FROM audit.audit_logs WHERE tenant_id = :'tenant' AND trace_id = :'trace' AND agent_id = 'kyc' ORDER BY created_at, id LIMIT 1 \gset
SELECT id AS person FROM audit.audit_logs WHERE tenant_id = :'tenant' AND trace_id = :'trace' AND agent_id = 'kyc' AND user_id = 'jane' \gset
SELECT count(*) AS before FROM audit.audit_logs WHERE tenant_id = :'tenant' \gset

\echo
\echo 'As an administrator'
SET LOCAL ROLE audit_admin;
\set step 'no record is read'
\set refusal 42501
SELECT * FROM audit.audit_logs;
:refused
\set step 'a term for LIVE below the floor is refused'
\set refusal RF003
SELECT audit.set_retention(:'tenant', 182, 30);
:refused
\set step 'terms are set'
SELECT audit.set_retention(:'tenant', 183, 30) IS NOT NULL AS held \gset
SELECT count(*) = 1 AS held FROM audit.list_retention() WHERE tenant_id = :'tenant' AND live_days = 183 AND dry_run_days = 30 \gset
:holds
\set step 'a legal hold is placed'
SELECT audit.place_hold(:'tenant', 'walk-through', 'verify_retention.sql', p_agent_id => 'held') AS hold \gset
SELECT count(*) = 1 AS held FROM audit.list_holds(:'tenant') WHERE id = :'hold' AND status = 'held' \gset
:holds
\set step 'nothing is pruned by this role'
\set refusal 42501
SELECT audit.prune_records();
:refused

\echo
\echo 'As the job'
SET LOCAL ROLE audit_retention;
\set step 'no record is read'
\set refusal 42501
SELECT * FROM audit.audit_logs;
:refused
\set step 'no term is set by this role'
\set refusal 42501
SELECT audit.set_retention(:'tenant', 183, 1);
:refused
\set step 'nobody is erased by this role'
\set refusal 42501
SELECT audit.erase_user(:'tenant', 'jane', 'walk-through');
:refused
SELECT tenant_id, mode, due, held, unsealed FROM audit.count_due_records() WHERE tenant_id = :'tenant';
\set step 'the dry run counts what is due, and what is held'
SELECT due >= 3 AND held >= 1 AS held FROM audit.count_due_records() WHERE tenant_id = :'tenant' \gset
:holds
\set step 'what is due is pruned'
SELECT pruned >= 3 AND is_done AS held FROM audit.prune_records(10000) \gset
:holds
\set step 'and is gone; what is held is there, and what is too young'
RESET ROLE;
SELECT count(*) FILTER (WHERE id = :'due') = 0 AND count(*) FILTER (WHERE agent_id = 'held') = 1 AND count(*) = 5 AS held
FROM audit.audit_logs WHERE tenant_id = :'tenant' AND trace_id = :'trace' \gset
:holds
\set step 'its id cannot be taken again'
\set refusal RF004
SELECT audit.set_tenant(:'tenant') AS entered \gset
SELECT audit.insert_audit_log(p_id => :'due', p_agent_id => 'kyc', p_mode => 'DRY_RUN', p_status => 'success');
:refused

\echo
\echo 'A person is erased.'
SET LOCAL ROLE audit_eraser;
\set step 'by a role that prunes nothing'
\set refusal 42501
SELECT audit.prune_records();
:refused
\set step 'from every record but the one that is held'
SELECT erased >= 1 AND held >= 1 AND unsealed = 0 AND after_id IS NULL AS held FROM audit.erase_user(:'tenant', 'jane', 'walk-through', 10000) \gset
:holds
\set step 'a record that is held is not erased by its id either'
RESET ROLE;
SELECT id AS held_record FROM audit.audit_logs WHERE tenant_id = :'tenant' AND trace_id = :'trace' AND agent_id = 'held' \gset
SET LOCAL ROLE audit_eraser;
\set refusal RF011
SELECT audit.erase_record(:'tenant', :'held_record', 'walk-through');
:refused
\set step 'user and error are empty, the record is there'
RESET ROLE;
SELECT user_id IS NULL AND error IS NULL AND status = 'error' AS held FROM audit.audit_logs WHERE id = :'person' \gset
:holds
\set step 'two statements in the tree say what was pruned and erased, and name nobody'
SELECT string_agg(line::json ->> 'kind', ' ' ORDER BY leaf_index) = 'prune erase' AND string_agg(line, '') NOT LIKE '%jane%' AS held
FROM audit.seals WHERE tenant_id = :'tenant' AND leaf_index >= :old_size AND line IS NOT NULL \gset
:holds
\set step 'so do two events'
SELECT string_agg(act, ', ' ORDER BY act) = 'person erased, records pruned' AND string_agg(detail::text, '') NOT LIKE '%jane%' AS held
FROM audit.admin_events WHERE tenant_id = :'tenant' AND created_at = now() AND act IN ('records pruned', 'person erased') \gset
:holds

\echo
\echo 'What is left proves itself, with the server''s own sha256() and nothing of ours.'
\set step 'the leaves lead to the root of before: every old checkpoint and proof holds'
WITH RECURSIVE way AS (
    SELECT array_agg(leaf_hash ORDER BY leaf_index) AS nodes
    FROM audit.seals WHERE tenant_id = :'tenant' AND epoch = :old_epoch AND leaf_index < :old_size
    UNION ALL
    -- RFC 9162, section 2.1: pairs of neighbours; one that is left over goes up as it is.
    SELECT ARRAY(SELECT CASE WHEN n = cardinality(nodes) THEN nodes[n] ELSE sha256('\x01'::bytea || nodes[n] || nodes[n + 1]) END
                 FROM generate_series(1, cardinality(nodes), 2) AS n ORDER BY n)
    FROM way WHERE cardinality(nodes) > 1)
SELECT encode(nodes[1], 'hex') = :'old_root' AS held FROM way WHERE cardinality(nodes) = 1 \gset
:holds
\set step 'each record that is left has the hash of its leaf, the one that was erased among them'
SELECT audit.set_tenant(:'tenant') AS entered \gset
SELECT count(*) = 5 AND bool_and(s.leaf_hash = sha256('\x00'::bytea || convert_to(split_part(audit.get_leaf(l.id), E'\n', 1), 'UTF8'))) AS held
FROM audit.audit_logs AS l JOIN audit.seals AS s ON s.tenant_id = l.tenant_id AND s.record_id = l.id
WHERE l.tenant_id = :'tenant' AND l.trace_id = :'trace' \gset
:holds
\set step 'the salt of what was erased is gone'
SELECT salt IS NULL AND private_sha256 IS NOT NULL AS held FROM audit.seals WHERE tenant_id = :'tenant' AND record_id = :'person' \gset
:holds

\echo
\echo 'The hold is released by two.'
SET LOCAL ROLE audit_owner;
SELECT audit.set_retention_rules(p_live_floor_days => 183, p_release_by_two => true) IS NULL AS held \gset
SET LOCAL ROLE audit_admin;
\set step 'one login asks'
SELECT audit.release_hold(:'hold', 'walk-through') = 'release asked' AS held \gset
:holds
\set step 'and cannot confirm it'
\set refusal RF006
SELECT audit.confirm_release(:'hold');
:refused
\set step 'what is held is still there after a prune'
SET LOCAL ROLE audit_retention;
SELECT pruned = 0 AS held FROM audit.prune_records(10000) \gset
:holds
RESET ROLE;
CREATE ROLE verify_retention_second IN ROLE audit_admin;
SET LOCAL SESSION AUTHORIZATION verify_retention_second;
\set step 'another login confirms'
SELECT audit.confirm_release(:'hold') IS NOT NULL AS held \gset
SELECT status = 'released' AS held FROM audit.list_holds(:'tenant') WHERE id = :'hold' \gset
:holds
RESET SESSION AUTHORIZATION;
SET LOCAL ROLE audit_retention;
\set step 'and the next prune takes it'
SELECT pruned >= 1 AS held FROM audit.prune_records(10000) \gset
:holds
ROLLBACK;

\set step 'rolled back: every record is there again'
SELECT count(*) = :before AND to_regrole('verify_retention_second') IS NULL AS held FROM audit.audit_logs WHERE tenant_id = :'tenant' \gset
:holds

\ir verify/verdict.sql
\if :failed
    \set ON_ERROR_STOP on
    DO $$ BEGIN RAISE EXCEPTION 'verification failed'; END $$;
\endif
