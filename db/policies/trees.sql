-- Who may do what with audit.trees. Nothing is deleted. audit.seal_records() and audit.begin_epoch(), which run as audit_owner, add
-- trees and change how far each has grown; which tenant and epoch a tree has never changes.

ALTER TABLE audit.trees ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit.trees FORCE ROW LEVEL SECURITY;   -- the owner too

REVOKE ALL ON audit.trees FROM PUBLIC, audit_trusted, audit_keyed, audit_admin, audit_sealer, audit_signer, audit_keeper, audit_retention, audit_eraser;
REVOKE UPDATE, DELETE, TRUNCATE ON audit.trees FROM audit_owner;
GRANT UPDATE (size, root, frontier, history_at, history_id, sealed_xid, sealed_id) ON audit.trees TO audit_owner;
-- Not sealed_xid: a transaction number tells one tenant how busy the others are. Nor where sealing stands otherwise.
GRANT SELECT (tenant_id, epoch, size, root, frontier, began_at) ON audit.trees TO audit_trusted;
GRANT SELECT (tenant_id, epoch, size) ON audit.trees TO audit_keeper;

DROP POLICY IF EXISTS trusted_reads_own_tenant ON audit.trees;
CREATE POLICY trusted_reads_own_tenant ON audit.trees
    FOR SELECT TO audit_trusted
    USING (tenant_id = current_setting('app.tenant_id', true));
COMMENT ON POLICY trusted_reads_own_tenant ON audit.trees IS
    'A transaction reads the trees of the tenant it is set to. No tenant set: no rows.';

DROP POLICY IF EXISTS trusted_stays_in_own_tenant ON audit.trees;
CREATE POLICY trusted_stays_in_own_tenant ON audit.trees
    AS RESTRICTIVE FOR ALL TO audit_trusted
    USING (tenant_id = current_setting('app.tenant_id', true))
    WITH CHECK (tenant_id = current_setting('app.tenant_id', true));
COMMENT ON POLICY trusted_stays_in_own_tenant ON audit.trees IS
    'Says the same as the permissive policy, and must hold beside any other: a stray policy with true opens nothing.';

-- audit_keyed has no SELECT, as on audit.audit_logs. The policies bind it all the same, should it be granted one day.
DROP POLICY IF EXISTS keyed_reads_proven_tenant ON audit.trees;
CREATE POLICY keyed_reads_proven_tenant ON audit.trees
    FOR SELECT TO audit_keyed
    USING (tenant_id = current_setting('app.tenant_id', true) AND tenant_id = (SELECT audit.proven_tenant('read')));
COMMENT ON POLICY keyed_reads_proven_tenant ON audit.trees IS
    'A transaction reads the trees of the tenant that a key with the scope read has proven.';

DROP POLICY IF EXISTS keyed_reads_only_proven_tenant ON audit.trees;
CREATE POLICY keyed_reads_only_proven_tenant ON audit.trees
    AS RESTRICTIVE FOR SELECT TO audit_keyed
    USING (tenant_id = current_setting('app.tenant_id', true) AND tenant_id = (SELECT audit.proven_tenant('read')));
COMMENT ON POLICY keyed_reads_only_proven_tenant ON audit.trees IS
    'Says the same as the permissive policy, and must hold beside any other: a stray policy with true opens nothing.';

-- app.scope is what each function sets for itself.
DROP POLICY IF EXISTS owner_reads_proven_tenant ON audit.trees;
CREATE POLICY owner_reads_proven_tenant ON audit.trees
    FOR SELECT TO audit_owner
    USING (tenant_id = current_setting('app.tenant_id', true)
           AND tenant_id = (SELECT audit.proven_tenant(current_setting('app.scope', true))));
COMMENT ON POLICY owner_reads_proven_tenant ON audit.trees IS
    'For the functions that read on behalf of audit_keyed, scope read, that seal, scope seal, and that serve the signer, scope '
    'sign. Without a proof of the tenant the owner sees nothing.';

