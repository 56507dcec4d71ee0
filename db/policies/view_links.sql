-- Who may do what with audit.view_links: only functions that run as audit_owner have access. No login uses that role.
-- This policy applies to the owner only; FORCE makes row-level security apply to it.

ALTER TABLE audit.view_links ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit.view_links FORCE ROW LEVEL SECURITY;

REVOKE ALL ON audit.view_links FROM PUBLIC, audit_trusted, audit_keyed, audit_admin, audit_sealer, audit_signer, audit_keeper, audit_retention, audit_eraser;
REVOKE DELETE, TRUNCATE ON audit.view_links FROM audit_owner;

DROP POLICY IF EXISTS owner_keeps_view_links ON audit.view_links;
CREATE POLICY owner_keeps_view_links ON audit.view_links
    FOR ALL TO audit_owner
    USING (true)
    WITH CHECK (true);
COMMENT ON POLICY owner_keeps_view_links ON audit.view_links IS
    'For the functions that issue, open, revoke and list links, which run as audit_owner.';
