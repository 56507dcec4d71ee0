-- Who may do what with audit.sealing_turn: nobody but audit.seal_records(), which runs as audit_owner, as which nobody connects.

ALTER TABLE audit.sealing_turn ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit.sealing_turn FORCE ROW LEVEL SECURITY;

REVOKE ALL ON audit.sealing_turn FROM PUBLIC, audit_trusted, audit_keyed, audit_admin, audit_sealer, audit_signer;
REVOKE INSERT, DELETE, TRUNCATE ON audit.sealing_turn FROM audit_owner;

DROP POLICY IF EXISTS owner_keeps_sealing_turn ON audit.sealing_turn;
CREATE POLICY owner_keeps_sealing_turn ON audit.sealing_turn
    FOR ALL TO audit_owner
    USING (true)
    WITH CHECK (true);
COMMENT ON POLICY owner_keeps_sealing_turn ON audit.sealing_turn IS
    'For audit.seal_records(), which runs as audit_owner. The row says whose turn came last, and nothing of any record.';
