-- Who may do what with audit.audit_logs. Append-only: no role that serves, reads or administers has UPDATE, DELETE or TRUNCATE, and no
-- policy allows them. audit_keeper alone, as whom nobody connects, deletes records and empties what is personal in them.
-- The tenant is compared bare, so that it becomes a condition of the index (tenant_id, created_at), and the proof is asked for in a
-- sub-select, which a statement runs once, however many rows it has. A record that is stored is compared with the proven key
-- too: the default of api_key_id reads a setting, which a statement can change between two columns.

ALTER TABLE audit.audit_logs ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit.audit_logs FORCE ROW LEVEL SECURITY;   -- the owner too

REVOKE ALL ON audit.audit_logs FROM PUBLIC, audit_trusted, audit_keyed, audit_admin, audit_keeper, audit_retention, audit_eraser;
REVOKE UPDATE, DELETE, TRUNCATE ON audit.audit_logs FROM audit_owner;   -- an attempt fails, instead of touching no rows
-- Not recorded_xid: it would tell one tenant how busy the others are.
GRANT SELECT (id, trace_id, tenant_id, agent_id, mode, status, http_status, latency_ms, user_id, error, created_at,
              recorded_at, api_key_id, context)
    ON audit.audit_logs TO audit_trusted;
-- Not created_at and recorded_at, the server's clock, nor recorded_xid and api_key_id. A grant on the table would let the caller choose them.
GRANT INSERT (id, trace_id, tenant_id, agent_id, mode, status, http_status, latency_ms, user_id, error, context)
    ON audit.audit_logs TO audit_trusted, audit_keyed;
-- For audit.prune_records() and the functions that erase.
GRANT SELECT (id, trace_id, tenant_id, agent_id, mode, status, http_status, latency_ms, user_id, error, created_at,
              recorded_at, api_key_id, context),
      UPDATE (user_id, error, context)
    ON audit.audit_logs TO audit_keeper;
GRANT DELETE ON audit.audit_logs TO audit_keeper;

DROP POLICY IF EXISTS trusted_reads_own_tenant ON audit.audit_logs;
CREATE POLICY trusted_reads_own_tenant ON audit.audit_logs
    FOR SELECT TO audit_trusted
    USING (tenant_id = current_setting('app.tenant_id', true));
COMMENT ON POLICY trusted_reads_own_tenant ON audit.audit_logs IS
    'A transaction reads the records of the tenant it is set to. No tenant set: no rows.';

DROP POLICY IF EXISTS trusted_appends_to_own_tenant ON audit.audit_logs;
CREATE POLICY trusted_appends_to_own_tenant ON audit.audit_logs
    FOR INSERT TO audit_trusted
    WITH CHECK (tenant_id = current_setting('app.tenant_id', true) AND api_key_id IS NULL);
COMMENT ON POLICY trusted_appends_to_own_tenant ON audit.audit_logs IS
    'A transaction appends records of the tenant it is set to, written with no key. No tenant set: no inserts.';

-- Second protection, restrictive: a permissive policy that is added later cannot give this role more rows.
DROP POLICY IF EXISTS trusted_stays_in_own_tenant ON audit.audit_logs;
CREATE POLICY trusted_stays_in_own_tenant ON audit.audit_logs
    AS RESTRICTIVE FOR ALL TO audit_trusted
    USING (tenant_id = current_setting('app.tenant_id', true))
    WITH CHECK (tenant_id = current_setting('app.tenant_id', true) AND api_key_id IS NULL);
COMMENT ON POLICY trusted_stays_in_own_tenant ON audit.audit_logs IS
    'Says the same as the permissive policies, and must hold beside any other: a stray policy with true opens nothing.';

