-- Who may do what with audit.seals. Leaves come from audit.seal_records(), audit.begin_epoch() and the statements of prune and erase, which
-- run as audit_owner. What a leaf is of can go, by functions of audit_keeper; its hash never changes.

ALTER TABLE audit.seals ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit.seals FORCE ROW LEVEL SECURITY;   -- the owner too

REVOKE ALL ON audit.seals FROM PUBLIC, audit_trusted, audit_keyed, audit_admin, audit_sealer, audit_signer, audit_keeper, audit_retention, audit_eraser;
REVOKE UPDATE, DELETE, TRUNCATE ON audit.seals FROM audit_owner;   -- an attempt fails, instead of touching no rows
GRANT SELECT ON audit.seals TO audit_trusted, audit_keeper;
-- Not leaf_hash, nor the leaf's place.
GRANT UPDATE (record_id, salt, private_sha256) ON audit.seals TO audit_keeper;
GRANT DELETE ON audit.seals TO audit_keeper;

DROP POLICY IF EXISTS trusted_reads_own_tenant ON audit.seals;
CREATE POLICY trusted_reads_own_tenant ON audit.seals
    FOR SELECT TO audit_trusted
    USING (tenant_id = current_setting('app.tenant_id', true));
COMMENT ON POLICY trusted_reads_own_tenant ON audit.seals IS
    'A transaction reads the leaves of the tenant it is set to. No tenant set: no rows.';

DROP POLICY IF EXISTS trusted_stays_in_own_tenant ON audit.seals;
CREATE POLICY trusted_stays_in_own_tenant ON audit.seals
    AS RESTRICTIVE FOR ALL TO audit_trusted
    USING (tenant_id = current_setting('app.tenant_id', true))
    WITH CHECK (tenant_id = current_setting('app.tenant_id', true));
COMMENT ON POLICY trusted_stays_in_own_tenant ON audit.seals IS
    'Says the same as the permissive policy, and must hold beside any other: a stray policy with true opens nothing.';

-- audit_keyed has no SELECT, as on audit.audit_logs. The policies bind it all the same, should it be granted one day.
DROP POLICY IF EXISTS keyed_reads_proven_tenant ON audit.seals;
CREATE POLICY keyed_reads_proven_tenant ON audit.seals
    FOR SELECT TO audit_keyed
    USING (tenant_id = current_setting('app.tenant_id', true) AND tenant_id = (SELECT audit.proven_tenant('read')));
COMMENT ON POLICY keyed_reads_proven_tenant ON audit.seals IS
    'A transaction reads the leaves of the tenant that a key with the scope read has proven.';

DROP POLICY IF EXISTS keyed_reads_only_proven_tenant ON audit.seals;
CREATE POLICY keyed_reads_only_proven_tenant ON audit.seals
    AS RESTRICTIVE FOR SELECT TO audit_keyed
    USING (tenant_id = current_setting('app.tenant_id', true) AND tenant_id = (SELECT audit.proven_tenant('read')));
COMMENT ON POLICY keyed_reads_only_proven_tenant ON audit.seals IS
    'Says the same as the permissive policy, and must hold beside any other: a stray policy with true opens nothing.';

-- app.scope is what each function sets for itself.
DROP POLICY IF EXISTS owner_reads_proven_tenant ON audit.seals;
CREATE POLICY owner_reads_proven_tenant ON audit.seals
    FOR SELECT TO audit_owner
    USING (tenant_id = current_setting('app.tenant_id', true)
           AND tenant_id = (SELECT audit.proven_tenant(current_setting('app.scope', true))));
COMMENT ON POLICY owner_reads_proven_tenant ON audit.seals IS
    'For the functions that read on behalf of audit_keyed, scope read, that seal, scope seal, and that serve the signer, scope '
    'sign. Without a proof of the tenant the owner sees nothing.';

-- No key has the scope seal.
DROP POLICY IF EXISTS owner_seals_for_proven_tenant ON audit.seals;
CREATE POLICY owner_seals_for_proven_tenant ON audit.seals
    FOR INSERT TO audit_owner
    WITH CHECK (tenant_id = current_setting('app.tenant_id', true) AND tenant_id = (SELECT audit.proven_tenant('seal')));
COMMENT ON POLICY owner_seals_for_proven_tenant ON audit.seals IS
    'For audit.seal_records() and audit.begin_epoch(), which prove each tenant in turn, with the scope seal.';