DROP POLICY IF EXISTS owner_reads_for_signers ON audit.trees;
CREATE POLICY owner_reads_for_signers ON audit.trees
    FOR SELECT TO audit_owner
    USING (current_setting('app.scope', true) = 'sign' AND pg_has_role(session_user, 'audit_signer', 'MEMBER'));
COMMENT ON POLICY owner_reads_for_signers ON audit.trees IS
    'For audit.list_tree_heads(), which runs as audit_owner for a login that is a member of audit_signer, and sets the scope sign '
    'for itself. No login of a service is a member, whatever it sets.';

-- No key has the scope seal.
DROP POLICY IF EXISTS owner_seals_for_proven_tenant ON audit.trees;
CREATE POLICY owner_seals_for_proven_tenant ON audit.trees
    FOR INSERT TO audit_owner
    WITH CHECK (tenant_id = current_setting('app.tenant_id', true) AND tenant_id = (SELECT audit.proven_tenant('seal')));
COMMENT ON POLICY owner_seals_for_proven_tenant ON audit.trees IS
    'For audit.seal_records() and audit.begin_epoch(), which prove each tenant in turn, with the scope seal.';

DROP POLICY IF EXISTS owner_grows_tree_of_proven_tenant ON audit.trees;
CREATE POLICY owner_grows_tree_of_proven_tenant ON audit.trees
    FOR UPDATE TO audit_owner
    USING (tenant_id = current_setting('app.tenant_id', true) AND tenant_id = (SELECT audit.proven_tenant('seal')))
    WITH CHECK (tenant_id = current_setting('app.tenant_id', true) AND tenant_id = (SELECT audit.proven_tenant('seal')));
COMMENT ON POLICY owner_grows_tree_of_proven_tenant ON audit.trees IS
    'For audit.seal_records() and audit.begin_epoch(), which prove each tenant in turn, with the scope seal.';

-- Append-only, whatever is granted one day.
DROP POLICY IF EXISTS nobody_changes_a_tree ON audit.trees;
CREATE POLICY nobody_changes_a_tree ON audit.trees
    AS RESTRICTIVE FOR UPDATE TO audit_trusted, audit_keyed
    USING (false);
COMMENT ON POLICY nobody_changes_a_tree ON audit.trees IS
    'No permissive policy allows it either; this one holds beside any that is added.';

DROP POLICY IF EXISTS nobody_deletes_a_tree ON audit.trees;
CREATE POLICY nobody_deletes_a_tree ON audit.trees
    AS RESTRICTIVE FOR DELETE TO audit_trusted, audit_keyed
    USING (false);
COMMENT ON POLICY nobody_deletes_a_tree ON audit.trees IS
    'No permissive policy allows it either; this one holds beside any that is added.';

-- No key has the scope keep.
DROP POLICY IF EXISTS keeper_reads_proven_tenant ON audit.trees;
CREATE POLICY keeper_reads_proven_tenant ON audit.trees
    FOR SELECT TO audit_keeper
    USING (tenant_id = current_setting('app.tenant_id', true) AND tenant_id = (SELECT audit.proven_tenant('keep')));
COMMENT ON POLICY keeper_reads_proven_tenant ON audit.trees IS
    'For audit.fold_tiles(), which asks how large a tree is.';

DROP POLICY IF EXISTS keeper_reads_only_proven_tenant ON audit.trees;
CREATE POLICY keeper_reads_only_proven_tenant ON audit.trees
    AS RESTRICTIVE FOR SELECT TO audit_keeper
    USING (tenant_id = current_setting('app.tenant_id', true) AND tenant_id = (SELECT audit.proven_tenant('keep')));
COMMENT ON POLICY keeper_reads_only_proven_tenant ON audit.trees IS
    'Says the same as the permissive policy, and must hold beside any other: a stray policy with true opens nothing.';