-- audit_keyed: the same comparison, and another with the tenant that audit.enter_tenant() has proven for this transaction.
-- It has no SELECT: EXPLAIN ANALYZE counts the rows that a policy hides. It reads with audit.list_audit_logs(), which goes on
-- as the owner. The policies for SELECT bind it all the same, should it be granted one day.
DROP POLICY IF EXISTS keyed_reads_proven_tenant ON audit.audit_logs;
CREATE POLICY keyed_reads_proven_tenant ON audit.audit_logs
    FOR SELECT TO audit_keyed
    USING (tenant_id = current_setting('app.tenant_id', true) AND tenant_id = (SELECT audit.proven_tenant('read')));
COMMENT ON POLICY keyed_reads_proven_tenant ON audit.audit_logs IS
    'A transaction reads the records of the tenant that a key with the scope read has proven. Naming a tenant opens nothing.';

DROP POLICY IF EXISTS keyed_appends_to_proven_tenant ON audit.audit_logs;
CREATE POLICY keyed_appends_to_proven_tenant ON audit.audit_logs
    FOR INSERT TO audit_keyed
    WITH CHECK (tenant_id = current_setting('app.tenant_id', true) AND concat(tenant_id, ':', api_key_id) = (SELECT audit.proven_writer('write')));
COMMENT ON POLICY keyed_appends_to_proven_tenant ON audit.audit_logs IS
    'A transaction appends records of the tenant that a key with the scope write has proven, written with that key.';

-- The second line, a policy for each command: one for all would let one scope do what the other may.
DROP POLICY IF EXISTS keyed_reads_only_proven_tenant ON audit.audit_logs;
CREATE POLICY keyed_reads_only_proven_tenant ON audit.audit_logs
    AS RESTRICTIVE FOR SELECT TO audit_keyed
    USING (tenant_id = current_setting('app.tenant_id', true) AND tenant_id = (SELECT audit.proven_tenant('read')));
COMMENT ON POLICY keyed_reads_only_proven_tenant ON audit.audit_logs IS
    'Says the same as the permissive policy, and must hold beside any other: a stray policy with true opens nothing.';

DROP POLICY IF EXISTS keyed_appends_only_to_proven_tenant ON audit.audit_logs;
CREATE POLICY keyed_appends_only_to_proven_tenant ON audit.audit_logs
    AS RESTRICTIVE FOR INSERT TO audit_keyed
    WITH CHECK (tenant_id = current_setting('app.tenant_id', true) AND concat(tenant_id, ':', api_key_id) = (SELECT audit.proven_writer('write')));
COMMENT ON POLICY keyed_appends_only_to_proven_tenant ON audit.audit_logs IS
    'Says the same as the permissive policy, and must hold beside any other: a stray policy with true opens nothing.';

-- The owner: for the functions that read on behalf of audit_keyed. app.scope is what each of them sets for itself.
DROP POLICY IF EXISTS owner_reads_proven_tenant ON audit.audit_logs;
CREATE POLICY owner_reads_proven_tenant ON audit.audit_logs
    FOR SELECT TO audit_owner
    USING (tenant_id = current_setting('app.tenant_id', true)
           AND tenant_id = (SELECT audit.proven_tenant(current_setting('app.scope', true))));
COMMENT ON POLICY owner_reads_proven_tenant ON audit.audit_logs IS
    'For audit.list_proven_audit_logs(), audit.count_proven_audit_logs(), audit.get_proven_audit_log() and '
    'audit.export_proven_audit_logs(), scope read, and '
    'audit.are_stored(), scope write, '
    'which tells a writer whether the very records it repeats are there, and audit.import_audit_log_batch(), scope import, and '
    'audit.replay_audit_logs(), scope replay, likewise. '
    'Without their caller''s proof the owner sees nothing.';

