-- Who may do what with audit.seal_nodes. Append-only: no role has UPDATE, DELETE or TRUNCATE, and no policy allows them. Nodes come
-- from audit.seal_records() and audit.begin_epoch(), which run as audit_owner.

ALTER TABLE audit.seal_nodes ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit.seal_nodes FORCE ROW LEVEL SECURITY;   -- the owner too

REVOKE ALL ON audit.seal_nodes FROM PUBLIC, audit_trusted, audit_keyed, audit_admin, audit_sealer, audit_signer, audit_keeper, audit_retention, audit_eraser;
REVOKE UPDATE, DELETE, TRUNCATE ON audit.seal_nodes FROM audit_owner;   -- an attempt fails, instead of touching no rows
GRANT SELECT ON audit.seal_nodes TO audit_trusted, audit_keeper;

DROP POLICY IF EXISTS trusted_reads_own_tenant ON audit.seal_nodes;
CREATE POLICY trusted_reads_own_tenant ON audit.seal_nodes
    FOR SELECT TO audit_trusted
    USING (tenant_id = current_setting('app.tenant_id', true));
COMMENT ON POLICY trusted_reads_own_tenant ON audit.seal_nodes IS
    'A transaction reads the nodes of the tenant it is set to. No tenant set: no rows.';

DROP POLICY IF EXISTS trusted_stays_in_own_tenant ON audit.seal_nodes;
CREATE POLICY trusted_stays_in_own_tenant ON audit.seal_nodes
    AS RESTRICTIVE FOR ALL TO audit_trusted
    USING (tenant_id = current_setting('app.tenant_id', true))
    WITH CHECK (tenant_id = current_setting('app.tenant_id', true));
COMMENT ON POLICY trusted_stays_in_own_tenant ON audit.seal_nodes IS
    'Says the same as the permissive policy, and must hold beside any other: a stray policy with true opens nothing.';

-- audit_keyed has no SELECT, as on audit.audit_logs. The policies bind it all the same, should it be granted one day.
DROP POLICY IF EXISTS keyed_reads_proven_tenant ON audit.seal_nodes;
CREATE POLICY keyed_reads_proven_tenant ON audit.seal_nodes
    FOR SELECT TO audit_keyed
    USING (tenant_id = current_setting('app.tenant_id', true) AND tenant_id = (SELECT audit.proven_tenant('read')));
COMMENT ON POLICY keyed_reads_proven_tenant ON audit.seal_nodes IS
    'A transaction reads the nodes of the tenant that a key with the scope read has proven.';

DROP POLICY IF EXISTS keyed_reads_only_proven_tenant ON audit.seal_nodes;
CREATE POLICY keyed_reads_only_proven_tenant ON audit.seal_nodes
    AS RESTRICTIVE FOR SELECT TO audit_keyed
    USING (tenant_id = current_setting('app.tenant_id', true) AND tenant_id = (SELECT audit.proven_tenant('read')));
COMMENT ON POLICY keyed_reads_only_proven_tenant ON audit.seal_nodes IS
    'Says the same as the permissive policy, and must hold beside any other: a stray policy with true opens nothing.';

-- app.scope is what each function sets for itself.
DROP POLICY IF EXISTS owner_reads_proven_tenant ON audit.seal_nodes;
CREATE POLICY owner_reads_proven_tenant ON audit.seal_nodes
    FOR SELECT TO audit_owner
    USING (tenant_id = current_setting('app.tenant_id', true)
           AND tenant_id = (SELECT audit.proven_tenant(current_setting('app.scope', true))));
COMMENT ON POLICY owner_reads_proven_tenant ON audit.seal_nodes IS
    'For the functions that read on behalf of audit_keyed, scope read, that seal, scope seal, and that serve the signer, scope '
    'sign. Without a proof of the tenant the owner sees nothing.';

-- No key has the scope seal.
DROP POLICY IF EXISTS owner_seals_for_proven_tenant ON audit.seal_nodes;
CREATE POLICY owner_seals_for_proven_tenant ON audit.seal_nodes
    FOR INSERT TO audit_owner
    WITH CHECK (tenant_id = current_setting('app.tenant_id', true) AND tenant_id = (SELECT audit.proven_tenant('seal')));
COMMENT ON POLICY owner_seals_for_proven_tenant ON audit.seal_nodes IS
    'For audit.seal_records() and audit.begin_epoch(), which prove each tenant in turn, with the scope seal.';

-- Append-only, whatever is granted one day.
DROP POLICY IF EXISTS nobody_changes_a_node ON audit.seal_nodes;
CREATE POLICY nobody_changes_a_node ON audit.seal_nodes
    AS RESTRICTIVE FOR UPDATE TO audit_trusted, audit_keyed
    USING (false);
COMMENT ON POLICY nobody_changes_a_node ON audit.seal_nodes IS
    'No permissive policy allows it either; this one holds beside any that is added.';

DROP POLICY IF EXISTS nobody_deletes_a_node ON audit.seal_nodes;
CREATE POLICY nobody_deletes_a_node ON audit.seal_nodes
    AS RESTRICTIVE FOR DELETE TO audit_trusted, audit_keyed
    USING (false);
COMMENT ON POLICY nobody_deletes_a_node ON audit.seal_nodes IS
    'No permissive policy allows it either; this one holds beside any that is added.';

-- No key has the scope keep.
DROP POLICY IF EXISTS keeper_reads_proven_tenant ON audit.seal_nodes;
CREATE POLICY keeper_reads_proven_tenant ON audit.seal_nodes
    FOR SELECT TO audit_keeper
    USING (tenant_id = current_setting('app.tenant_id', true) AND tenant_id = (SELECT audit.proven_tenant('keep')));
COMMENT ON POLICY keeper_reads_proven_tenant ON audit.seal_nodes IS
    'For audit.fold_tiles(), which asks whether a common hash is stored.';

DROP POLICY IF EXISTS keeper_reads_only_proven_tenant ON audit.seal_nodes;
CREATE POLICY keeper_reads_only_proven_tenant ON audit.seal_nodes
    AS RESTRICTIVE FOR SELECT TO audit_keeper
    USING (tenant_id = current_setting('app.tenant_id', true) AND tenant_id = (SELECT audit.proven_tenant('keep')));
COMMENT ON POLICY keeper_reads_only_proven_tenant ON audit.seal_nodes IS
    'Says the same as the permissive policy, and must hold beside any other: a stray policy with true opens nothing.';
