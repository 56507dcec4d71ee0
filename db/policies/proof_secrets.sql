-- Who may do what with audit.proof_secrets: nobody but the functions that run as audit_owner, as which nobody connects.
-- A reader of this table can forge the proof of any tenant.

ALTER TABLE audit.proof_secrets ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit.proof_secrets FORCE ROW LEVEL SECURITY;

REVOKE ALL ON audit.proof_secrets FROM PUBLIC, audit_trusted, audit_keyed, audit_admin;
REVOKE TRUNCATE ON audit.proof_secrets FROM audit_owner;

DROP POLICY IF EXISTS owner_keeps_proof_secrets ON audit.proof_secrets;
CREATE POLICY owner_keeps_proof_secrets ON audit.proof_secrets
    FOR ALL TO audit_owner
    USING (true)
    WITH CHECK (true);
COMMENT ON POLICY owner_keeps_proof_secrets ON audit.proof_secrets IS
    'For audit.enter_tenant(), audit.tenant_proof() and audit.rotate_proof_secret(), which run as audit_owner.';