-- A key that shows a part of its tenant: no other policy here, nor of another table, knows its proof. Where the tenant as a whole is
-- proven, the policy above is true and these sub-selects are not run. There is none for audit_keyed, which has no SELECT: were it granted
-- one day, such a key would see nothing with it.
DROP POLICY IF EXISTS owner_reads_part_of_proven_tenant ON audit.audit_logs;
CREATE POLICY owner_reads_part_of_proven_tenant ON audit.audit_logs
    FOR SELECT TO audit_owner
    USING (tenant_id = current_setting('app.tenant_id', true)
           AND tenant_id = (SELECT audit.proven_restricted_tenant(current_setting('app.scope', true)))
           AND created_at >= coalesce((SELECT audit.proven_restriction('start_time')::timestamptz), '-infinity')
           AND created_at < coalesce((SELECT audit.proven_restriction('end_time')::timestamptz), 'infinity')
           AND agent_id = coalesce((SELECT audit.proven_restriction('agent_id')), agent_id)
           AND trace_id IS NOT DISTINCT FROM coalesce((SELECT audit.proven_restriction('trace_id')), trace_id)
           AND user_id IS NOT DISTINCT FROM coalesce((SELECT audit.proven_restriction('user_id')), user_id)
           AND mode IS NOT DISTINCT FROM coalesce((SELECT audit.proven_restriction('mode')), mode)
           AND status IS NOT DISTINCT FROM coalesce((SELECT audit.proven_restriction('status')), status));
COMMENT ON POLICY owner_reads_part_of_proven_tenant ON audit.audit_logs IS
    'For audit.list_proven_audit_logs(), audit.get_proven_audit_log() and audit.export_proven_audit_logs() with a key that has a restriction: '
    'the records that have all of its values. Each value is checked with the proof.';

DROP POLICY IF EXISTS owner_imports_to_proven_tenant ON audit.audit_logs;
CREATE POLICY owner_imports_to_proven_tenant ON audit.audit_logs
    FOR INSERT TO audit_owner
    WITH CHECK (tenant_id = current_setting('app.tenant_id', true) AND concat(tenant_id, ':', api_key_id) = (SELECT audit.proven_writer('import')));
COMMENT ON POLICY owner_imports_to_proven_tenant ON audit.audit_logs IS
    'For audit.import_audit_log_batch(), which keeps the times of records that were made elsewhere. Without its caller''s '
    'proof, by a key with the scope import, the owner appends nothing.';

-- No key has the scope replay: audit.replay_audit_logs() proves it of a tenant whose records it has found genuine.
-- Where tenants are named, it proves no key, and the record has none.
DROP POLICY IF EXISTS owner_replays_to_proven_tenant ON audit.audit_logs;
CREATE POLICY owner_replays_to_proven_tenant ON audit.audit_logs
    FOR INSERT TO audit_owner
    WITH CHECK (tenant_id = current_setting('app.tenant_id', true) AND concat(tenant_id, ':', api_key_id) = (SELECT audit.proven_writer('replay')));
COMMENT ON POLICY owner_replays_to_proven_tenant ON audit.audit_logs IS
    'For audit.replay_audit_logs(), which keeps the times of records that were acknowledged while the database was unavailable. Their key '
    'is the one that it has found them genuine for; none where tenants are named.';

-- Append-only, whatever is granted one day.
DROP POLICY IF EXISTS nobody_changes_a_record ON audit.audit_logs;
CREATE POLICY nobody_changes_a_record ON audit.audit_logs
    AS RESTRICTIVE FOR UPDATE TO audit_trusted, audit_keyed
    USING (false);
COMMENT ON POLICY nobody_changes_a_record ON audit.audit_logs IS
    'No permissive policy allows it either; this one holds beside any that is added.';

DROP POLICY IF EXISTS nobody_deletes_a_record ON audit.audit_logs;
CREATE POLICY nobody_deletes_a_record ON audit.audit_logs
    AS RESTRICTIVE FOR DELETE TO audit_trusted, audit_keyed
    USING (false);
COMMENT ON POLICY nobody_deletes_a_record ON audit.audit_logs IS
    'No permissive policy allows it either; this one holds beside any that is added.';

