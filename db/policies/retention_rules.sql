-- Who may do what with audit.retention_rules: functions that run as audit_owner read it, and audit_owner itself changes the one row.

ALTER TABLE audit.retention_rules ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit.retention_rules FORCE ROW LEVEL SECURITY;

REVOKE ALL ON audit.retention_rules FROM PUBLIC, audit_trusted, audit_keyed, audit_admin, audit_sealer, audit_signer, audit_keeper, audit_retention, audit_eraser;
REVOKE INSERT, DELETE, TRUNCATE ON audit.retention_rules FROM audit_owner;

DROP POLICY IF EXISTS owner_keeps_retention_rules ON audit.retention_rules;
CREATE POLICY owner_keeps_retention_rules ON audit.retention_rules
    FOR ALL TO audit_owner
    USING (true)
    WITH CHECK (true);
COMMENT ON POLICY owner_keeps_retention_rules ON audit.retention_rules IS
    'For audit.set_retention_rules(), and the functions that ask for the rules. It says nothing of any tenant.';