-- Append-only, whatever is granted one day.
DROP POLICY IF EXISTS nobody_changes_a_leaf ON audit.seals;
CREATE POLICY nobody_changes_a_leaf ON audit.seals
    AS RESTRICTIVE FOR UPDATE TO audit_trusted, audit_keyed
    USING (false);
COMMENT ON POLICY nobody_changes_a_leaf ON audit.seals IS
    'No permissive policy allows it either; this one holds beside any that is added.';

DROP POLICY IF EXISTS nobody_deletes_a_leaf ON audit.seals;
CREATE POLICY nobody_deletes_a_leaf ON audit.seals
    AS RESTRICTIVE FOR DELETE TO audit_trusted, audit_keyed
    USING (false);
COMMENT ON POLICY nobody_deletes_a_leaf ON audit.seals IS
    'No permissive policy allows it either; this one holds beside any that is added.';

-- No key has the scope keep.
DROP POLICY IF EXISTS keeper_reads_proven_tenant ON audit.seals;
CREATE POLICY keeper_reads_proven_tenant ON audit.seals
    FOR SELECT TO audit_keeper
    USING (tenant_id = current_setting('app.tenant_id', true) AND tenant_id = (SELECT audit.proven_tenant('keep')));
COMMENT ON POLICY keeper_reads_proven_tenant ON audit.seals IS
    'For the functions that prune and erase, which prove each tenant in turn, with the scope keep.';

DROP POLICY IF EXISTS keeper_reads_only_proven_tenant ON audit.seals;
CREATE POLICY keeper_reads_only_proven_tenant ON audit.seals
    AS RESTRICTIVE FOR SELECT TO audit_keeper
    USING (tenant_id = current_setting('app.tenant_id', true) AND tenant_id = (SELECT audit.proven_tenant('keep')));
COMMENT ON POLICY keeper_reads_only_proven_tenant ON audit.seals IS
    'Says the same as the permissive policy, and must hold beside any other: a stray policy with true opens nothing.';

DROP POLICY IF EXISTS keeper_empties_for_proven_tenant ON audit.seals;
CREATE POLICY keeper_empties_for_proven_tenant ON audit.seals
    FOR UPDATE TO audit_keeper
    USING (tenant_id = current_setting('app.tenant_id', true) AND tenant_id = (SELECT audit.proven_tenant('keep')))
    WITH CHECK (tenant_id = current_setting('app.tenant_id', true) AND tenant_id = (SELECT audit.proven_tenant('keep'))
                AND salt IS NULL);
COMMENT ON POLICY keeper_empties_for_proven_tenant ON audit.seals IS
    'For the functions that prune and erase: they take from a leaf what it was of, its salt in every case. The column grants leave its '
    'hash and place alone.';

DROP POLICY IF EXISTS keeper_empties_only_for_proven_tenant ON audit.seals;
CREATE POLICY keeper_empties_only_for_proven_tenant ON audit.seals
    AS RESTRICTIVE FOR UPDATE TO audit_keeper
    USING (tenant_id = current_setting('app.tenant_id', true) AND tenant_id = (SELECT audit.proven_tenant('keep')))
    WITH CHECK (tenant_id = current_setting('app.tenant_id', true) AND tenant_id = (SELECT audit.proven_tenant('keep'))
                AND salt IS NULL);
COMMENT ON POLICY keeper_empties_only_for_proven_tenant ON audit.seals IS
    'Says the same as the permissive policy, and must hold beside any other: a stray policy with true opens nothing.';

DROP POLICY IF EXISTS keeper_folds_for_proven_tenant ON audit.seals;
CREATE POLICY keeper_folds_for_proven_tenant ON audit.seals
    FOR DELETE TO audit_keeper
    USING (tenant_id = current_setting('app.tenant_id', true) AND tenant_id = (SELECT audit.proven_tenant('keep')));
COMMENT ON POLICY keeper_folds_for_proven_tenant ON audit.seals IS
    'For audit.fold_tiles(), where all of 256 leaves are pruned and audit.seal_nodes has their common hash.';

DROP POLICY IF EXISTS keeper_folds_only_for_proven_tenant ON audit.seals;
CREATE POLICY keeper_folds_only_for_proven_tenant ON audit.seals
    AS RESTRICTIVE FOR DELETE TO audit_keeper
    USING (tenant_id = current_setting('app.tenant_id', true) AND tenant_id = (SELECT audit.proven_tenant('keep')));
COMMENT ON POLICY keeper_folds_only_for_proven_tenant ON audit.seals IS
    'Says the same as the permissive policy, and must hold beside any other: a stray policy with true opens nothing.';