-- audit_keeper: no key has the scope keep. Its functions prove it of one tenant after the other.
DROP POLICY IF EXISTS keeper_reads_proven_tenant ON audit.audit_logs;
CREATE POLICY keeper_reads_proven_tenant ON audit.audit_logs
    FOR SELECT TO audit_keeper
    USING (tenant_id = current_setting('app.tenant_id', true) AND tenant_id = (SELECT audit.proven_tenant('keep')));
COMMENT ON POLICY keeper_reads_proven_tenant ON audit.audit_logs IS
    'For the functions that prune, hold and erase, which prove each tenant in turn, with the scope keep.';

DROP POLICY IF EXISTS keeper_reads_only_proven_tenant ON audit.audit_logs;
CREATE POLICY keeper_reads_only_proven_tenant ON audit.audit_logs
    AS RESTRICTIVE FOR SELECT TO audit_keeper
    USING (tenant_id = current_setting('app.tenant_id', true) AND tenant_id = (SELECT audit.proven_tenant('keep')));
COMMENT ON POLICY keeper_reads_only_proven_tenant ON audit.audit_logs IS
    'Says the same as the permissive policy, and must hold beside any other: a stray policy with true opens nothing.';

DROP POLICY IF EXISTS keeper_prunes_proven_tenant ON audit.audit_logs;
CREATE POLICY keeper_prunes_proven_tenant ON audit.audit_logs
    FOR DELETE TO audit_keeper
    USING (tenant_id = current_setting('app.tenant_id', true) AND tenant_id = (SELECT audit.proven_tenant('keep')));
COMMENT ON POLICY keeper_prunes_proven_tenant ON audit.audit_logs IS
    'For audit.prune_records(). Terms, holds and seals are for the function to ask.';

DROP POLICY IF EXISTS keeper_prunes_only_proven_tenant ON audit.audit_logs;
CREATE POLICY keeper_prunes_only_proven_tenant ON audit.audit_logs
    AS RESTRICTIVE FOR DELETE TO audit_keeper
    USING (tenant_id = current_setting('app.tenant_id', true) AND tenant_id = (SELECT audit.proven_tenant('keep')));
COMMENT ON POLICY keeper_prunes_only_proven_tenant ON audit.audit_logs IS
    'Says the same as the permissive policy, and must hold beside any other: a stray policy with true opens nothing.';

DROP POLICY IF EXISTS keeper_erases_for_proven_tenant ON audit.audit_logs;
CREATE POLICY keeper_erases_for_proven_tenant ON audit.audit_logs
    FOR UPDATE TO audit_keeper
    USING (tenant_id = current_setting('app.tenant_id', true) AND tenant_id = (SELECT audit.proven_tenant('keep')))
    WITH CHECK (tenant_id = current_setting('app.tenant_id', true) AND tenant_id = (SELECT audit.proven_tenant('keep'))
                AND user_id IS NULL AND error IS NULL AND context IS NULL);
COMMENT ON POLICY keeper_erases_for_proven_tenant ON audit.audit_logs IS
    'For audit.erase_user() and audit.erase_record(): what is personal can be emptied, and never filled.';

DROP POLICY IF EXISTS keeper_erases_only_for_proven_tenant ON audit.audit_logs;
CREATE POLICY keeper_erases_only_for_proven_tenant ON audit.audit_logs
    AS RESTRICTIVE FOR UPDATE TO audit_keeper
    USING (tenant_id = current_setting('app.tenant_id', true) AND tenant_id = (SELECT audit.proven_tenant('keep')))
    WITH CHECK (tenant_id = current_setting('app.tenant_id', true) AND tenant_id = (SELECT audit.proven_tenant('keep'))
                AND user_id IS NULL AND error IS NULL AND context IS NULL);
COMMENT ON POLICY keeper_erases_only_for_proven_tenant ON audit.audit_logs IS
    'Says the same as the permissive policy, and must hold beside any other: a stray policy with true opens nothing.';
