-- Who may do what with audit.pruned_ids. Append-only: audit.record_pruned_ids() adds to it and audit.are_pruned() looks into it, both as
-- audit_owner.

ALTER TABLE audit.pruned_ids ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit.pruned_ids FORCE ROW LEVEL SECURITY;

REVOKE ALL ON audit.pruned_ids FROM PUBLIC, audit_trusted, audit_keyed, audit_admin, audit_sealer, audit_signer, audit_keeper, audit_retention, audit_eraser;
REVOKE UPDATE, DELETE, TRUNCATE ON audit.pruned_ids FROM audit_owner;

DROP POLICY IF EXISTS owner_keeps_pruned_ids ON audit.pruned_ids;
CREATE POLICY owner_keeps_pruned_ids ON audit.pruned_ids
    FOR ALL TO audit_owner
    USING (true)
    WITH CHECK (true);
COMMENT ON POLICY owner_keeps_pruned_ids ON audit.pruned_ids IS
    'For audit.record_pruned_ids() and audit.are_pruned(), which run as audit_owner. An id says nothing of its record.';
